//! Leases that cannot be forgotten: whoever drops one settles it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use domain::{
    CallOutcome, Failure, FailureKind, Fence, Grant, LeaseId,
    lease::{Acquired, Closing, LeaseRequest, Renewal, Shortage, term},
};
use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, interval_at, sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, warn};

use super::Leases;
use crate::upstream::Dispatch;

/// Pauses between attempts to close a lease while the ledger cannot be reached.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_600),
    Duration::from_millis(6_400),
];

/// How long a caller waits for its leases to be closed; closing itself goes on behind.
const PATIENCE: Duration = Duration::from_secs(1);

/// The ledger as a request uses it: what it grants comes back as [`Held`].
#[derive(Clone)]
pub(crate) struct Ledger {
    leases: Arc<dyn Leases>,
    tasks: TaskTracker,
}

/// Why there is no lease.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The ledger says no.
    Short(Shortage),
    /// The ledger cannot be asked.
    Failed(Failure),
}

impl Ledger {
    /// A ledger whose open ends are tracked by `tasks`.
    pub(crate) fn new(leases: Arc<dyn Leases>, tasks: TaskTracker) -> Self {
        Self { leases, tasks }
    }

    /// A lease for each id, in order, or none. A caller that goes away meanwhile leaves no lease behind: what
    /// is granted too late for it is given back.
    pub(crate) async fn acquire(&self, request: LeaseRequest) -> Result<Vec<Held>, Refused> {
        let ledger = self.clone();
        let asked = Instant::now();
        let asking = async move {
            let wanted = request.ids.clone();
            match ledger.ask(request).await.map_err(Refused::Failed)? {
                Acquired::Refused(shortage) => Err(Refused::Short(shortage)),
                Acquired::Granted(grants) => {
                    let held: Vec<_> =
                        grants.into_iter().map(|grant| Held::new(ledger.clone(), grant, asked)).collect();
                    let complete = held.iter().map(|lease| &lease.grant.id).eq(&wanted);
                    if complete { Ok(held) } else { Err(Refused::Failed(nonsense())) }
                }
            }
        };
        let task = self.tasks.spawn(asking.in_current_span());
        task.await.unwrap_or_else(|_| Err(Refused::Failed(nonsense())))
    }

    /// Whether the ledger can be asked: what it says of a lease that nobody holds is no matter.
    pub(crate) async fn answers(&self) -> bool {
        let nobody = LeaseId::new("readiness").expect("is visible ASCII");
        self.leases.renew(&nobody, Fence(0)).await.is_ok()
    }

    /// An answer may be lost after the leases were granted: the same ids are asked for once more, which
    /// answers with the same grants.
    async fn ask(&self, request: LeaseRequest) -> Result<Acquired, Failure> {
        match self.leases.acquire(request.clone()).await {
            Err(failure) if failure.kind == FailureKind::Unavailable => self.leases.acquire(request).await,
            answer => answer,
        }
    }

    /// Settles, or without an outcome releases, behind the caller's back.
    fn close(&self, id: LeaseId, fence: Fence, outcome: Option<CallOutcome>) -> Settling {
        let Ok(runtime) = Handle::try_current() else {
            error!(lease = %id, ?outcome, "a lease was left open: the runtime is gone");
            return Settling::done();
        };
        let leases = Arc::clone(&self.leases);
        let closing = async move { close(&*leases, &id, fence, outcome).await };
        Settling(Some(self.tasks.spawn_on(closing.in_current_span(), &runtime)))
    }
}

async fn close(leases: &dyn Leases, id: &LeaseId, fence: Fence, outcome: Option<CallOutcome>) {
    let mut pauses = PAUSES.into_iter();
    loop {
        let answer = match outcome.clone() {
            Some(outcome) => leases.settle(id, fence, outcome.into()).await,
            None => leases.release(id, fence).await,
        };
        match (answer, pauses.next()) {
            (Ok(Closing::Closed | Closing::Duplicate), _) => return,
            (Ok(closing), _) => {
                return warn!(lease = %id, ?outcome, ?closing, "the lease was not open any more");
            }
            (Err(failure), Some(pause)) if failure.kind == FailureKind::Unavailable => sleep(pause).await,
            (Err(failure), _) => {
                return error!(lease = %id, ?outcome, %failure, "the lease cannot be closed and will expire");
            }
        }
    }
}

/// A lease on its way to be closed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Settling(Option<JoinHandle<()>>);

impl Settling {
    /// A lease that is closed already.
    pub(crate) const fn done() -> Self {
        Self(None)
    }

    /// Waits until the ledger knows, within reason, so that whoever asks next finds the quota current.
    pub(crate) async fn wait(self) {
        Self::wait_for_all([self]).await;
    }

    /// Waits until the ledger knows of all of these, within the same reason.
    pub(crate) async fn wait_for_all(leases: impl IntoIterator<Item = Self>) {
        let all = async {
            for task in leases.into_iter().filter_map(|lease| lease.0) {
                let _ = task.await;
            }
        };
        let _ = timeout(PATIENCE, all).await;
    }
}

/// A lease in our hands. Dropping it closes it: released where nothing was sent, else settled as cancelled.
pub(crate) struct Held {
    ledger: Ledger,
    grant: Grant,
    dispatch: Arc<Dispatch>,
    open: bool,
}

impl Held {
    fn new(ledger: Ledger, grant: Grant, asked: Instant) -> Self {
        let dispatch = Arc::new(Dispatch::new(asked + grant.start_within));
        Self { ledger, grant, dispatch, open: true }
    }

    /// What was granted.
    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Whether the call on this lease went on the wire.
    pub(crate) const fn dispatch(&self) -> &Arc<Dispatch> {
        &self.dispatch
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
        self.open = false;
        self.ledger.close(self.grant.id.clone(), self.grant.fence, outcome)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.open {
            let outcome = (!self.dispatch.revoke()).then_some(CallOutcome::Cancelled);
            let _ = self.ledger.close(self.grant.id.clone(), self.grant.fence, outcome);
        }
    }
}

fn nonsense() -> Failure {
    Failure::new(FailureKind::Internal, "the ledger's answer makes no sense")
}
