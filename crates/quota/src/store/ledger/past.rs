//! Whether a ledger has lost what it granted before it was opened, as far as those tell that hold its leases.

use std::time::Duration;

use domain::{Fence, Timestamp, lease::term};

use super::Ledger;

/// What a ledger was when it was opened.
#[derive(Debug)]
pub(super) struct Past {
    /// The last fence that it knew to be given.
    fence: Fence,
    opened_at: Timestamp,
    /// Whether somebody was given a later one before that.
    is_lost: bool,
}

impl Past {
    pub(super) const fn new(fence: Fence, opened_at: Timestamp) -> Self {
        Self { fence, opened_at, is_lost: false }
    }
}

impl Ledger {
    /// How long nothing may be granted yet, where this caller, or one before, was given a fence that the ledger never
    /// gave: whatever was granted before it was opened has then left the minute windows. Fences do not fall behind the
    /// clock, so that those that it gives itself are told from those that were lost.
    pub(crate) fn learns_for(&mut self, moment: Timestamp, known: Option<Fence>) -> Option<Duration> {
        let now = self.tick(moment);
        let Past { fence, opened_at, .. } = self.past;
        let was_before = |known: Fence| fence < known && known.0 <= opened_at.as_millis();
        self.past.is_lost |= known.is_some_and(|known| was_before(known) || known > self.fence);
        let left = (opened_at + term::WINDOW).since(now);
        (self.past.is_lost && !left.is_zero()).then_some(left)
    }
}
