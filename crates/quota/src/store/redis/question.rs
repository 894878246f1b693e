//! What the scripts are asked, as JSON.

use std::{collections::BTreeSet, time::Duration};

use domain::{AccountId, Client, Fence, LeaseId, PacificDay, QuotaDomain, Timestamp, lease::term};
use serde::Serialize;

use super::testimony::Learning;
use crate::store::{
    Candidate, Scope, Wish,
    ending::EndingRecord,
    key,
    ledger::{self, Ending},
    order::Reckoning,
    usage::{self, MOST_RECORDS, RECORDS_LAST, TOTALS_LAST},
};

/// How many leases one round of expiry attends to: it holds up everybody else meanwhile.
const ROUND: u32 = 100;

/// A wish for leases.
#[derive(Serialize)]
pub(super) struct Acquire<'a> {
    ids: Vec<&'a str>,
    client: Patron<'a>,
    candidates: Vec<Place>,
    minute: u64,
    remembered: u64,
    days: Vec<[u64; 2]>,
    edge: u64,
    start: u64,
    lease: u64,
    window: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<u64>,
    view: View,
}

#[derive(Serialize)]
struct Patron<'a> {
    id: &'a str,
    request: &'a str,
    resolution: &'static str,
    price: u64,
    tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent: Option<u32>,
}

#[derive(Serialize)]
struct Place {
    account: String,
    domain: String,
    scopes: Scopes,
    minute: u32,
    day: u32,
    concurrent: u32,
}

#[derive(Serialize)]
struct Scopes {
    domain: String,
    account: String,
    access: String,
    project: String,
    pool: String,
}

impl<'a> Acquire<'a> {
    /// Asks for a lease for each id, when the present is about `present` and nobody waits after `not_after`.
    pub(super) fn new(
        wish: &'a Wish,
        candidates: &[Candidate],
        subjects: &Subjects,
        present: Timestamp,
        not_after: Option<Timestamp>,
    ) -> Self {
        Self {
            ids: wish.ids.iter().map(LeaseId::as_str).collect(),
            client: Patron::of(wish),
            candidates: candidates.iter().map(Place::of).collect(),
            minute: millis(term::MINUTE),
            remembered: millis(ledger::REMEMBERED),
            days: days_about(present).map(|day| [day.start.as_millis(), day.end.as_millis()]).to_vec(),
            edge: millis(ledger::MIDNIGHT),
            start: millis(term::START),
            lease: millis(term::LEASE),
            window: millis(term::WINDOW),
            not_after: not_after.map(Timestamp::as_millis),
            view: subjects.view(),
        }
    }
}

impl<'a> Patron<'a> {
    fn of(wish: &'a Wish) -> Self {
        let Client { id, limits } = &wish.client;
        Self {
            id: id.as_str(),
            request: wish.request.as_str(),
            resolution: wish.rate.resolution.as_str(),
            price: wish.rate.price_micro_usd,
            tokens: wish.rate.tokens,
            requests: limits.requests_per_minute,
            images: limits.images_per_day,
            spend: limits.spend_per_day_micro_usd,
            concurrent: limits.concurrent,
        }
    }
}

impl Place {
    fn of(candidate: &Candidate) -> Self {
        let Candidate { account, domain, limits } = candidate;
        let [of_domain, of_account, access, project, pool] =
            Scope::all(account, domain).map(|scope| key::scope(&scope));
        Self {
            account: account.to_string(),
            domain: key::domain(domain),
            scopes: Scopes { domain: of_domain, account: of_account, access, project, pool },
            minute: limits.requests_per_minute.min(limits.images_per_minute),
            day: limits.requests_per_day,
            concurrent: limits.concurrent,
        }
    }
}

/// Yesterday, today, tomorrow and the day after: the script looks which of them the present is in.
fn days_about(present: Timestamp) -> [PacificDay; 4] {
    let today = PacificDay::of(present);
    let yesterday = PacificDay::of(today.start - Duration::from_millis(1));
    let tomorrow = PacificDay::of(today.end);
    [yesterday, today, tomorrow, PacificDay::of(tomorrow.end)]
}

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
