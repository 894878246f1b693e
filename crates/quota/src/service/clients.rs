//! Clients over gRPC: for the edge, whose key it was shown; for operators, who may ask.

use std::sync::Arc;

use domain::{Client, ClientId, Failure, FailureKind, KnownClient, Origin};
use proto::{
    status_of,
    v1::{self, clients_server},
};
use secrecy::ExposeSecret as _;
use telemetry::carrier;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Span, instrument};

use super::note;
use crate::{
    client_key::new_client_key,
    registry::{Change, RegisteredClient},
    roster::{InForce, Roster},
};

/// Clients over gRPC.
pub(crate) struct ClientService {
    roster: Arc<Roster>,
}

impl ClientService {
    /// The service of a roster.
    pub(crate) const fn new(roster: Arc<Roster>) -> Self {
        Self { roster }
    }
}

#[async_trait]
impl clients_server::Clients for ClientService {
    #[instrument(name = "quota.authenticate", skip_all, fields(client, trace_id))]
    async fn authenticate(
        &self,
        request: Request<v1::AuthenticateRequest>,
    ) -> Result<Response<v1::AuthenticateResponse>, Status> {
        carrier::note_trace(&Span::current());
        let current = self.roster.current();
        let client = current.clients.authenticate(&request.get_ref().key_sha256).ok_or_else(|| {
            status_of(Failure::new(FailureKind::Unauthenticated, "the client key is not known"))
        })?;
        note("client", &client.id);
        Ok(Response::new(v1::AuthenticateResponse { client: client.id.to_string() }))
    }

    #[instrument(name = "quota.clients.create", skip_all, fields(client = request.get_ref().name, trace_id))]
    async fn create(
        &self,
        request: Request<v1::CreateClientRequest>,
    ) -> Result<Response<v1::CreateClientResponse>, Status> {
        carrier::note_trace(&Span::current());
        let revision = request.get_ref().revision;
        let client = Client::try_from(request.into_inner()).map_err(status_of)?;
        let key = new_client_key();
        let decide = |current: &InForce| {
            let made = RegisteredClient { client: client.clone(), key: current.clients.hash(&key) };
            Ok((admit(current, made)?, ()))
        };
        let (current, ()) = self.roster.change(revision, decide).await.map_err(status_of)?;
        let revision = current.registered.revision;
        tracing::info!(client = %client.id, revision, "a client was created");
        let known = KnownClient { client, origin: Origin::Registry, set_aside: None };
        let key = key.expose_secret().to_owned();
        Ok(Response::new(v1::CreateClientResponse { client: Some(known.into()), key, revision }))
    }

    #[instrument(name = "quota.clients.list", skip_all, fields(trace_id))]
    async fn list(
        &self,
        _: Request<v1::ListClientsRequest>,
    ) -> Result<Response<v1::ListClientsResponse>, Status> {
        carrier::note_trace(&Span::current());
        self.roster.refresh().await.map_err(status_of)?;
        let current = self.roster.current();
        let mut clients: Vec<_> = current.clients.all().iter().cloned().map(v1::Client::from).collect();
        clients.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Response::new(v1::ListClientsResponse { clients, revision: current.registered.revision }))
    }

    #[instrument(name = "quota.clients.revoke", skip_all, fields(trace_id))]
    async fn revoke(
        &self,
        request: Request<v1::RevokeClientRequest>,
    ) -> Result<Response<v1::ClientResponse>, Status> {
        carrier::note_trace(&Span::current());
        let v1::RevokeClientRequest { name, revision } = request.into_inner();
        let id = ClientId::new(name).map_err(|error| status_of(Failure::invalid("name", error)))?;
        let decide = |current: &InForce| {
            let known = current.clients.find(&id).ok_or_else(|| unknown(&id))?;
            Ok((revoke(current, known)?, known.clone()))
        };
        let (current, revoked) = self.roster.change(revision, decide).await.map_err(status_of)?;
        let revision = current.registered.revision;
        tracing::info!(client = %id, revision, "a client was revoked");
        Ok(Response::new(v1::ClientResponse { client: Some(revoked.into()), revision }))
    }
}

fn admit(current: &InForce, made: RegisteredClient) -> Result<Change, Failure> {
    let id = &made.client.id;
    match current.clients.find(id) {
        None => Ok(Change::AddClient(made)),
        Some(known) => {
            let message =
                format!("there is a client `{id}` already, from the {}; revoke it first", known.origin);
            Err(Failure::invalid("name", message))
        }
    }
}

fn revoke(current: &InForce, known: &KnownClient) -> Result<Change, Failure> {
    let id = &known.client.id;
    if current.registered.clients.contains_key(id) {
        return Ok(Change::RemoveClient(id.clone()));
    }
    let message = format!(
        "the client `{id}` is in the configuration: remove it from [[clients]] there and restart; where nothing \
         there names it, it holds TESSERA_CLIENT_KEY or the key that the first start made"
    );
    Err(Failure::invalid("name", message))
}

fn unknown(id: &ClientId) -> Failure {
    Failure::invalid("name", format!("there is no client `{id}`; `tessera clients list` names them all"))
}
