//! What follows from how a call ended.

use std::collections::{BTreeSet, HashMap};

use domain::{CallOutcome, LeaseId, Timestamp, lease::Revealed};

use super::{Entry, Ledger, State};
use crate::store::{
    Scope, cooldown,
    cooldown::Cooling,
    probation::Probation,
    ruling::{self, Rest, StreakChange},
    streak::Streak,
};

impl Ledger {
    /// Draws the conclusions of an outcome for those that would call next.
    pub(super) fn judge(&mut self, id: &LeaseId, outcome: &CallOutcome) {
        let Entry { lease, granted_at, .. } = &self.leases[id];
        let (scopes, granted_at) = (Scope::all(&lease.account, &lease.domain), *granted_at);
        let ruling = ruling::ruling(outcome);
        let streak = self.fare(id, ruling.streak, ruling.learned);
        if ruling.proves {
            self.prove(&scopes, granted_at);
        }
        if let Some(rest) = ruling.rest {
            self.rest(scopes, rest, granted_at, streak);
        }
    }

    /// Notes how the domain fared and what was told of it, and tells its streak.
    fn fare(&mut self, id: &LeaseId, change: StreakChange, learned: Option<Revealed>) -> Streak {
        let (now, Entry { lease, granted_at, .. }) = (self.now, &self.leases[id]);
        let lasting = self.domains.entry(lease.domain.clone()).or_default().lasting_mut();
        let before = (lasting.streak, lasting.learned);
        lasting.streak = match change {
            StreakChange::Kept => lasting.streak,
            StreakChange::Cleared => Streak::default(),
            StreakChange::Throttled => lasting.streak.throttled(*granted_at, now),
            StreakChange::Failed => lasting.streak.failed(),
        };
        if let Some(revealed) = learned {
            lasting.learned = lasting.learned.told(revealed, now);
        }
        if (lasting.streak, lasting.learned) != before {
            self.changes.domains.insert(lease.domain.clone());
        }
        lasting.streak
    }

    /// Ends the probations that a call passed which was leased then.
    fn prove(&mut self, scopes: &[Scope], granted_at: Timestamp) {
        for scope in scopes {
            if self.probations.get(scope).is_some_and(|probation| probation.is_judged_by(granted_at)) {
                self.probations.remove(scope);
                self.changes.probations.insert(scope.clone());
            }
        }
    }

    fn rest(&mut self, scopes: [Scope; 5], rest: Rest, granted_at: Timestamp, streak: Streak) {
        let (now, scope) = (self.now, rest.on.of(scopes));
        let probation = Probation::after(self.probations.get(&scope), rest.reason, granted_at, now);
        let Some(until) = rest.length.end(granted_at, streak, probation.rounds, now) else { return };
        if rest.reason.leaves_doubt() {
            self.probations.insert(scope.clone(), probation);
            self.changes.probations.insert(scope.clone());
        }
        let cooling = Cooling { until, reason: rest.reason };
        let cooling = cooldown::longer(self.coolings.get(&scope).copied(), cooling);
        self.coolings.insert(scope.clone(), cooling);
        self.changes.coolings.insert(scope);
    }
}

/// Notes when a lease ends that tries something on probation, or that it has ended.
pub(super) fn follow_probe(
    probations: &mut HashMap<Scope, Probation>,
    changed: &mut BTreeSet<Scope>,
    entry: &Entry,
) {
    if probations.is_empty() {
        return;
    }
    let (lease, is_active) = (&entry.lease, entry.state == State::Active);
    for scope in Scope::all(&lease.account, &lease.domain) {
        let Some(probation) = probations.get_mut(&scope) else { continue };
        if probation.probe.is_some_and(|(fence, _)| fence == lease.fence) {
            probation.probe = is_active.then_some((lease.fence, lease.expires_at));
            changed.insert(scope);
        }
    }
}
