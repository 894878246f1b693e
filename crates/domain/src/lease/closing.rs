//! How leases go on and how they end.

use std::time::Duration;

use super::CallOutcome;

/// What the holder of a lease says of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long after asking for the lease the call was on the wire, on the holder's own monotonic clock; absent
    /// where that is not known. The provider counted the call by then, so its unit may leave the windows sooner.
    pub sent_after: Option<Duration>,
}

impl From<CallOutcome> for Settlement {
    fn from(outcome: CallOutcome) -> Self {
        Self { outcome, sent_after: None }
    }
}

/// The answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease goes on.
    Active {
        /// For this long, unless renewed again.
        expires_in: Duration,
    },
    /// The lease is over, or was never this holder's. A call already sent goes on: it may be paid for.
    Ended,
}

/// The answer to a settlement or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The lease was active and is now closed.
    Closed,
    /// It was closed in the same way before; nothing changed.
    Duplicate,
    /// It was closed in another way before; the first stays.
    Conflict,
    /// It had expired; the record is amended, the counters stay.
    Late,
    /// The fence is not this lease's; nothing changed.
    Fenced,
    /// No such lease is remembered.
    Unknown,
}
