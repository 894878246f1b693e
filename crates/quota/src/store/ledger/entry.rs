//! One lease as it is remembered.

use std::time::Duration;

use domain::{CallOutcome, Fence, Lease, Timestamp};

use crate::store::order::Order;

/// How long a closed lease is remembered, so that a repeated word on it is recognised.
pub(crate) const REMEMBERED: Duration = Duration::from_mins(15);
/// How long an expired one is, counted from the end of its term: its holder may be very late.
pub(crate) const AWAITED: Duration = Duration::from_hours(1);

/// How a lease was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its call ended.
    Settled(CallOutcome),
    /// No call was made.
    Released,
}

/// Where a lease is in its life: `Active → Closed`, or `Active → Expired → Late`, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Granted, and not heard of since; expired once its term is over.
    Active,
    /// Closed in time.
    Closed {
        /// How.
        ending: Ending,
        /// When.
        at: Timestamp,
    },
    /// Its term was over before anything was heard.
    Expired,
    /// Heard of after its term was over.
    Late {
        /// What was heard.
        ending: Ending,
    },
}

/// A lease, for whom and when it was granted, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) lease: Lease,
    pub(crate) order: Order,
    pub(crate) granted_at: Timestamp,
    /// When its unit leaves the minute window.
    pub(crate) leaves_at: Timestamp,
    pub(crate) state: State,
}

impl Entry {
    /// Whether its holder may still call or renew.
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        self.state == State::Active && now < self.lease.expires_at
    }

    /// Whether it counts as if it had never been granted.
    pub(crate) fn is_refunded(&self) -> bool {
        matches!(self.state, State::Closed { ending: Ending::Released, .. })
    }

    /// When it next needs attention, and its fence to tell it from others of that moment.
    pub(crate) fn due(&self) -> (Timestamp, Fence) {
        let moment = match self.state {
            State::Active => self.lease.expires_at,
            State::Closed { at, .. } => at + REMEMBERED,
            State::Expired | State::Late { .. } => self.lease.expires_at + AWAITED,
        };
        (moment, self.lease.fence)
    }

    /// The lease for one who asks for it again.
    pub(crate) fn replay(&self) -> Lease {
        let lease = self.lease.clone();
        if let State::Closed { at, .. } = self.state { spent(lease, at) } else { lease }
    }
}

/// A lease as it is told again once it was closed: nothing may be sent on it any more.
pub(crate) fn spent(mut lease: Lease, closed_at: Timestamp) -> Lease {
    lease.start_by = lease.start_by.min(closed_at);
    lease.expires_at = lease.expires_at.min(closed_at);
    lease
}
