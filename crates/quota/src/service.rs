//! The gRPC services: they parse, ask, and answer.

mod accounts;
mod clients;
mod credentials;
mod standings;
mod usage;

use std::{pin::Pin, sync::Arc};

use domain::lease::{Acquired, Acquiring, Closing, LeaseRequest, Shortage};
use futures_util::{Stream, StreamExt as _, stream};
use proto::{
    status_of,
    v1::{self, leases_server},
};
use tonic::{Request, Response, Status, async_trait};
use tracing::{Instrument as _, Span, field, instrument};

pub(crate) use self::{
    accounts::AccountService, clients::ClientService, credentials::CredentialService,
    standings::StandingsService, usage::UsageService,
};
use crate::broker::{Begun, Broker};

/// Leases over gRPC.
pub(crate) struct LeaseService {
    broker: Arc<Broker>,
}

impl LeaseService {
    /// The service of a broker.
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self { broker }
    }
}

#[async_trait]
impl leases_server::Leases for LeaseService {
    type AcquireStream = Pin<Box<dyn Stream<Item = Result<v1::AcquireEvent, Status>> + Send>>;

    #[instrument(
        name = "quota.acquire",
        skip_all,
        fields(client, model, leases = request.get_ref().lease_ids.len(), answer)
    )]
    async fn acquire(
        &self,
        request: Request<v1::AcquireRequest>,
    ) -> Result<Response<Self::AcquireStream>, Status> {
        let request = LeaseRequest::try_from(request.into_inner()).map_err(status_of)?;
        note("client", &request.client);
        note("model", &request.model);
        Ok(Response::new(match self.broker.acquire(request).await.map_err(status_of)? {
            Begun::Answered(acquired) => Box::pin(stream::iter([Ok(answered(acquired))])),
            Begun::Waiting(turn) => {
                let answer = async { turn.answer().await.map(answered).map_err(status_of) };
                let answer = stream::once(answer.in_current_span());
                Box::pin(stream::iter([Ok(Acquiring::Waiting.into())]).chain(answer))
            }
        }))
    }

    #[instrument(name = "quota.renew", skip_all, fields(lease = request.get_ref().lease_id))]
    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewResponse>, Status> {
        let (id, fence) = request.into_inner().parse().map_err(status_of)?;
        let renewal = self.broker.renew(&id, fence).await.map_err(status_of)?;
        Ok(Response::new(renewal.into()))
    }

    #[instrument(
        name = "quota.settle",
        skip_all,
        fields(lease = request.get_ref().lease_id, outcome, closing)
    )]
    async fn settle(
        &self,
        request: Request<v1::SettleRequest>,
    ) -> Result<Response<v1::CloseResponse>, Status> {
        let (id, fence, settlement) = request.into_inner().parse().map_err(status_of)?;
        note("outcome", &settlement.outcome.as_str());
        let closing = self.broker.settle(&id, fence, &settlement).await.map_err(status_of)?;
        Ok(closed(closing))
    }

    #[instrument(name = "quota.release", skip_all, fields(lease = request.get_ref().lease_id, closing))]
    async fn release(
        &self,
        request: Request<v1::ReleaseRequest>,
    ) -> Result<Response<v1::CloseResponse>, Status> {
        let (id, fence) = request.into_inner().parse().map_err(status_of)?;
        let closing = self.broker.release(&id, fence).await.map_err(status_of)?;
        Ok(closed(closing))
    }
}

fn answered(acquired: Acquired) -> v1::AcquireEvent {
    let answer = match acquired {
        Acquired::Granted(_) => "granted",
        Acquired::Refused(Shortage::NoAccount) => "no_account",
        Acquired::Refused(Shortage::Limited { .. }) => "limited",
        Acquired::Refused(Shortage::ClientLimited { .. }) => "client_limited",
    };
    note("answer", &answer);
    Acquiring::Answered(acquired).into()
}

fn closed(closing: Closing) -> Response<v1::CloseResponse> {
    note("closing", &format_args!("{closing:?}"));
    if matches!(closing, Closing::Conflict | Closing::Fenced | Closing::Unknown) {
        tracing::warn!("a lease was closed by one who does not hold it, or not as before");
    }
    Response::new(closing.into())
}

fn note(field: &'static str, value: &dyn std::fmt::Display) {
    Span::current().record(field, field::display(value));
}
