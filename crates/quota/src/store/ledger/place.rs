//! One domain as a wish for leases sees it: how much it can hold, when, and on which account.

use std::collections::HashMap;

use domain::{Limits, Timestamp};

use super::{Counters, Ledger};
use crate::store::{
    Candidate, Cooling,
    cooldown::{self, Scope},
};

/// The counters of a domain that was never used.
static UNUSED: Counters = Counters::new();

/// A domain among the candidates.
pub(super) struct Place<'a> {
    /// The candidate that holds the leases: the first that may be used, or the one that may be used soonest.
    pub(super) candidate: &'a Candidate,
    pub(super) counters: &'a Counters,
    /// What rests the candidate longest, if anything does.
    pub(super) cooling: Option<Cooling>,
}

impl<'a> Place<'a> {
    /// The places of ranked candidates, in the order in which their domains appear.
    pub(super) fn all(ledger: &'a Ledger, candidates: &'a [Candidate]) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        let mut by_domain = HashMap::new();
        for candidate in candidates {
            let place = Self::of(ledger, candidate);
            let first = *by_domain.entry(&candidate.domain).or_insert(places.len());
            match places.get_mut(first) {
                None => places.push(place),
                Some(better) if better.opens_at() <= place.opens_at() => {}
                Some(worse) => *worse = place,
            }
        }
        places
    }

    /// The place of one candidate.
    pub(super) fn of(ledger: &'a Ledger, candidate: &'a Candidate) -> Self {
        let counters = ledger.domains.get(&candidate.domain).unwrap_or(&UNUSED);
        let scopes = Scope::all(&candidate.account, &candidate.domain);
        let coolings = scopes.iter().filter_map(|scope| ledger.coolings.get(scope));
        let cooling = coolings
            .filter(|cooling| cooling.until > ledger.now)
            .fold(None, |longest, cooling| Some(cooldown::longer(longest, *cooling)));
        Self { candidate, counters, cooling }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.candidate.limits
    }

    /// How many leases it can hold more.
    pub(super) fn free(&self, at: Timestamp) -> u32 {
        if self.opens_at() > at { 0 } else { self.counters.free(self.limits(), at) }
    }

    /// How many its windows allow, whatever is in flight.
    fn allowed(&self, at: Timestamp) -> u32 {
        if self.opens_at() > at { 0 } else { self.counters.allowed(self.limits(), at) }
    }

    /// The moments after `now` at which it may hold more than before.
    pub(super) fn moments(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let opens_at = self.cooling.map(|cooling| cooling.until);
        self.counters.moments(now).chain(opens_at)
    }

    fn opens_at(&self) -> Timestamp {
        self.cooling.map(|cooling| cooling.until).unwrap_or_default()
    }
}

/// When these places can hold a number of leases, at the earliest.
pub(super) struct Opening {
    /// Provided that calls in flight end before.
    pub(super) soonest: Timestamp,
    /// Even if none of them ends before its lease does.
    pub(super) surely: Timestamp,
}

impl Opening {
    /// Looks for the first moment from `now` on at which `wish` leases fit: between the moments at which something
    /// ends nothing changes, and from each to the next there is only more room.
    pub(super) fn of<'a>(places: &[Place<'a>], wish: u32, now: Timestamp) -> Self {
        let mut moments: Vec<_> = places.iter().flat_map(|place| place.moments(now)).collect();
        moments.push(now);
        moments.sort_unstable();
        let first = |room: fn(&Place<'a>, Timestamp) -> u32| {
            let lacking = |at: &Timestamp| {
                places.iter().fold(0, |sum: u32, place| sum.saturating_add(room(place, *at))) < wish
            };
            let found = moments.partition_point(lacking).min(moments.len() - 1);
            moments[found]
        };
        Self { soonest: first(Place::allowed), surely: first(Place::free) }
    }
}
