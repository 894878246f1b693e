//! The ledger: who may call, on which account, and what came of it.
//!
//! A lease is the right to one upstream call. The broker ranks the operator's accounts and asks the [`store`] for
//! leases on them; the store alone counts, so that no quota is overspent however many services lease from it.
//! Credentials never come here but sealed: an account is a name, a project and its limits.
//!
//! Accounts and clients are those of the configuration and, beside them, those of the [`registry`], to which operators
//! add at run time; the roster knows those in force.

mod accounts;
mod broker;
mod chance;
mod client_key;
mod clients;
mod key_hash;
mod metrics;
mod policy;
mod queue;
pub mod registry;
mod roster;
mod service;
mod standings;
pub mod store;
mod view;

use std::{sync::Arc, time::Duration};

use domain::{Account, AccountId, Catalog, Client, ClientId, Clock, ProjectId};
use proto::v1::{
    accounts_server::{self, AccountsServer},
    clients_server::{self, ClientsServer},
    credentials_server::{self, CredentialsServer},
    leases_server::{self, LeasesServer},
    standings_server::{self, StandingsServer},
    usage_log_server::{self, UsageLogServer},
};
use secrecy::SecretString;
use tokio::time::{MissedTickBehavior, interval};
use tonic::service::Routes;

use self::{
    broker::Broker,
    chance::Dice,
    metrics::Metrics,
    registry::Registry,
    roster::Roster,
    service::{
        AccountService, ClientService, CredentialService, LeaseService, StandingsService, UsageService,
    },
    store::Store,
    view::View,
};

pub use self::{
    client_key::new_client_key,
    key_hash::{KeyHash, NotAKeyHash, is_weak_pepper},
    queue::QueueLimits,
};

/// How often leases are looked through for those whose term is over.
const EXPIRY: Duration = Duration::from_secs(1);

/// What the operator configured.
pub struct Settings {
    /// The accounts to lease.
    pub accounts: Vec<Account>,
    /// Who may ask for pictures.
    pub clients: Vec<ClientEntry>,
    /// Keys the hashes that client keys are kept as; at least 16 bytes.
    pub pepper: SecretString,
    /// How many may wait for their turn.
    pub queue: QueueLimits,
}

/// A client and the key it is known by.
pub struct ClientEntry {
    /// The client.
    pub client: Client,
    /// Its key, or what is known of it.
    pub key: ClientKey,
}

/// What a client is known by.
pub enum ClientKey {
    /// Its key.
    Plain(SecretString),
    /// The keyed hash of its key, which is all that was kept of it.
    Hashed(KeyHash),
}

/// Why settings cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Two accounts have one name.
    #[error("the account `{0}` is configured twice; give each account its own id")]
    DuplicateAccount(AccountId),
    /// An account is to serve what the catalog does not have.
    #[error("the account `{account}` is to serve the model `{model}`, which is not in the catalog")]
    UnknownModel {
        /// The account.
        account: AccountId,
        /// The model.
        model: String,
    },
    /// Accounts that share a quota disagree on how much it is.
    #[error(
        "the accounts `{first}` and `{second}` share the quota of project `{project}` but differ in tier or \
         limits; give both the same"
    )]
    UnequalLimits {
        /// One account.
        first: AccountId,
        /// The other.
        second: AccountId,
        /// Their project.
        project: ProjectId,
    },
    /// Two clients have one name.
    #[error("the client `{0}` is configured twice; give each client its own name")]
    DuplicateClient(ClientId),
    /// Two clients cannot be told apart.
    #[error("the clients `{0}` and `{1}` have the same key; give each client its own")]
    SharedKey(ClientId, ClientId),
    /// A key that anybody has.
    #[error("the key of client `{0}` is empty")]
    EmptyKey(ClientId),
    /// The pepper protects nothing.
    #[error("the key pepper is shorter than 16 bytes; use a random one")]
    WeakPepper,
}

/// The quota service.
pub struct Quota {
    view: Arc<View>,
    broker: Arc<Broker>,
    roster: Arc<Roster>,
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

impl Quota {
    /// The names of its gRPC services.
    pub const SERVICES: &[&str] = &[
        leases_server::SERVICE_NAME,
        clients_server::SERVICE_NAME,
        accounts_server::SERVICE_NAME,
        credentials_server::SERVICE_NAME,
        standings_server::SERVICE_NAME,
        usage_log_server::SERVICE_NAME,
    ];

    /// A service over a store and a registry, with settings that are checked here.
    pub fn new(
        settings: Settings,
        catalog: Arc<Catalog>,
        store: Arc<dyn Store>,
        registry: Arc<dyn Registry>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let queue = settings.queue;
        let roster = Arc::new(Roster::new(settings, Arc::clone(&catalog), registry)?);
        let view = Arc::new(View::new(
            Arc::clone(&roster),
            Arc::clone(&catalog),
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::new(Dice::new()),
        ));
        let (seen, known) = (Arc::clone(&view), Arc::clone(&roster));
        let broker = Arc::new(Broker::new(seen, known, Arc::clone(&catalog), Arc::clone(&store), queue));
        metrics::observe(&view, &broker);
        Ok(Self { view, broker, roster, catalog, store, clock, metrics: Metrics::new() })
    }

    /// Its gRPC services.
    pub fn routes(&self) -> Routes {
        let leases = LeaseService::new(Arc::clone(&self.broker), self.metrics.clone());
        let clients = ClientService::new(Arc::clone(&self.roster));
        let accounts = AccountService::new(Arc::clone(&self.roster), Arc::clone(&self.catalog));
        let credentials = CredentialService::new(Arc::clone(&self.roster));
        Routes::new(LeasesServer::new(leases))
            .add_service(ClientsServer::new(clients))
            .add_service(AccountsServer::new(accounts))
            .add_service(CredentialsServer::new(credentials))
            .add_service(StandingsServer::new(StandingsService::new(Arc::clone(&self.view))))
            .add_service(UsageLogServer::new(UsageService::new(Arc::clone(&self.store))))
    }

    /// Does what nobody asks for, until `shutdown`: keeps up with the store and with what other services change in the
    /// registry, attends to those that wait for their turn, and ends leases whose term is over.
    pub async fn work_until(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            _ = self.view.follow() => {}
            () = self.broker.attend() => {}
            () = self.expire_ever_again() => {}
            () = self.roster.follow() => {}
        }
    }

    /// Whether it can count now, and if not, why.
    pub async fn ready(&self) -> Result<(), &'static str> {
        self.store.standing(&[]).await.map(|_| ()).map_err(|_| "the ledger does not answer")
    }

    /// Ends leases whose term is over, once a second. Slots are free at the end of a term whether or not this runs; it
    /// is what records the expiry, reports it, and forgets what is long past.
    async fn expire_ever_again(&self) {
        let mut rounds = interval(EXPIRY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.expire().await;
        }
    }

    async fn expire(&self) {
        match self.store.expire().await {
            Ok(expired) => {
                self.metrics.expired(expired.len());
                for lease in expired {
                    let overdue_ms = self.clock.now().since(lease.expires_at).as_millis();
                    tracing::warn!(
                        lease = %lease.id, account = %lease.account, domain = %lease.domain, overdue_ms,
                        "a lease expired unsettled; its call may have been paid for"
                    );
                }
            }
            Err(error) => tracing::error!(%error, "leases could not be looked through for expired ones"),
        }
    }
}
