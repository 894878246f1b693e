//! The port to whoever knows the clients and their keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{Client, ClientId, Clock, Failure, FailureKind, Timestamp};
use proto::{
    failure_of,
    transport::Channel,
    v1::{AuthenticateRequest, clients_client::ClientsClient},
};
use telemetry::grpc::{self, Traced};

/// Knows the clients.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Whose key has this SHA-256; [`FailureKind::Unauthenticated`] alike for unknown, wrong and revoked keys.
    async fn authenticate(&self, key_sha256: [u8; 32]) -> Result<Client, Failure>;

    /// Whether they can be asked now.
    async fn ready(&self) -> bool {
        true
    }
}

/// The quota service at the other end of a gRPC channel, asked about each key that is good a few times a second at
/// the most.
pub struct RemoteClients {
    service: ClientsClient<Traced<Channel>>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<[u8; 32], (Client, Timestamp)>>,
}

/// How long a good key stays good unasked; as long may a revoked one still open. The service itself may take half a
/// second to hear of a change, and both together must not take a second.
const TRUSTED: Duration = Duration::from_millis(400);

/// Good keys remembered at once.
const REMEMBERED: usize = 4096;

/// How long the service may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);

impl RemoteClients {
    /// Speaks to the service behind `channel`.
    pub fn new(channel: Channel, clock: Arc<dyn Clock>) -> Self {
        Self { service: ClientsClient::new(grpc::calls(channel)), clock, known: Mutex::default() }
    }

    async fn ask(&self, key_sha256: [u8; 32]) -> Result<Client, Failure> {
        let key_sha256 = key_sha256.to_vec().into();
        let mut question = tonic::Request::new(AuthenticateRequest { key_sha256 });
        question.set_timeout(ANSWER_WITHIN);
        let answer = self.service.clone().authenticate(question).await;
        let name = answer.map_err(|status| failure_of(&status))?.into_inner().client;
        let id = ClientId::new(name)
            .map_err(|_| Failure::new(FailureKind::Internal, "the service named a client it cannot have"))?;
        Ok(Client::unlimited(id))
    }

    fn recall(&self, key_sha256: &[u8; 32]) -> Option<Client> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (client, learned) = known.get(key_sha256)?;
        self.fresh(*learned).then(|| client.clone())
    }

    fn remember(&self, key_sha256: [u8; 32], client: Client) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, learned)| self.fresh(*learned));
        }
        if known.len() < REMEMBERED {
            known.insert(key_sha256, (client, self.clock.now()));
        }
    }

    /// A clock that stepped back makes nothing fresh for longer.
    fn fresh(&self, learned: Timestamp) -> bool {
        let now = self.clock.now();
        learned <= now && now.since(learned) < TRUSTED
    }
}

#[async_trait]
impl Clients for RemoteClients {
    async fn authenticate(&self, key_sha256: [u8; 32]) -> Result<Client, Failure> {
        if let Some(client) = self.recall(&key_sha256) {
            return Ok(client);
        }
        let client = self.ask(key_sha256).await?;
        self.remember(key_sha256, client.clone());
        Ok(client)
    }

    /// A service that is there answers for any key, if only that it knows none such.
    async fn ready(&self) -> bool {
        match self.ask([0; 32]).await {
            Ok(_) => true,
            Err(failure) => failure.kind == FailureKind::Unauthenticated,
        }
    }
}
