//! What the scripts are asked, as JSON.

use std::{collections::BTreeSet, time::Duration};

use domain::{AccountId, Fence, LeaseId, QuotaDomain, lease::term};
use serde::Serialize;

use super::testimony::Learning;
use crate::store::{
    Candidate, Scope,
    ending::EndingRecord,
    key,
    ledger::{self, Ending},
    order::Reckoning,
    usage::{self, MOST_RECORDS, RECORDS_LAST, TOTALS_LAST},
};

/// How many leases one round of expiry attends to: it holds up everybody else meanwhile.
const ROUND: u32 = 100;

/// A word on a lease that goes on.
#[derive(Serialize)]
pub(super) struct Renew<'a> {
    id: &'a str,
    fence: u64,
    lease: u64,
    longest: u64,
}

impl<'a> Renew<'a> {
    pub(super) fn new(id: &'a LeaseId, fence: Fence) -> Self {
        Self { id: id.as_str(), fence: fence.0, lease: millis(term::LEASE), longest: millis(term::LONGEST) }
    }
}

/// A word on a lease that ends.
#[derive(Serialize)]
pub(super) struct Close<'a> {
    id: &'a str,
    fence: u64,
    ending: &'a str,
    reckoning: ReckoningRecord,
    heard: Heard,
    #[serde(flatten)]
    retention: Retention,
    remembered: u64,
    awaited: u64,
}

impl<'a> Close<'a> {
    /// Says how a lease ended, spelled so.
    pub(super) fn new(id: &'a LeaseId, fence: Fence, spelled: &'a str, ending: &Ending) -> Self {
        Self {
            id: id.as_str(),
            fence: fence.0,
            ending: spelled,
            reckoning: Reckoning::of(ending).into(),
            heard: Heard::of(ending),
            retention: Retention::KNOWN,
            remembered: millis(ledger::REMEMBERED),
            awaited: millis(ledger::AWAITED),
        }
    }
}

/// What was heard of a call, for the usage log.
#[derive(Serialize)]
struct Heard {
    outcome: &'static str,
    images: u32,
    tokens: [u64; 4],
}

impl Heard {
    fn of(ending: &Ending) -> Self {
        let outcome = usage::outcome(Some(ending)).as_str();
        let (images, tokens) = usage::came(Some(ending));
        Self { outcome, images, tokens: usage::listed(tokens) }
    }
}

/// How long the usage log is kept.
#[derive(Serialize)]
struct Retention {
    usage_lasts: u64,
    most_usage: usize,
    totals_last: u64,
}

impl Retention {
    const KNOWN: Self = Self {
        usage_lasts: RECORDS_LAST.as_secs() * 1_000,
        most_usage: MOST_RECORDS,
        totals_last: TOTALS_LAST.as_secs() * 1_000,
    };
}

/// A page of the usage log.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<&'a str>,
    pub(super) count: usize,
}

/// The sums of days.
#[derive(Serialize)]
pub(super) struct Sums {
    pub(super) since: u64,
    pub(super) until: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ReckoningRecord {
    Reserved,
    Nothing,
    Delivered { images: u32, image_tokens: u32 },
}

impl From<Reckoning> for ReckoningRecord {
    fn from(reckoning: Reckoning) -> Self {
        match reckoning {
            Reckoning::Reserved => Self::Reserved,
            Reckoning::Nothing => Self::Nothing,
            Reckoning::Delivered { images, image_tokens } => Self::Delivered { images, image_tokens },
        }
    }
}

/// A round of expiry.
#[derive(Serialize)]
pub(super) struct Expire {
    round: u32,
    awaited: u64,
    #[serde(flatten)]
    retention: Retention,
    #[serde(flatten)]
    learning: Learning,
}

impl Expire {
    pub(super) fn new(learning: Learning) -> Self {
        let awaited = millis(ledger::AWAITED);
        Self { round: ROUND, awaited, retention: Retention::KNOWN, learning }
    }
}

/// What some candidates have in common or for themselves, each named once.
pub(super) struct Subjects {
    pub(super) domains: Vec<QuotaDomain>,
    pub(super) scopes: Vec<Scope>,
    pub(super) accounts: Vec<AccountId>,
}

/// The subjects in words.
#[derive(Serialize)]
pub(super) struct View {
    domains: Vec<String>,
    scopes: Vec<String>,
    accounts: Vec<String>,
}

impl Subjects {
    /// The subjects of these candidates.
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        let domains: BTreeSet<_> = candidates.iter().map(|candidate| candidate.domain.clone()).collect();
        let scopes =
            candidates.iter().flat_map(|candidate| Scope::all(&candidate.account, &candidate.domain));
        let scopes: BTreeSet<_> = scopes.collect();
        let accounts: BTreeSet<_> = candidates.iter().map(|candidate| candidate.account.clone()).collect();
        Self {
            domains: domains.into_iter().collect(),
            scopes: scopes.into_iter().collect(),
            accounts: accounts.into_iter().collect(),
        }
    }

    /// The subjects in words, in the same order.
    pub(super) fn view(&self) -> View {
        View {
            domains: self.domains.iter().map(key::domain).collect(),
            scopes: self.scopes.iter().map(key::scope).collect(),
            accounts: self.accounts.iter().map(ToString::to_string).collect(),
        }
    }
}

/// How a lease ended, in the same words whenever it ended in the same way.
pub(super) fn spelled(ending: &Ending) -> String {
    written(&EndingRecord::from(ending))
}

/// A question as it is sent.
pub(super) fn written(question: &impl Serialize) -> String {
    serde_json::to_string(question).expect("these are plain structs with text for keys")
}

/// A span as scripts take it.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
