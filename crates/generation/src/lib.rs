//! The use case: lease an account, call its provider, settle, and perhaps try again.
//!
//! One picture is one upstream call on one lease. A request for n pictures acquires n leases as one batch and
//! runs n calls side by side; each call is renewed while it lasts and settled when it ends, also when the
//! caller hangs up. A picture is attempted again only on another account, and only where the failed attempt is
//! known not to have been billed.
//!
//! - `service` speaks gRPC, `order` checks a request against the catalog
//! - `generator` takes requests, `answer` answers one, `picture` makes one picture, `delivery` keeps the order of
//!   events
//! - `activity` notes what becomes of requests, for those who watch
//! - `retry` decides, purely, whether another attempt may follow
//! - `outbox` keeps what the ledger was not yet told of leases, over restarts too
//! - `credentials` are what opens accounts: those of the configuration, and those that the ledger keeps sealed
//! - [`leases`] is the port to the ledger, [`upstream`] the port to the providers

mod activity;
mod answer;
mod credentials;
mod delivery;
mod generator;
pub mod leases;
mod order;
mod outbox;
mod picture;
mod retry;
mod service;
mod settings;
mod shortage;
pub mod upstream;

use std::sync::Arc;

use domain::{Catalog, Clock, Provider};
use proto::v1::{
    activity_server, generation_server,
    sealing_server::{self, SealingServer},
};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

pub use credentials::{Credentials, RemoteCredentials, SealedCredentials};
pub use outbox::OutboxError;
pub use settings::{Settings, SettingsError};

use activity::Activity;
use credentials::{Sealing, Vault};
use generator::Generator;
use leases::{Leases, Ledger};
use outbox::Outbox;
use upstream::{Service, Upstream, Upstreams, gemini::Gemini, vertex::Vertex};

/// The generation service.
pub struct Generation {
    generator: Arc<Generator>,
    activity: Activity,
    sealing: Sealing,
}

impl Generation {
    /// The names of its gRPC services.
    pub const SERVICES: &[&str] =
        &[generation_server::SERVICE_NAME, sealing_server::SERVICE_NAME, activity_server::SERVICE_NAME];

    /// A service that calls with these credentials and the sealed ones, on leases from this ledger. What it signs
    /// bears the time of this clock. Leases that an earlier run left open are closed now; that needs a runtime.
    pub fn new(
        settings: Settings,
        catalog: Arc<Catalog>,
        credentials: &Credentials,
        sealed: Arc<dyn SealedCredentials>,
        leases: Arc<dyn Leases>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        settings.validate()?;
        let Settings { max_attempts, deadline, outbox, keep_prompts, sealing_key, gemini, vertex } = settings;
        let vault = Arc::new(Vault::new(sealing_key.clone(), sealed));
        let service = Service::new(gemini.timeouts, gemini.answer_limit_bytes)?;
        let gemini: Arc<dyn Upstream> =
            Arc::new(Gemini::new(&gemini, service.clone(), credentials, Arc::clone(&vault))?);
        let vertex: Arc<dyn Upstream> = Arc::new(Vertex::new(&vertex, service, clock, credentials, vault)?);
        let upstreams = Upstreams::new([(Provider::Gemini, gemini), (Provider::Vertex, vertex)]);
        let outbox = outbox.map_or_else(|| Ok(Outbox::in_memory()), |directory| Outbox::open(&directory))?;
        let tasks = TaskTracker::new();
        let ledger = Ledger::new(leases, outbox, Arc::clone(clock), tasks.clone());
        let activity = Activity::new(Arc::clone(clock), keep_prompts);
        let generator =
            Generator::new(max_attempts, deadline, catalog, upstreams, ledger, activity.clone(), tasks);
        Ok(Self { generator: Arc::new(generator), activity, sealing: Sealing(sealing_key) })
    }

    /// The gRPC routes to serve.
    pub fn routes(&self) -> Routes {
        self.for_operators(service::routes(Arc::clone(&self.generator)))
    }

    /// These routes, and those that operators use of this service.
    pub fn for_operators(&self, routes: Routes) -> Routes {
        routes
            .add_service(SealingServer::new(self.sealing.clone()))
            .add_service(activity::server(&self.activity))
    }

    /// Whether it can serve now, and if not, why.
    pub async fn ready(&self) -> Result<(), &'static str> {
        self.generator.ready().await
    }

    /// Waits until every request is answered and every lease in flight is settled. To be called once nothing
    /// new can arrive.
    pub async fn drain(&self) {
        self.generator.drain().await;
    }
}
