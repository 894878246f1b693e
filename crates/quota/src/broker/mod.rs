//! The use case: from a wish for leases to grants on the best accounts there are, at once or in turn.

mod attempt;
mod attend;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    Catalog, ClientLimit, Failure, FailureKind, Fence, ImageCount, LeaseId, Model, Resolution, Settlement,
    catalog::Rate,
    lease::{Acquired, Closing, LeaseRequest, Renewal, Shortage},
};
use tokio::time::Instant;

use crate::{
    queue::{Full, Queue, QueueLimits, Usual, Waiting},
    roster::Roster,
    store::{Store, StoreError},
    view::View,
};

/// When to ask again while the store does not answer.
const STORE_DOWN: Duration = Duration::from_secs(2);

/// Leases the operator's accounts.
pub(crate) struct Broker {
    view: Arc<View>,
    roster: Arc<Roster>,
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    queues: BTreeMap<String, Arc<Queue>>,
    usual: Usual,
}

/// How a wish for leases begins.
pub(crate) enum Begun {
    /// With its answer.
    Answered(Acquired),
    /// With waiting for its turn.
    Waiting(Turn),
}

/// A wish that waits for its turn. Dropping it gives up its place.
pub(crate) struct Turn {
    broker: Arc<Broker>,
    queue: Arc<Queue>,
    leases: u64,
    shortage: Shortage,
    waiting: Waiting,
}

impl Broker {
    /// A broker of the accounts in view to the clients of this roster, over this store.
    pub(crate) fn new(
        view: Arc<View>,
        roster: Arc<Roster>,
        catalog: Arc<Catalog>,
        store: Arc<dyn Store>,
        limits: QueueLimits,
    ) -> Self {
        let queue = |model: &Model| (model.name.clone(), Arc::new(Queue::new(model.name.clone(), limits)));
        let queues = catalog.models().iter().map(queue).collect();
        Self { view, roster, catalog, store, queues, usual: Usual::default() }
    }

    /// Grants a lease for every id, or says why not, or has the wish wait for its turn: no longer than its patience
    /// leaves for a picture of the usual time.
    pub(crate) async fn acquire(self: &Arc<Self>, request: LeaseRequest) -> Result<Begun, Failure> {
        let asked = Instant::now();
        let (model, _) = self.resolve(&request)?;
        let queue = Arc::clone(&self.queues[&model.name]);
        // Leases that were granted before, of which the answer was lost, are no matter of turns.
        let repeats = request.ids.first().is_some_and(|id| self.usual.is_granted(id));
        let shortage = match queue.shortage().filter(|_| queue.is_held() && !repeats) {
            Some(_) => self.behind(&queue, request.ids.len()),
            None => match self.attempt(&request).await? {
                Acquired::Refused(shortage) if may_pass(&shortage, &request) => shortage,
                answer => return Ok(Begun::Answered(answer)),
            },
        };
        let usual = self.usual.of(&model.name);
        let refused = Begun::Answered(Acquired::Refused(shortage.clone()));
        let spare = request.patience.checked_sub(usual);
        let Some(spare) = spare.filter(|spare| wait_of(&shortage).is_some_and(|wait| wait <= *spare)) else {
            return Ok(refused);
        };
        let leases = request.ids.len() as u64;
        match queue.enter(Arc::new(request), shortage.clone(), asked, asked + spare) {
            Err(Full) => Ok(refused),
            Ok(waiting) => {
                Ok(Begun::Waiting(Turn { broker: Arc::clone(self), queue, leases, shortage, waiting }))
            }
        }
    }

    /// How many leases are waited for, by model.
    pub(crate) fn queued(&self) -> Vec<(String, u64)> {
        self.queues.values().map(|queue| (queue.model.clone(), queue.leases())).collect()
    }

    /// Prolongs a lease that is still active.
    pub(crate) async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure> {
        self.store.renew(id, fence).await.map_err(unavailable)
    }

    /// Notes how a leased call ended.
    pub(crate) async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, Failure> {
        let closing = self.store.settle(id, fence, settlement).await.map_err(unavailable)?;
        self.usual.closed(id, Some(&settlement.outcome).filter(|_| closing == Closing::Closed));
        Ok(closing)
    }

