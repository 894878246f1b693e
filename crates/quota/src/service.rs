//! The gRPC services: they parse, ask, and answer.

mod accounts;
mod clients;
mod credentials;
mod standings;
mod usage;

use std::{pin::Pin, sync::Arc};

use domain::{
    Failure,
    lease::{Acquired, Acquiring, Closing, LeaseRequest},
};
use futures_util::{Stream, StreamExt as _, stream};
use proto::{
    status_of,
    v1::{self, leases_server},
};
use telemetry::carrier;
use tokio::time::Instant;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Instrument as _, Span, field, instrument};

pub(crate) use self::{
    accounts::AccountService, clients::ClientService, credentials::CredentialService,
    standings::StandingsService, usage::UsageService,
};
use crate::{
    broker::{Begun, Broker},
    metrics::{Metrics, answer_name},
};

/// Leases over gRPC.
pub(crate) struct LeaseService {
    broker: Arc<Broker>,
    metrics: Metrics,
}

impl LeaseService {
    /// The service of a broker.
    pub(crate) fn new(broker: Arc<Broker>, metrics: Metrics) -> Self {
        Self { broker, metrics }
    }

    fn closed(&self, how: &'static str, closing: Closing) -> Response<v1::CloseResponse> {
        note("closing", &format_args!("{closing:?}"));
        self.metrics.closed(how, closing);
        if matches!(closing, Closing::Conflict | Closing::Fenced | Closing::Unknown) {
            tracing::warn!("a lease was closed by one who does not hold it, or not as before");
        }
        Response::new(closing.into())
    }
}

#[async_trait]
impl leases_server::Leases for LeaseService {
    type AcquireStream = Pin<Box<dyn Stream<Item = Result<v1::AcquireEvent, Status>> + Send>>;

    #[instrument(
        name = "quota.acquire",
        skip_all,
        fields(client, model, leases = request.get_ref().lease_ids.len(), answer, trace_id)
    )]
    async fn acquire(
        &self,
        request: Request<v1::AcquireRequest>,
    ) -> Result<Response<Self::AcquireStream>, Status> {
        carrier::note_trace(&Span::current());
        let request = LeaseRequest::try_from(request.into_inner()).map_err(status_of)?;
        note("client", &request.client);
        note("model", &request.model);
        let (metrics, asked) = (self.metrics.clone(), Instant::now());
        Ok(Response::new(match self.broker.acquire(request).await {
            Ok(Begun::Answered(acquired)) => {
                Box::pin(stream::iter([Ok(answered(acquired, &metrics, asked))]))
            }
            Ok(Begun::Waiting(turn)) => {
                let answer = async move {
                    let answer = turn.answer().await;
                    answer
                        .map(|acquired| answered(acquired, &metrics, asked))
                        .map_err(|failure| failed(failure, &metrics, asked))
                };
                let answer = stream::once(answer.in_current_span());
                Box::pin(stream::iter([Ok(Acquiring::Waiting.into())]).chain(answer))
            }
            Err(failure) => return Err(failed(failure, &metrics, asked)),
        }))
    }

    #[instrument(name = "quota.renew", skip_all, fields(lease = request.get_ref().lease_id, trace_id))]
    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewResponse>, Status> {
        carrier::note_trace(&Span::current());
        let (id, fence) = request.into_inner().parse().map_err(status_of)?;
        let renewal = self.broker.renew(&id, fence).await.map_err(status_of)?;
        Ok(Response::new(renewal.into()))
    }

    #[instrument(
        name = "quota.settle",
        skip_all,
        fields(lease = request.get_ref().lease_id, outcome, closing, trace_id)
    )]
    async fn settle(
        &self,
        request: Request<v1::SettleRequest>,
    ) -> Result<Response<v1::CloseResponse>, Status> {
        carrier::note_trace(&Span::current());
        let (id, fence, settlement) = request.into_inner().parse().map_err(status_of)?;
        note("outcome", &settlement.outcome.as_str());
        let closing = self.broker.settle(&id, fence, &settlement).await.map_err(status_of)?;
        Ok(self.closed("settled", closing))
    }

    #[instrument(name = "quota.release", skip_all, fields(lease = request.get_ref().lease_id, closing, trace_id))]
    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::CloseResponse>, Status> {
        carrier::note_trace(&Span::current());
        let (id, fence) = request.into_inner().parse().map_err(status_of)?;
        let closing = self.broker.release(&id, fence).await.map_err(status_of)?;
        Ok(self.closed("released", closing))
    }
}

/// The answer to what was asked at `asked`, noted and counted.
fn answered(acquired: Acquired, metrics: &Metrics, asked: Instant) -> v1::AcquireEvent {
    note("answer", &answer_name(&acquired));
    metrics.answered(&acquired, asked.elapsed());
    Acquiring::Answered(acquired).into()
}

/// That there is no answer to what was asked at `asked`.
fn failed(failure: Failure, metrics: &Metrics, asked: Instant) -> Status {
    note("answer", &failure.kind);
    metrics.failed(failure.kind, asked.elapsed());
    status_of(failure)
}

fn note(field: &'static str, value: &dyn std::fmt::Display) {
    Span::current().record(field, field::display(value));
}
