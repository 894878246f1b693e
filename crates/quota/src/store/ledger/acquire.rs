//! Admission: all leases of a wish or none.

use domain::{
    Fence, Lease, LeaseId, Timestamp,
    lease::{Scarcity, term},
};

use super::{
    ClientCounters, Entry, LANDING, Ledger, State,
    place::{Opening, Place},
};
use crate::store::{Acquisition, Candidate, CoolingReason, MOST_CANDIDATES, Scope, Wish, order::Order};

impl Ledger {
    /// Grants a lease for every id, or none.
    pub(crate) fn acquire(&mut self, moment: Timestamp, wish: &Wish) -> Acquisition {
        let Wish { ids, candidates, .. } = wish;
        let now = self.tick(moment);
        if let Some(known) = ids.iter().find(|id| self.leases.contains_key(id)) {
            return self.repeat(ids, known);
        }
        if let Some(refusal) = self.client_refusal(wish) {
            return refusal;
        }
        let candidates = &candidates[..candidates.len().min(MOST_CANDIDATES)];
        let places = Place::all(self, candidates, ids.len());
        match deal(&places, ids.len(), now) {
            None => shortage(&places, ids.len(), now),
            Some(hands) => {
                let leases = ids.iter().zip(hands).map(|(id, hand)| self.grant(id, hand, wish)).collect();
                Acquisition::Granted { now, leases }
            }
        }
    }

    /// What to answer where the candidates have no room for this many.
    pub(crate) fn shortage(&self, wish: usize, candidates: &[Candidate]) -> Acquisition {
        shortage(&Place::all(self, candidates, wish), wish, self.now)
    }

    /// What to answer where the client has used up what it may use.
    pub(crate) fn client_refusal(&self, wish: &Wish) -> Option<Acquisition> {
        let unused = ClientCounters::default();
        let counters = self.clients.get(&wish.client.id).unwrap_or(&unused);
        let (limit, retry_after) = counters.refusal(wish, self.now)?;
        Some(Acquisition::ClientLimited { limit, retry_after })
    }

    fn repeat(&self, ids: &[LeaseId], known: &LeaseId) -> Acquisition {
        let leases: Option<_> = ids.iter().map(|id| self.leases.get(id).map(Entry::replay)).collect();
        match leases {
            Some(leases) => Acquisition::Granted { now: self.now, leases },
            None => Acquisition::Mixed { known: known.clone() },
        }
    }

    fn grant(&mut self, id: &LeaseId, candidate: Candidate, wish: &Wish) -> Lease {
        let now = self.now;
        // Fences do not fall behind the clock, so that even a ledger that forgot everything repeats none.
        self.fence = Fence(self.fence.0.max(now.as_millis()) + 1);
        let lease = Lease {
            id: id.clone(),
            account: candidate.account,
            domain: candidate.domain,
            fence: self.fence,
            start_by: now + term::START,
            expires_at: now + term::LEASE,
        };
        let client = self.clients.entry(wish.client.id.clone()).or_default();
        let order = Order::of(wish, client.request(&wish.request, now));
        let entry = Entry {
            lease: lease.clone(),
            order,
            granted_at: now,
            leaves_at: now + term::WINDOW,
            state: State::Active,
        };
        client.reserve(&entry);
        client.depart(&entry);
        let counters = self.domains.entry(lease.domain.clone()).or_default();
        counters.charge(now);
        counters.depart(&entry, now);
        self.try_out(&lease);
        self.agenda.insert(entry.due(), id.clone());
        self.last_used.insert(lease.account.clone(), lease.fence);
        self.leases.insert(id.clone(), entry);
        self.changes.leases.insert(id.clone());
        self.changes.domains.insert(lease.domain.clone());
        self.changes.clients.insert(wish.client.id.clone());
        lease
    }

    /// Notes that this lease is what tries all of its scopes that are on probation.
    fn try_out(&mut self, lease: &Lease) {
        if self.probations.is_empty() {
            return;
        }
        for scope in Scope::all(&lease.account, &lease.domain) {
            if let Some(probation) = self.probations.get_mut(&scope).filter(|it| it.holds(self.now)) {
                probation.probe = Some((lease.fence, lease.expires_at));
                self.changes.probations.insert(scope);
            }
        }
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
    let at_most = places.iter().fold(0, |sum: u32, place| sum.saturating_add(place.most_at_once()));
    let wish = u32::try_from(wish).unwrap_or(u32::MAX).min(at_most);
    let opening = Opening::of(places, wish, now);
    let retry_at = opening.surely.min(opening.soonest.max(now + LANDING));
    Acquisition::Limited { retry_after: retry_at.since(now), at_most, scarcity: scarcity(places, now) }
}

/// What is short: capacity or health where that is what rests every place, and else quota.
fn scarcity(places: &[Place<'_>], now: Timestamp) -> Scarcity {
    let all = |reasons: &[CoolingReason]| {
        let rests = |place: &Place<'_>| place.held_up(now).is_some_and(|reason| reasons.contains(&reason));
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
