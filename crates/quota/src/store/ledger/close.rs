//! How leases go on and how they end.

use domain::{
    Fence, Lease, LeaseId, Settlement, Timestamp,
    lease::{Closing, Renewal, term},
};

use super::{Ending, Entry, Ledger, State, judge, minute};
use crate::store::usage;

/// The most leases that one round of expiry attends to, so that no round holds up others for long.
const ROUND: usize = 1_000;

impl Ledger {
    /// Prolongs an active lease.
    pub(crate) fn renew(&mut self, moment: Timestamp, id: &LeaseId, fence: Fence) -> Renewal {
        let now = self.tick(moment);
        let Some(entry) = self.leases.get(id) else { return Renewal::Ended };
        if entry.lease.fence != fence || !entry.is_active(now) {
            return Renewal::Ended;
        }
        let expires_at = (now + term::LEASE).min(entry.granted_at + term::LONGEST);
        if expires_at > entry.lease.expires_at {
            self.amend(id, |entry| entry.lease.expires_at = expires_at);
        }
        Renewal::Active { expires_in: expires_at.since(now) }
    }

    /// Closes a lease with its call's outcome.
    pub(crate) fn settle(
        &mut self,
        moment: Timestamp,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Closing {
        let outcome = &settlement.outcome;
        let closing = self.close(moment, id, fence, &Ending::Settled(outcome.clone()));
        if closing == Closing::Closed {
            let now = self.now;
            self.amend(id, |entry| entry.leaves_at = minute::leaves_at(entry.granted_at, settlement, now));
        }
        if matches!(closing, Closing::Closed | Closing::Late) {
            self.judge(id, outcome);
        }
        closing
    }

    /// Closes a lease as if it had never been granted.
    pub(crate) fn release(&mut self, moment: Timestamp, id: &LeaseId, fence: Fence) -> Closing {
        let closing = self.close(moment, id, fence, &Ending::Released);
        if closing == Closing::Closed {
            self.refund(id);
        }
        closing
    }

    /// Ends the leases whose term is over, and forgets what need not be remembered any more.
    pub(crate) fn expire(&mut self, moment: Timestamp) -> Vec<Lease> {
        let now = self.tick(moment);
        let mut expired = Vec::new();
        for _ in 0..ROUND {
            let Some(due) = self.agenda.first_entry().filter(|due| due.key().0 <= now) else { break };
            let id = due.get().clone();
            match &self.leases[&id] {
                Entry { state: State::Active, lease, .. } => {
                    expired.push(lease.clone());
                    self.amend(&id, |entry| entry.state = State::Expired);
                    self.changes.usage.push(usage::record(&self.leases[&id], None, false, now));
                }
                _ => self.forget(&id),
            }
        }
        self.warm(now);
        expired
    }

    fn close(&mut self, moment: Timestamp, id: &LeaseId, fence: Fence, ending: &Ending) -> Closing {
        let now = self.tick(moment);
        let Some(entry) = self.leases.get(id) else { return Closing::Unknown };
        if entry.lease.fence != fence {
            return Closing::Fenced;
        }
        match &entry.state {
            State::Closed { ending: first, .. } | State::Late { ending: first } => {
                if first == ending {
                    Closing::Duplicate
                } else {
                    Closing::Conflict
                }
            }
            State::Active if entry.is_active(now) => {
                self.amend(id, |entry| entry.state = State::Closed { ending: ending.clone(), at: now });
                self.reckon(id, ending, false);
                Closing::Closed
            }
            State::Active | State::Expired => {
                let amends = entry.state == State::Expired;
                self.amend(id, |entry| entry.state = State::Late { ending: ending.clone() });
                self.reckon(id, ending, amends);
                Closing::Late
            }
        }
    }

    /// Puts what the call took in the place of what was reserved for it, and records it.
    fn reckon(&mut self, id: &LeaseId, ending: &Ending, amends: bool) {
        let entry = &self.leases[id];
        if amends || *ending != Ending::Released {
            self.changes.usage.push(usage::record(entry, Some(ending), amends, self.now));
        }
        let client = &entry.order.client;
        self.clients.entry(client.clone()).or_default().correct(entry, entry.order.spent(ending));
        self.changes.clients.insert(client.clone());
    }

    fn refund(&mut self, id: &LeaseId) {
        let Entry { lease, granted_at, .. } = &self.leases[id];
        self.domains.entry(lease.domain.clone()).or_default().refund(*granted_at);
        self.changes.domains.insert(lease.domain.clone());
    }

    /// Changes a lease that is remembered, and everything that follows from it.
    fn amend(&mut self, id: &LeaseId, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.leases.get_mut(id) else { return };
        let counters = self.domains.entry(entry.lease.domain.clone()).or_default();
        let client = self.clients.entry(entry.order.client.clone()).or_default();
        self.agenda.remove(&entry.due());
        counters.land(entry);
        client.land(entry);
        change(entry);
        counters.depart(entry, self.now);
        client.depart(entry);
        judge::follow_probe(&mut self.probations, &mut self.changes.probations, entry);
        self.agenda.insert(entry.due(), id.clone());
        self.changes.leases.insert(id.clone());
        self.changes.stirred.insert(entry.lease.domain.clone());
    }

    fn forget(&mut self, id: &LeaseId) {
        if let Some(entry) = self.leases.remove(id) {
            self.agenda.remove(&entry.due());
            self.changes.leases.insert(id.clone());
        }
    }

    /// Drops the cooldowns that are over, and the probations that lapsed.
    fn warm(&mut self, now: Timestamp) {
        let changes = &mut self.changes.coolings;
        self.coolings.retain(|scope, cooling| {
            let rests = cooling.until > now;
            if !rests {
                changes.insert(scope.clone());
            }
            rests
        });
        let changes = &mut self.changes.probations;
        self.probations.retain(|scope, probation| {
            let holds = probation.holds(now);
            if !holds {
                changes.insert(scope.clone());
            }
            holds
        });
    }
}
