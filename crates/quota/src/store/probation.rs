//! What rested for a reason that time alone does not mend, and has to prove itself.
//!
//! Once the rest is over, one lease at a time is granted on the scope, until a call that was leased since succeeds.
//! One that fails rests the scope again; one that ends otherwise lets the next one try.

use std::time::Duration;

use domain::{Fence, Timestamp};

use super::CoolingReason;

/// That a scope must prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probation {
    /// Why it rested.
    pub(crate) reason: CoolingReason,
    /// When that became known.
    pub(crate) since: Timestamp,
    /// How often it failed on probation before.
    pub(crate) rounds: u32,
    /// The active lease by which it is being tried, and when that ends.
    pub(crate) probe: Option<(Fence, Timestamp)>,
}

impl Probation {
    /// How long it lasts: what nobody tried for that long is as good as new.
    pub(crate) const LONGEST: Duration = Duration::from_hours(24);

    /// The probation of a scope that failed a call leased at `granted_at`. A call that was leased before the last
    /// failure was known is no further one.
    pub(crate) fn after(
        before: Option<&Self>,
        reason: CoolingReason,
        granted_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let before = before.filter(|before| before.holds(now));
        let rounds = before
            .map_or(0, |before| before.rounds.saturating_add(u32::from(before.is_judged_by(granted_at))));
        Self { reason, since: now, rounds, probe: None }
    }

    /// Whether it has not lapsed.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        now < self.since + Self::LONGEST
    }

    /// How it is at this moment: a lease whose term is over tries nothing.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        Self { probe: self.probe.filter(|(_, ends_at)| *ends_at > now), ..self }
    }

    /// Whether a call that was leased then says anything of what became of the scope since.
    pub(crate) fn is_judged_by(&self, granted_at: Timestamp) -> bool {
        granted_at > self.since
    }

    /// Until when it is being tried.
    pub(crate) fn busy_until(&self) -> Timestamp {
        self.probe.map(|(_, ends_at)| ends_at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_leased_since_the_last_failure_make_a_further_round() {
        let at = |seconds| Timestamp::default() + Duration::from_secs(seconds);
        let after = |before: Option<&Probation>, granted_at, now| {
            Probation::after(before, CoolingReason::Failing, granted_at, now)
        };
        let first = after(None, at(0), at(10));
        let burst = after(Some(&first), at(9), at(11));
        let failed_again = after(Some(&burst), at(41), at(42));
        assert_eq!((first.rounds, burst.rounds, failed_again.rounds), (0, 0, 1));
        let long_after = at(42) + Probation::LONGEST;
        assert_eq!(after(Some(&failed_again), long_after, long_after).rounds, 0);
    }
}
