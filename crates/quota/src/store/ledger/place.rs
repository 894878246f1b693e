//! One domain as a wish for leases sees it: how much it can hold, when, and on which account.

use std::collections::HashMap;

use domain::{Limits, Timestamp};

use super::{Counters, Ledger};
use crate::store::{Candidate, Cooling, CoolingReason, cooldown, probation::Probation, scope::Scope};

/// The counters of a domain that was never used.
static UNUSED: Counters = Counters::new();

/// A domain among the candidates.
pub(super) struct Place<'a> {
    /// The candidate that holds the leases: the first that may be used, or the one that may be used soonest. A wish
    /// for several prefers one that may hold several.
    pub(super) candidate: &'a Candidate,
    pub(super) counters: &'a Counters,
    /// What rests the candidate longest, if anything does.
    pub(super) cooling: Option<Cooling>,
    /// Where it is on probation, the one by which it is being tried longest: it can hold one lease.
    pub(super) probation: Option<Probation>,
}

impl<'a> Place<'a> {
    /// The places of ranked candidates, in the order in which their domains appear, for a wish for so many leases.
    pub(super) fn all(ledger: &'a Ledger, candidates: &'a [Candidate], wish: usize) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::new();
        let mut by_domain = HashMap::new();
        let late = |place: &Self| {
            let (rested, tried) = (place.rested_at(), place.tried_at());
            (rested.max(tried), wish > 1 && place.probation.is_some())
        };
        for candidate in candidates {
            let place = Self::of(ledger, candidate);
            let first = *by_domain.entry(&candidate.domain).or_insert(places.len());
            match places.get_mut(first) {
                None => places.push(place),
                Some(better) if late(better) <= late(&place) => {}
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
        let probations = scopes.iter().filter_map(|scope| ledger.probations.get(scope));
        let probation = probations
            .filter(|probation| probation.holds(ledger.now))
            .map(|probation| probation.at(ledger.now))
            .max_by_key(Probation::busy_until);
        Self { candidate, counters, cooling, probation }
    }

    /// The most leases that it could ever hold, as it is.
    pub(super) fn most_at_once(&self) -> u32 {
        self.limits().most_at_once().min(self.leeway())
    }

    /// How many leases it can hold more.
    pub(super) fn free(&self, at: Timestamp) -> u32 {
        if self.rested_at().max(self.tried_at()) > at {
            0
        } else {
            self.counters.free(self.limits(), at).min(self.leeway())
        }
    }

    /// How many its windows allow, whatever is in flight.
    fn allowed(&self, at: Timestamp) -> u32 {
        if self.rested_at() > at { 0 } else { self.counters.allowed(self.limits(), at).min(self.leeway()) }
    }

    /// The moments after `now` at which it may hold more than before.
    pub(super) fn moments(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let opens_at = [self.rested_at(), self.tried_at()].into_iter().filter(move |moment| *moment > now);
        self.counters.moments(now).chain(opens_at)
    }

    /// Why it holds none, if it rests or is being tried.
    pub(super) fn held_up(&self, now: Timestamp) -> Option<CoolingReason> {
        let tried = self.probation.filter(|probation| probation.busy_until() > now);
        self.cooling.map(|cooling| cooling.reason).or(tried.map(|probation| probation.reason))
    }

    fn limits(&self) -> &Limits {
        &self.candidate.limits
    }

    fn leeway(&self) -> u32 {
        if self.probation.is_some() { 1 } else { u32::MAX }
    }

    fn rested_at(&self) -> Timestamp {
        self.cooling.map(|cooling| cooling.until).unwrap_or_default()
    }

    fn tried_at(&self) -> Timestamp {
        self.probation.map(|probation| probation.busy_until()).unwrap_or_default()
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