    /// Takes back a lease on which nothing was sent.
    pub(crate) async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure> {
        let closing = self.store.release(id, fence).await.map_err(unavailable)?;
        self.usual.closed(id, None);
        Ok(closing)
    }

    /// What the request is for.
    fn resolve(&self, request: &LeaseRequest) -> Result<(&Model, Rate), Failure> {
        if request.ids.len() > ImageCount::MOST as usize {
            return Err(Failure::invalid("lease_ids", format!("must be at most {}", ImageCount::MOST)));
        }
        let model = self.catalog.find(&request.model).ok_or_else(|| self.unknown_model(&request.model))?;
        let rate = model.rate(request.resolution).ok_or_else(|| not_drawn(model, request.resolution))?;
        Ok((model, rate))
    }

    /// What keeps one who comes now from leases: those that wait already, besides what they wait for.
    fn behind(&self, queue: &Queue, leases: usize) -> Shortage {
        let told = queue.shortage().map(|(shortage, since)| sooner(shortage, since));
        let usual = self.usual.of(&queue.model);
        let an_hour = self.view.an_hour(&queue.model, usual).max(1);
        let ahead = queue.leases() + leases as u64;
        let turn = Duration::from_millis((ahead * 3_600_000 / an_hour).min(3_600_000));
        told.map_or(Shortage::NoAccount, |shortage| later(shortage, turn))
    }

    fn unknown_model(&self, name: &str) -> Failure {
        let name: String = name.chars().take(80).collect();
        let known = self.catalog.names().join(", ");
        Failure::new(FailureKind::UnknownModel, format!("there is no model `{name}`; known are {known}"))
    }
}

impl Turn {
    /// The answer, when the turn has come or can come in time no more.
    pub(crate) async fn answer(self) -> Result<Acquired, Failure> {
        let Self { broker, queue, leases, shortage, waiting } = self;
        match waiting.answer().await {
            Some(answer) => answer,
            None if queue.is_empty() => Ok(Acquired::Refused(shortage)),
            None => {
                let leases = usize::try_from(leases).unwrap_or(usize::MAX);
                Ok(Acquired::Refused(broker.behind(&queue, leases)))
            }
        }
    }
}

/// Whether a shortage passes, so that waiting is a remedy. What a client used up of its own does not pass for the
/// sake of waiting, except that its calls in flight end.
fn may_pass(shortage: &Shortage, request: &LeaseRequest) -> bool {
    match shortage {
        Shortage::NoAccount => false,
        Shortage::Limited { at_most, .. } => request.ids.len() <= *at_most as usize,
        Shortage::ClientLimited { limit, retry_after } => {
            *limit == ClientLimit::Concurrent && retry_after.is_some()
        }
    }
}

fn wait_of(shortage: &Shortage) -> Option<Duration> {
    match shortage {
        Shortage::NoAccount => None,
        Shortage::Limited { retry_after, .. } => Some(*retry_after),
        Shortage::ClientLimited { retry_after, .. } => *retry_after,
    }
}

/// A shortage as it is after some time.
fn sooner(mut shortage: Shortage, passed: Duration) -> Shortage {
    if let Shortage::Limited { retry_after, .. } = &mut shortage {
        *retry_after = retry_after.saturating_sub(passed);
    }
    shortage
}

/// A shortage that lasts for so long at the least.
fn later(mut shortage: Shortage, least: Duration) -> Shortage {
    if let Shortage::Limited { retry_after, .. } = &mut shortage {
        *retry_after = (*retry_after).max(least);
    }
    shortage
}

fn not_drawn(model: &Model, resolution: Resolution) -> Failure {
    let has = domain::aspect_ratio::list(&model.resolutions().collect::<Vec<_>>());
    Failure::invalid("resolution", format!("`{}` does not draw {resolution}; it draws {has}", model.name))
}

/// Without its store the service grants nothing: quota that cannot be counted is not spent.
#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way, as `map_err` hands it over")]
pub(crate) fn unavailable(error: StoreError) -> Failure {
    tracing::error!(%error, "the ledger did not answer");
    let retry_after = match error {
        StoreError::Learning { retry_after } => retry_after,
        _ => STORE_DOWN,
    };
    Failure::new(FailureKind::Unavailable, "leases cannot be counted at the moment; try again shortly")
        .retry_after(retry_after)
}
