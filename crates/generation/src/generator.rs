//! Takes requests, and waits for the last of them.

use std::{sync::Arc, time::Duration};

use domain::{Catalog, Dialect, Failure, GenerationRequest, activity::RequestOutcome};
use futures_util::{Stream, StreamExt as _, stream};
use telemetry::carrier;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, field, info, info_span};

use crate::{
    activity::Activity,
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
    activity: Activity,
    tasks: TaskTracker,
}

/// How a request is asked, beside what is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// How long its caller waits; absent for as long as it may take.
    pub(crate) patience: Option<Duration>,
    /// In which language, where it came by way of the edge.
    pub(crate) dialect: Option<Dialect>,
}

impl Generator {
    /// A generator that calls these providers on leases from this ledger, whose open ends are in `tasks`.
    pub(crate) fn new(
        max_attempts: u32,
        deadline: Duration,
        catalog: Arc<Catalog>,
        upstreams: Upstreams,
        ledger: Ledger,
        activity: Activity,
        tasks: TaskTracker,
    ) -> Self {
        let budgets = Arc::default();
        let studio = Studio { upstreams: Arc::new(upstreams), ledger, max_attempts, budgets };
        Self { catalog, studio, deadline, activity, tasks }
    }

    /// The events of a request, which is answered for as long as they are read, and within the patience of its
    /// caller. A request that cannot be served at all fails at once.
    pub(crate) fn generate(
        &self,
        request: GenerationRequest,
        manner: Manner,
    ) -> Result<impl Stream<Item = Event> + Send + use<>, Failure> {
        let span = info_span!(
            "generation.generate",
            request = %request.id,
            client = %request.client,
            model = request.model,
            count = request.count.get(),
            trace_id = field::Empty,
        );
        carrier::note_trace(&span);
        let trail = self.activity.begin(&request, manner.dialect, carrier::trace_id(&span));
        let patience = manner.patience.map_or(self.deadline, |patience| patience.min(self.deadline));
        let order = Order::new(request, &self.catalog, patience).inspect_err(|failure| {
            trail.end(RequestOutcome::Failed(failure.kind));
            span.in_scope(|| info!(%failure, "the request was refused"));
        })?;
        trail.accepted(&order);
        let (sender, receiver) = mpsc::channel(AHEAD);
        let answer = Answer::new(order, self.studio.clone(), trail, self.tasks.clone(), sender.clone());
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
