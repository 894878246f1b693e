//! What the scripts are told of how a call ended: the rules as data.

use domain::{Settlement, lease::term};
use serde::Serialize;

use super::question::{Close, millis};
use crate::store::{
    cooldown::{self, Length, Rest, Ruling, StreakChange, Whose},
    ledger,
};

/// A word on a lease whose call ended.
#[derive(Serialize)]
pub(super) struct Settle<'a> {
    #[serde(flatten)]
    close: Close<'a>,
    minute: u64,
    answered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<u64>,
    ruling: RulingRecord,
}

impl<'a> Settle<'a> {
    /// Says what follows from a closing.
    pub(super) fn new(close: Close<'a>, settlement: &Settlement) -> Self {
        Self {
            close,
            minute: millis(term::MINUTE),
            answered: ledger::was_answered(&settlement.outcome),
            sent: settlement.sent_after.map(|sent_after| millis(sent_after.saturating_add(term::NETWORK))),
            ruling: cooldown::ruling(&settlement.outcome).into(),
        }
    }
}

#[derive(Serialize)]
struct RulingRecord {
    streak: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<RestRecord>,
}

#[derive(Serialize)]
struct RestRecord {
    on: &'static str,
    length: LengthRecord,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LengthRecord {
    Wait { millis: u64 },
    Backoff { first: u64, longest: u64 },
    DayEnd {},
    After { failures: u32, millis: u64 },
}

impl From<Ruling> for RulingRecord {
    fn from(Ruling { streak, rest }: Ruling) -> Self {
        let streak = match streak {
            StreakChange::Kept => "kept",
            StreakChange::Cleared => "cleared",
            StreakChange::Throttled => "throttled",
            StreakChange::Failed => "failed",
        };
        Self { streak, rest: rest.map(Into::into) }
    }
}

impl From<Rest> for RestRecord {
    fn from(Rest { on, length, reason }: Rest) -> Self {
        let on = match on {
            Whose::Domain => "domain",
            Whose::Account => "account",
            Whose::Access => "access",
            Whose::Project => "project",
            Whose::Pool => "pool",
        };
        Self { on, length: length.into(), reason: reason.as_str() }
    }
}

impl From<Length> for LengthRecord {
    fn from(length: Length) -> Self {
        match length {
            Length::Wait(wait) => Self::Wait { millis: millis(wait) },
            Length::Backoff { first, longest } => {
                Self::Backoff { first: millis(first), longest: millis(longest) }
            }
            Length::DayEnd => Self::DayEnd {},
            Length::After { failures, wait } => Self::After { failures, millis: millis(wait) },
        }
    }
}
