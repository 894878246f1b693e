//! Answers requests: leases for all pictures, all pictures side by side, one answer.

use std::{ops::Range, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{Catalog, Failure, FailureKind, GenerationRequest, Usage, lease::Shortage};
use futures_util::FutureExt as _;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::{
    delivery::{Delivery, Event, HungUp},
    leases::{Held, Leases, Ledger, Refused, Settling},
    order::Order,
    picture::{Picture, Studio, no_lease},
    upstream::Upstreams,
};

/// Events that may wait for their reader: enough to keep the wire busy, too few to hold memory.
const AHEAD: usize = 1;

/// What must be left of a deadline for a picture to be worth beginning.
const WORTHWHILE: Duration = Duration::from_secs(15);

/// Answers requests.
pub(crate) struct Generator {
    catalog: Arc<Catalog>,
    studio: Studio,
    deadline: Duration,
    tasks: TaskTracker,
}

impl Generator {
    /// A generator that calls these providers on leases from this ledger.
    pub(crate) fn new(
        max_attempts: u32,
        deadline: Duration,
        catalog: Arc<Catalog>,
        upstreams: Upstreams,
        leases: Arc<dyn Leases>,
    ) -> Self {
        let tasks = TaskTracker::new();
        let ledger = Ledger::new(leases, tasks.clone());
        let studio = Studio { upstreams: Arc::new(upstreams), ledger, max_attempts };
        Self { catalog, studio, deadline, tasks }
    }

    /// The events of a request, which is answered for as long as they are read, and within `patience` where
    /// the caller has one. A request that cannot be served at all fails at once.
    pub(crate) fn generate(
        &self,
        request: GenerationRequest,
        patience: Option<Duration>,
    ) -> Result<mpsc::Receiver<Event>, Failure> {
        let span = info_span!(
            "generation.generate",
            request = %request.id,
            client = %request.client,
            model = request.model,
            count = request.count.get(),
        );
        let patience = patience.map_or(self.deadline, |patience| patience.min(self.deadline));
        let order = Order::new(request, &self.catalog, patience)
            .inspect_err(|failure| span.in_scope(|| info!(%failure, "the request was refused")))?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let answer = Answer {
            studio: self.studio.clone(),
            tasks: self.tasks.clone(),
            delivery: Delivery::new(sender.clone(), order.request().gather),
            order: Arc::new(order),
            settling: Vec::new(),
        };
        self.tasks.spawn(run(answer, sender).instrument(span));
        Ok(receiver)
    }

    /// Waits until every request is answered and every lease is closed.
    pub(crate) async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Answers until done or until nobody reads. Whatever is dropped here aborts its calls and closes its leases.
async fn run(answer: Answer, reader: mpsc::Sender<Event>) {
    let ended = tokio::select! {
        biased;
        () = reader.closed() => Ok(Err(HungUp)),
        ended = AssertUnwindSafe(answer.run()).catch_unwind() => ended,
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(HungUp)) => info!("the caller hung up"),
        // A stream that merely stopped would look like an answer.
        Err(_) => {
            error!("the request was lost to a panic");
            let _ = reader.send(Err(lost())).await;
        }
    }
}

fn lost() -> Failure {
    Failure::new(FailureKind::Internal, "the picture was lost to an error of ours")
}

/// The answer to one request while it is made.
struct Answer {
    order: Arc<Order>,
    studio: Studio,
    tasks: TaskTracker,
    delivery: Delivery,
    settling: Vec<Settling>,
}

impl Answer {
    async fn run(mut self) -> Result<(), HungUp> {
        self.delivery.start().await?;
        let mut rest = 0..self.order.request().count.get();
        let mut together = rest.end;
        while !rest.is_empty() {
            let first = rest.start == 0;
            match self.acquire(rest.clone(), &mut together, first).await? {
                Ok(leases) => {
                    let batch = rest.start..rest.start + together.min(rest.end - rest.start);
                    rest.start = batch.end;
                    self.make(batch, leases).await?;
                }
                Err(failure) => {
                    warn!(%failure, pictures = rest.end - rest.start, "there is no lease");
                    for index in std::mem::take(&mut rest) {
                        self.fail(index, failure.clone()).await?;
                    }
                }
            }
        }
        self.end().await
    }

    /// Leases for as many of these pictures as can be leased together, in one batch. A later batch may have
    /// to wait until the first one's minute is over; it does where the deadline leaves time.
    async fn acquire(
        &mut self,
        rest: Range<u32>,
        together: &mut u32,
        first: bool,
    ) -> Result<Result<Vec<Held>, Failure>, HungUp> {
        loop {
            let size = (*together).min(rest.end - rest.start);
            let asked = Instant::now();
            let shortage =
                match self.studio.ledger.acquire(self.order.wish(rest.start..rest.start + size)).await {
                    Ok(leases) => return Ok(Ok(leases)),
                    Err(Refused::Failed(failure)) => return Ok(Err(failure)),
                    Err(Refused::Short(shortage)) => shortage,
                };
            match shortage {
                Shortage::Limited { at_most, .. } if (1..size).contains(&at_most) => *together = at_most,
                Shortage::Limited { retry_after, .. }
                    if !first && asked + retry_after + WORTHWHILE <= self.order.deadline() =>
                {
                    self.delivery.queued().await?;
                    sleep_until(asked + retry_after).await;
                }
                shortage => return Ok(Err(no_lease(&shortage, &self.order))),
            }
        }
    }

    /// Makes a batch of pictures side by side, and delivers each as it comes.
    async fn make(&mut self, batch: Range<u32>, leases: Vec<Held>) -> Result<(), HungUp> {
        let mut missing: Vec<u32> = batch.clone().collect();
        let mut pictures = JoinSet::new();
        for (index, lease) in batch.zip(leases) {
            let (studio, order) = (self.studio.clone(), Arc::clone(&self.order));
            let making = async move { studio.make(&order, index, lease).await };
            pictures.spawn(self.tasks.track_future(making.in_current_span()));
        }
        while let Some(made) = pictures.join_next().await {
            // Only a panic ends a picture without a result; it is reported below by being missing.
            let Ok((picture, settling)) = made else { continue };
            missing.retain(|index| *index != picture.index);
            self.settling.push(settling);
            self.delivery.take(picture).await?;
        }
        for index in missing {
            self.fail(index, lost()).await?;
        }
        Ok(())
    }

    async fn fail(&mut self, index: u32, failure: Failure) -> Result<(), HungUp> {
        self.delivery.take(Picture { index, result: Err(failure), wasted: Usage::default() }).await
    }

    /// Ends the answer, after the ledger knows of every lease: whoever asks next finds the quota current.
    async fn end(self) -> Result<(), HungUp> {
        Settling::wait_for_all(self.settling).await;
        let tally = self.delivery.finish().await?;
        info!(delivered = tally.delivered, failed = tally.failed, "the request was answered");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
