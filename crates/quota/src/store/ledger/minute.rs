//! The minute window: an exact log of the calls that some minute at the provider may still hold.
//!
//! A grant takes one unit, and the unit leaves at `A + 60 s`, where `A` is the latest moment at which the provider
//! can have counted its call: 3 s after the grant ([`START`](term::START) and [`NETWORK`](term::NETWORK)) as long as
//! nothing more is known. Once the call is settled, `A` is the earliest of these: the settlement, where the provider
//! answered, since it counted the call before; what the holder's clock says of when the call was sent, and
//! [`NETWORK`](term::NETWORK) more; and those 3 s. The holder counts from when it asked, before the grant, so that
//! what it says is never too early.
//!
//! No minute at the provider, wherever it begins, then holds more calls than the limit. Take any 60 seconds `[t, t+60)`
//! and, of the calls that arrive in them, the one granted last, at `g`. It arrives after its grant, so `g < t + 60`.
//! Each other arrived at `t` or later, so its `A` is at least `t` and its unit leaves at `t + 60` or later, which
//! is after `g`: all of them were in the log when the last was admitted, and it admits no more than the limit. What
//! is learned later only tells how things were at `g` all along.

use std::collections::VecDeque;

use domain::{CallOutcome, Fence, Settlement, Timestamp, lease::term};

/// When each call leaves the window, earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Minute(VecDeque<(Timestamp, Fence)>);

impl Minute {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Takes a unit until it leaves.
    pub(super) fn insert(&mut self, leaves_at: Timestamp, fence: Fence) {
        let place = self.0.partition_point(|unit| *unit < (leaves_at, fence));
        self.0.insert(place, (leaves_at, fence));
    }

    /// Gives a unit back, if it is still there.
    pub(super) fn remove(&mut self, leaves_at: Timestamp, fence: Fence) {
        if let Ok(place) = self.0.binary_search(&(leaves_at, fence)) {
            self.0.remove(place);
        }
    }

    /// Drops what has left by `now`.
    pub(super) fn drop_left(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|(leaves_at, _)| *leaves_at <= now) {
            self.0.pop_front();
        }
    }

    /// The calls in the window.
    pub(super) fn holds(&self, at: Timestamp) -> usize {
        self.0.len() - self.0.partition_point(|(leaves_at, _)| *leaves_at <= at)
    }

    /// When the last call leaves, if any is in it or was.
    pub(super) fn clears_at(&self) -> Option<Timestamp> {
        self.0.back().map(|(leaves_at, _)| *leaves_at)
    }

    /// When each call leaves.
    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.0.iter().map(|(leaves_at, _)| *leaves_at)
    }
}

impl FromIterator<(Timestamp, Fence)> for Minute {
    fn from_iter<I: IntoIterator<Item = (Timestamp, Fence)>>(units: I) -> Self {
        let mut units: Vec<_> = units.into_iter().collect();
        units.sort_unstable();
        Self(units.into())
    }
}

/// When the unit of a call leaves, once its lease was settled at `now`.
pub(super) fn leaves_at(granted_at: Timestamp, settlement: &Settlement, now: Timestamp) -> Timestamp {
    let answered = was_answered(&settlement.outcome).then_some(now + term::MINUTE);
    let sent = settlement.sent_after.map(|sent_after| granted_at + sent_after + term::NETWORK + term::MINUTE);
    [answered, sent].into_iter().flatten().fold(granted_at + term::WINDOW, Timestamp::min)
}

/// Whether the provider answered, so that the call arrived before. One that was given up may still be on its way.
pub(crate) fn was_answered(outcome: &CallOutcome) -> bool {
    !matches!(outcome, CallOutcome::Ambiguous | CallOutcome::Cancelled)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GRANT: Timestamp = Timestamp::from_millis(1_000_000);

    fn after(outcome: CallOutcome, sent_after_ms: Option<u64>, settled_ms: u64) -> u64 {
        let settlement = Settlement { outcome, sent_after: sent_after_ms.map(Duration::from_millis) };
        let leaves_at = leaves_at(GRANT, &settlement, GRANT + Duration::from_millis(settled_ms));
        u64::try_from(leaves_at.since(GRANT).as_millis()).unwrap()
    }

    #[test]
    fn a_unit_leaves_a_minute_after_its_call_was_surely_counted() {
        assert_eq!(after(CallOutcome::Empty, None, 400), 60_400);
        assert_eq!(after(CallOutcome::Empty, None, 9_000), 63_000);
        assert_eq!(after(CallOutcome::Empty, Some(30), 9_000), 61_030);
        assert_eq!(after(CallOutcome::Empty, Some(30), 400), 60_400);
        assert_eq!(after(CallOutcome::Empty, Some(9_000), 9_000), 63_000);
    }

    #[test]
    fn a_call_that_nobody_answered_may_still_be_on_its_way_when_it_is_given_up() {
        assert_eq!(after(CallOutcome::Cancelled, None, 400), 63_000);
        assert_eq!(after(CallOutcome::Ambiguous, Some(30), 400), 61_030);
    }
}
