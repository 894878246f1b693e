//! What the scripts are told of how a call ended: the rules as data.

use domain::{Settlement, lease::term};
use serde::Serialize;

use super::question::{Close, millis};
use crate::store::{
    ledger,
    ruling::{self, Length, Rest, Ruling, StreakChange, Whose},
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
            ruling: ruling::ruling(&settlement.outcome).into(),
        }
    }
}

#[derive(Serialize)]
struct RulingRecord {
    streak: &'static str,
    proves: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<RevealedRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<RestRecord>,
}

#[derive(Serialize)]
struct RevealedRecord {
    quota: &'static str,
    limit: u32,
}

#[derive(Serialize)]
struct RestRecord {
    on: &'static str,
    length: LengthRecord,
    reason: &'static str,
    doubtful: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LengthRecord {
    Wait { millis: u64 },
    Backoff { first: u64, longest: u64 },
    DayEnd {},
    After { failures: u32, first: u64, longest: u64 },
}

impl From<Ruling> for RulingRecord {
    fn from(Ruling { streak, proves, rest, learned }: Ruling) -> Self {
        let streak = match streak {
            StreakChange::Kept => "kept",
            StreakChange::Cleared => "cleared",
            StreakChange::Throttled => "throttled",
            StreakChange::Failed => "failed",
        };
        let learned = learned.map(|told| RevealedRecord { quota: told.quota.as_str(), limit: told.limit });
        Self { streak, proves, learned, rest: rest.map(Into::into) }
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
        Self { on, length: length.into(), reason: reason.as_str(), doubtful: reason.leaves_doubt() }
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
            Length::After { failures, first, longest } => {
                Self::After { failures, first: millis(first), longest: millis(longest) }
            }
        }
    }
}
