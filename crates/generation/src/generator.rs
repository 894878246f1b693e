//! Takes requests, and waits for the last of them.

use std::{sync::Arc, time::Duration};

use domain::{Catalog, Failure, GenerationRequest};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, info, info_span};

use crate::{
    answer::{self, Answer},
    delivery::Event,
    leases::Ledger,
    order::Order,
    picture::Studio,
    upstream::Upstreams,
};

/// Parcels that may wait for their reader. Their chunks are the pictures' own tiles, so that waiting costs no memory.
const AHEAD: usize = 8;

/// Answers requests.
pub(crate) struct Generator {
    catalog: Arc<Catalog>,
    studio: Studio,
    deadline: Duration,
    tasks: TaskTracker,
}

impl Generator {
    /// A generator that calls these providers on leases from this ledger, whose open ends are in `tasks`.
    pub(crate) fn new(
        max_attempts: u32,
        deadline: Duration,
        catalog: Arc<Catalog>,
        upstreams: Upstreams,
        ledger: Ledger,
        tasks: TaskTracker,
    ) -> Self {
        let budgets = Arc::default();
        let studio = Studio { upstreams: Arc::new(upstreams), ledger, max_attempts, budgets };
        Self { catalog, studio, deadline, tasks }
    }

    /// The events of a request, which is answered for as long as they are read, and within `patience` where
    /// the caller has one. A request that cannot be served at all fails at once.
    pub(crate) fn generate(
        &self,
        request: GenerationRequest,
        patience: Option<Duration>,
    ) -> Result<impl Stream<Item = Event> + Send + use<>, Failure> {
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
        let answer = Answer::new(order, self.studio.clone(), self.tasks.clone(), sender.clone());
        self.tasks.spawn(answer::run(answer, sender).instrument(span));
        Ok(ReceiverStream::new(receiver).flat_map(|parcel| stream::iter(parcel.events())))
    }

    /// Whether the ledger answers: without it nothing can be leased.
    pub(crate) async fn ready(&self) -> Result<(), &'static str> {
        if self.studio.ledger.answers().await { Ok(()) } else { Err("quota cannot be reached") }
    }

    /// Waits until every request is answered and every lease is closed.
    pub(crate) async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests;
