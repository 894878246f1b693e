//! Everything in one process: the three roles, which say to each other in memory what they would say over the network.

use std::{net::SocketAddr, sync::Arc};

use domain::Client;
use gateway::Gateway;
use generation::Generation;
use proto::transport::Channel;
use quota::{KeyHash, registry::Registry};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    assembly,
    config::{Config, Environment},
    data_dir::DataDir,
    key, readiness,
    running::Running,
    serving::{self, SETTLING},
};

/// The running roles.
pub(crate) struct Whole {
    address: SocketAddr,
    edge: Gateway,
    core: Arc<Generation>,
    /// Cancelled when nobody is to be told any more whether the core can serve.
    told: CancellationToken,
    operators: Routes,
    to_generation: Channel,
    to_quota: Channel,
    gateway: Running,
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
        registry: Arc<dyn Registry>,
    ) -> anyhow::Result<Self> {
        let sealing_key = key::sealing_or_made(config, data, environment)?;
        let ledger = assembly::quota(config, data, environment, remembered, registry).await?;
        let to_quota = Channel::within(ledger.routes());
        let core = assembly::generation(config, data, environment, Some(sealing_key), to_quota.clone())?;
        let operators = core.for_operators(ledger.routes());
        let (core, told) = (Arc::new(core), CancellationToken::new());
        let watched = Arc::clone(&core);
        let ready = move || {
            let core = Arc::clone(&watched);
            async move { core.ready().await }
        };
        let to_generation = Channel::within(
            readiness::beside(core.routes(), Generation::SERVICES, told.clone(), ready).await,
        );
        let edge = assembly::gateway(config, to_generation.clone(), to_quota.clone());
        let listener = serving::bind("the gateway", config.gateway.listen).await?;
        let address = listener.local_addr()?;

        let grace = config.generation.deadline_seconds.get();
        let quota = Running::start("quota", |stop| async move {
            ledger.work_until(stop.cancelled()).await;
            Ok(())
        });
        let settings = config.gateway.settings();
        let router = edge.router();
        let gateway = Running::start("the gateway", |stop| async move {
            let serving = gateway::serve(listener, router, settings, stop.clone().cancelled_owned());
            Ok(serving::within(grace, &stop, serving).await.unwrap_or(Ok(()))?)
        });
        Ok(Self { address, edge, core, told, operators, to_generation, to_quota, gateway, quota })
    }

    /// Where the gateway listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The edge, which knows whether everything behind it can be reached.
    pub(crate) fn edge(&self) -> Gateway {
        self.edge.clone()
    }

    /// The services that operators use.
    pub(crate) fn operators(&self) -> Routes {
        self.operators.clone()
    }

    /// The ways to generation and to quota.
    pub(crate) fn channels(&self) -> (Channel, Channel) {
        (self.to_generation.clone(), self.to_quota.clone())
    }

    /// Why a role ended although nobody told it to.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            why = self.gateway.ended() => why,
            why = self.quota.ended() => why,
        }
    }

    /// Stops from the edge inwards: no new request, then those in flight, then their settlements, then the
    /// ledger. What else asks for pictures stops beside the edge, in `others`.
    pub(crate) async fn stop(self, others: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        self.told.cancel();
        tokio::try_join!(self.gateway.stop(), others)?;
        if timeout(SETTLING, self.core.drain()).await.is_err() {
            tracing::warn!("some leases could not be closed; it is tried again at the next start");
        }
        self.quota.stop().await
    }
}
