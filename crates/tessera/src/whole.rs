//! Everything in one process: the three roles, joined by pipes that carry the same gRPC as the network would.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::Client;
use generation::Generation;
use quota::KeyHash;
use tokio::time::timeout;
use tonic::service::Routes;

use crate::{
    assembly,
    config::{Config, Environment},
    data_dir::DataDir,
    running::Running,
    serving::{self, SETTLING},
};

/// The running roles.
pub(crate) struct Whole {
    address: SocketAddr,
    core: Arc<Generation>,
    operators: Routes,
    gateway: Running,
    generation: Running,
    quota: Running,
}

impl Whole {
    /// Builds every role, and only then listens where the configuration says. `remembered` is a client that
    /// the configuration does not name.
    pub(crate) async fn start(
        config: &Config,
        data: &DataDir,
        environment: &Environment,
        remembered: Option<(Client, KeyHash)>,
    ) -> anyhow::Result<Self> {
        let (to_quota, quota_incoming) = proto::transport::pipe();
        let (to_generation, generation_incoming) = proto::transport::pipe();
        let ledger = assembly::quota(config, data, environment, remembered).await?;
        let core = Arc::new(assembly::generation(config, environment, to_quota.clone())?);
        let operators = ledger.routes();
        let edge = assembly::gateway(config, to_generation, to_quota);
        let listener = serving::bind("the gateway", config.gateway.listen).await?;
        let address = listener.local_addr()?;

        let grace = config.generation.deadline_seconds.get();
        let quota = Running::start("quota", |stop| async move {
            let serving = serving::grpc(ledger.routes(), quota_incoming, stop.clone(), Duration::ZERO);
            let (served, ()) = tokio::join!(serving, ledger.expire_until(stop.cancelled()));
            served
        });
        let routes = core.routes();
        let generation = Running::start("generation", |stop| {
            serving::grpc(routes, generation_incoming, stop, Duration::ZERO)
        });
        let settings = config.gateway.settings();
        let gateway = Running::start("the gateway", |stop| async move {
            let serving = gateway::serve(listener, edge.router(), settings, stop.clone().cancelled_owned());
            Ok(serving::within(grace, &stop, serving).await.unwrap_or(Ok(()))?)
        });
        Ok(Self { address, core, operators, gateway, generation, quota })
    }

    /// Where the gateway listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The services that operators use.
    pub(crate) fn operators(&self) -> Routes {
        self.operators.clone()
    }

    /// Why a role ended although nobody told it to.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            why = self.gateway.ended() => why,
            why = self.generation.ended() => why,
            why = self.quota.ended() => why,
        }
    }

    /// Stops from the edge inwards: no new request, then those in flight, then their settlements, then the
    /// ledger.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.gateway.stop().await?;
        if timeout(SETTLING, self.core.drain()).await.is_err() {
            tracing::warn!("some leases could not be settled; they expire by themselves");
        }
        self.generation.stop().await?;
        self.quota.stop().await
    }
}
