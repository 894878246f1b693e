//! A wish for leases, as `acquire.lua` reads it.

use std::time::Duration;

use domain::{Client, LeaseId, PacificDay, Timestamp, lease::term};
use serde::Serialize;

use super::question::{Subjects, View, millis};
use crate::store::{Candidate, Scope, Wish, key, ledger};

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
    known: u64,
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
            known: wish.known_fence.map_or(0, |fence| fence.0),
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
