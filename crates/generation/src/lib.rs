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
//! - `retry` decides, purely, whether another attempt may follow
//! - [`leases`] is the port to the ledger, [`upstream`] the port to the providers

mod answer;
mod credentials;
mod deadline;
mod delivery;
mod generator;
pub mod leases;
mod order;
mod picture;
mod retry;
mod service;
mod settings;
pub mod upstream;

use std::sync::Arc;

use domain::{Catalog, Provider};
use tonic::service::Routes;

pub use credentials::Credentials;
pub use settings::{Settings, SettingsError};

use generator::Generator;
use leases::Leases;
use upstream::{Upstream, Upstreams, gemini::Gemini};

/// The generation service.
pub struct Generation {
    generator: Arc<Generator>,
}

impl Generation {
    /// A service that calls with these credentials, on leases from this ledger.
    pub fn new(
        settings: Settings,
        catalog: Arc<Catalog>,
        credentials: Credentials,
        leases: Arc<dyn Leases>,
    ) -> Result<Self, SettingsError> {
        settings.validate()?;
        let Settings { max_attempts, deadline, gemini } = settings;
        let gemini: Arc<dyn Upstream> = Arc::new(Gemini::new(gemini, credentials)?);
        let upstreams = Upstreams::new([(Provider::Gemini, gemini)]);
        Ok(Self { generator: Arc::new(Generator::new(max_attempts, deadline, catalog, upstreams, leases)) })
    }

    /// The gRPC routes to serve.
    pub fn routes(&self) -> Routes {
        service::routes(Arc::clone(&self.generator))
    }

    /// Waits until every request is answered and every lease in flight is settled. To be called once nothing
    /// new can arrive.
    pub async fn drain(&self) {
        self.generator.drain().await;
    }
}
