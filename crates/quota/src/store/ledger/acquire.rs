//! Admission: all leases of a wish or none.

use std::time::Duration;

use domain::{
    Fence, Lease, LeaseId, Timestamp,
    lease::{Scarcity, term},
};

use super::{
    Entry, Ledger, State,
    place::{Opening, Place},
};
use crate::store::{Acquisition, Candidate, CoolingReason, MOST_CANDIDATES, Wish};

/// How long to wait where only calls in flight are in the way: any of them may end at once.
const LANDING: Duration = Duration::from_secs(1);

impl Ledger {
    /// Grants a lease for every id, or none.
    pub(crate) fn acquire(&mut self, moment: Timestamp, wish: &Wish) -> Acquisition {
        let Wish { ids, candidates, .. } = wish;
        let now = self.tick(moment);
        if let Some(known) = ids.iter().find(|id| self.leases.contains_key(id)) {
            return self.repeat(ids, known);
        }
        let candidates = &candidates[..candidates.len().min(MOST_CANDIDATES)];
        let places = Place::all(self, candidates);
        match deal(&places, ids.len(), now) {
            None => shortage(&places, ids.len(), now),
            Some(hands) => {
                let leases = ids.iter().zip(hands).map(|(id, hand)| self.grant(id, hand)).collect();
                Acquisition::Granted { now, leases }
            }
        }
    }

    /// What to answer where the candidates have no room for this many.
    pub(crate) fn shortage(&self, wish: usize, candidates: &[Candidate]) -> Acquisition {
        shortage(&Place::all(self, candidates), wish, self.now)
    }

    fn repeat(&self, ids: &[LeaseId], known: &LeaseId) -> Acquisition {
        let leases: Option<_> = ids.iter().map(|id| self.leases.get(id).map(Entry::replay)).collect();
        match leases {
            Some(leases) => Acquisition::Granted { now: self.now, leases },
            None => Acquisition::Mixed { known: known.clone() },
        }
    }

    fn grant(&mut self, id: &LeaseId, candidate: Candidate) -> Lease {
        let now = self.now;
        self.fence = Fence(self.fence.0 + 1);
        let lease = Lease {
            id: id.clone(),
            account: candidate.account,
            domain: candidate.domain,
            fence: self.fence,
            start_by: now + term::START,
            expires_at: now + term::LEASE,
        };
        let entry = Entry {
            lease: lease.clone(),
            granted_at: now,
            leaves_at: now + term::WINDOW,
            state: State::Active,
        };
        let counters = self.domains.entry(lease.domain.clone()).or_default();
        counters.charge(now);
        counters.depart(&entry, now);
        self.agenda.insert(entry.due(), id.clone());
        self.last_used.insert(lease.account.clone(), lease.fence);
        self.leases.insert(id.clone(), entry);
        self.changes.leases.insert(id.clone());
        self.changes.domains.insert(lease.domain.clone());
        lease
    }
}

/// Goes round the places in rank order, one lease to each that has room, until all are dealt.
fn deal(places: &[Place<'_>], wish: usize, now: Timestamp) -> Option<Vec<Candidate>> {
    let mut free: Vec<_> = places.iter().map(|place| place.free(now)).collect();
    let room = free.iter().fold(0usize, |sum, free| sum.saturating_add(*free as usize));
    if room < wish {
        return None;
    }
    let mut hands = Vec::with_capacity(wish);
    while hands.len() < wish {
        for (place, free) in places.iter().zip(&mut free) {
            if *free > 0 && hands.len() < wish {
                *free -= 1;
                hands.push(place.candidate.clone());
            }
        }
    }
    Some(hands)
}

fn shortage(places: &[Place<'_>], wish: usize, now: Timestamp) -> Acquisition {
    let at_most = places.iter().fold(0, |sum: u32, place| sum.saturating_add(place.limits().most_at_once()));
    let wish = u32::try_from(wish).unwrap_or(u32::MAX).min(at_most);
    let opening = Opening::of(places, wish, now);
    let retry_at = opening.surely.min(opening.soonest.max(now + LANDING));
    Acquisition::Limited { retry_after: retry_at.since(now), at_most, scarcity: scarcity(places) }
}

/// What is short: capacity or health where that is what rests every place, and else quota.
fn scarcity(places: &[Place<'_>]) -> Scarcity {
    let all = |reasons: &[CoolingReason]| {
        let rests =
            |place: &Place<'_>| place.cooling.is_some_and(|cooling| reasons.contains(&cooling.reason));
        !places.is_empty() && places.iter().all(rests)
    };
    if all(&[CoolingReason::Overloaded]) {
        Scarcity::Capacity
    } else if all(&[CoolingReason::Overloaded, CoolingReason::Failing]) {
        Scarcity::Failing
    } else {
        Scarcity::Quota
    }
}
