//! Leases that cannot be forgotten: whoever drops one closes it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use domain::{
    CallOutcome, Grant, Settlement,
    catalog::Rate,
    lease::{Renewal, term},
};
use tokio::time::{Instant, interval_at};
use tracing::warn;

use super::{Ledger, Settling};
use crate::{
    activity::{Over, Track, Trail},
    upstream::Dispatch,
};

/// When a lease was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The first time.
    pub(super) first: Instant,
    /// The time that was answered.
    pub(super) last: Instant,
}

/// A lease in our hands. Dropping it closes it: released where nothing was sent, else settled as cancelled.
pub(crate) struct Held {
    ledger: Ledger,
    grant: Grant,
    /// It was granted no earlier.
    since: Instant,
    dispatch: Arc<Dispatch>,
    track: Option<Track>,
    open: bool,
}

impl Held {
    /// The ledger counts a grant's times from the question that it answers, and the wait in the queue with them; the
    /// grant itself may be the answer to an earlier question that was lost.
    pub(super) fn new(ledger: Ledger, grant: Grant, asked: Asked) -> Self {
        let dispatch = Arc::new(Dispatch::new(asked.last + grant.start_within));
        let since = asked.first + grant.start_within.saturating_sub(term::START);
        Self { ledger, grant, since, dispatch, track: None, open: true }
    }

    /// What was granted.
    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Whether the call on this lease went on the wire.
    pub(crate) const fn dispatch(&self) -> &Arc<Dispatch> {
        &self.dispatch
    }

    /// Notes from now on what becomes of it: it is for this picture of the request that leaves the trail.
    pub(crate) fn follow(&mut self, trail: &Trail, picture: u32, rate: Rate) {
        self.track = Some(trail.leased(picture, &self.grant, rate));
    }

    /// Where it is noted what becomes of it.
    pub(crate) const fn track(&self) -> Option<&Track> {
        self.track.as_ref()
    }

    /// Prolongs the lease for as long as this is polled. A lease that ended is not prolonged, and its call
    /// goes on: it may be paid for.
    pub(crate) async fn renew(&self) -> Infallible {
        let mut ticks = interval_at(Instant::now() + term::RENEWAL, term::RENEWAL);
        loop {
            ticks.tick().await;
            match self.ledger.leases.renew(&self.grant.id, self.grant.fence).await {
                Ok(Renewal::Active { .. }) => {}
                Ok(Renewal::Ended) => {
                    warn!(lease = %self.grant.id, "the lease ended during its call");
                    return std::future::pending().await;
                }
                Err(failure) => warn!(lease = %self.grant.id, %failure, "the lease cannot be renewed"),
            }
        }
    }

    /// Closes it: settled with an outcome, released without.
    pub(crate) fn close(mut self, outcome: Option<CallOutcome>) -> Settling {
        self.end(outcome)
    }

    fn end(&mut self, outcome: Option<CallOutcome>) -> Settling {
        self.open = false;
        let settlement = outcome.map(|outcome| Settlement { outcome, sent_after: self.sent_after() });
        self.ledger.closings.close(self.grant.id.clone(), self.grant.fence, settlement, self.track.take())
    }

    /// How long after the grant the call was on the wire, at the most.
    fn sent_after(&self) -> Option<Duration> {
        let sent = self.dispatch.sent_at()?;
        // Whole milliseconds travel: a fraction counts as one.
        let millis = sent.saturating_duration_since(self.since).as_nanos().div_ceil(1_000_000);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.open {
            let sent = !self.dispatch.revoke();
            if let Some(track) = &self.track {
                track.over(Over::left(sent));
            }
            let outcome = sent.then_some(CallOutcome::Cancelled);
            let _ = self.end(outcome);
        }
    }
}
