//! The answer to one request: leases for all its pictures, all of them side by side, one stream of events.

use std::{ops::Range, panic::AssertUnwindSafe, sync::Arc};

use domain::{Failure, FailureKind, Usage, activity::RequestOutcome, lease::Shortage};
use futures_util::FutureExt as _;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, info, warn};

use crate::{
    activity::Trail,
    delivery::{Delivery, HungUp, Parcel},
    leases::{Answer as Leased, Heard, Held, Refused, Settling},
    order::Order,
    picture::{Picture, Studio},
    shortage::no_lease,
};

/// Answers until done or until nobody reads. Whatever is dropped here aborts its calls and closes its leases.
pub(crate) async fn run(answer: Answer, reader: mpsc::Sender<Parcel>) {
    let trail = answer.trail.clone();
    let ended = tokio::select! {
        biased;
        () = reader.closed() => Ok(Err(HungUp)),
        ended = AssertUnwindSafe(answer.run()).catch_unwind() => ended,
    };
    match ended {
        Ok(Ok(outcome)) => trail.end(outcome),
        Ok(Err(HungUp)) => {
            info!("the caller hung up");
            trail.end(RequestOutcome::Abandoned);
        }
        // A stream that merely stopped would look like an answer.
        Err(_) => {
            error!("the request was lost to a panic");
            trail.end(RequestOutcome::Failed(FailureKind::Internal));
            let _ = reader.send(Parcel::Event(Err(lost()))).await;
        }
    }
}

/// The answer to one request while it is made.
pub(crate) struct Answer {
    order: Arc<Order>,
    studio: Studio,
    trail: Trail,
    tasks: TaskTracker,
    delivery: Delivery,
    /// Leases that are on their way to be closed.
    settling: Vec<Settling>,
    /// The most leases that can be had together, as far as the ledger said.
    together: u32,
}

impl Answer {
    /// An answer that is still to be made, and leaves this trail; its pictures are tracked by `tasks`.
    pub(crate) fn new(
        order: Order,
        studio: Studio,
        trail: Trail,
        tasks: TaskTracker,
        reader: mpsc::Sender<Parcel>,
    ) -> Self {
        let delivery = Delivery::new(reader, order.request().gather);
        let together = order.request().count.get();
        Self { order: Arc::new(order), studio, trail, tasks, delivery, settling: Vec::new(), together }
    }

    async fn run(mut self) -> Result<RequestOutcome, HungUp> {
        let mut rest = 0..self.order.request().count.get();
        while !rest.is_empty() {
            match self.acquire(&rest).await? {
                Ok(leases) => {
                    self.delivery.start().await?;
                    let batch = self.batch(&rest);
                    rest.start = batch.end;
                    self.make(batch, leases).await?;
                    // The next batch must find this one closed.
                    if !rest.is_empty() {
                        self.settle().await;
                    }
                }
                Err(failure) => {
                    warn!(%failure, pictures = rest.len(), "there is no lease");
                    for index in std::mem::take(&mut rest) {
                        self.fail(index, failure.clone()).await?;
                    }
                }
            }
        }
        self.delivery.decide().await?;
        self.settle().await;
        let tally = self.delivery.finish().await?;
        info!(delivered = tally.delivered, failed = tally.failed, "the request was answered");
        Ok(tally.failure.map_or(RequestOutcome::Delivered, RequestOutcome::Failed))
    }

    /// The first of these pictures, as many as can be leased together.
    fn batch(&self, rest: &Range<u32>) -> Range<u32> {
        rest.start..rest.end.min(rest.start + self.together)
    }

    /// Leases for one batch, or why there are none. A wish for more than there can ever be together is made smaller; a
    /// later batch then waits for its turn as any wish does, for as long as the deadline leaves time.
    async fn acquire(&mut self, rest: &Range<u32>) -> Result<Result<Vec<Held>, Failure>, HungUp> {
        loop {
            let batch = self.batch(rest);
            let shortage = match self.leased(batch.clone()).await? {
                Ok(leases) => return Ok(Ok(leases)),
                Err(Refused::Failed(failure)) => return Ok(Err(failure)),
                Err(Refused::Short(shortage)) => shortage,
            };
            match shortage {
                Shortage::Limited { at_most, .. } if at_most > 0 && batch.start + at_most < batch.end => {
                    self.together = at_most;
                }
                shortage => return Ok(Err(no_lease(&shortage, &self.order))),
            }
        }
    }

    /// The ledger's answer to a wish for a batch; the caller hears whenever it waits.
    async fn leased(&mut self, batch: Range<u32>) -> Result<Leased, HungUp> {
        self.trail.asked(batch.clone());
        let mut asking = self.studio.ledger.ask(self.order.wish(batch));
        let mut waiting = None;
        loop {
            match asking.hear().await {
                Heard::Waiting => {
                    waiting.get_or_insert_with(|| self.trail.waits());
                    self.delivery.queued().await?;
                }
                Heard::Answered(answer) => return Ok(answer),
            }
        }
    }

    /// Makes a batch of pictures side by side, and delivers each as it comes.
    async fn make(&mut self, batch: Range<u32>, leases: Vec<Held>) -> Result<(), HungUp> {
        let mut missing: Vec<u32> = batch.clone().collect();
        let mut pictures = JoinSet::new();
        for (index, mut lease) in batch.zip(leases) {
            lease.follow(&self.trail, index, self.order.rate());
            let (studio, order) = (self.studio.clone(), Arc::clone(&self.order));
            let trail = self.trail.clone();
            let making = async move { studio.make(&order, &trail, index, lease).await };
            pictures.spawn(self.tasks.track_future(making.in_current_span()));
        }
        while let Some(made) = pictures.join_next().await {
            // Only a panic ends a picture without a result; it is reported below by being missing.
            let Ok((picture, lease)) = made else { continue };
            missing.retain(|index| *index != picture.index);
            self.settling.push(lease);
            self.take(picture).await?;
        }
        for index in missing {
            self.fail(index, lost()).await?;
        }
        Ok(())
    }

    /// Waits until the ledger knows what became of the leases. A request ends only then: whoever asks next finds
    /// the quota current.
    async fn settle(&mut self) {
        Settling::wait_for_all(std::mem::take(&mut self.settling)).await;
    }

    async fn fail(&mut self, index: u32, failure: Failure) -> Result<(), HungUp> {
        let lost = Picture { index, result: Err(failure), wasted: Usage::default(), people: None };
        self.take(lost).await
    }

    async fn take(&mut self, picture: Picture) -> Result<(), HungUp> {
        match &picture.result {
            Ok(drawn) => self.trail.drawn(picture.index, &drawn.image),
            Err(failure) => self.trail.lost(picture.index, failure.kind),
        }
        self.delivery.take(picture).await
    }
}

fn lost() -> Failure {
    Failure::new(FailureKind::Internal, "the picture was lost to an error of ours")
}
