//! `tessera generation`: the core on its own.

use std::sync::Arc;

use clap::Args;
use generation::Generation;
use proto::transport;
use tokio::time::timeout;

use crate::{
    assembly,
    config::{ConfigFile, Environment},
    data_dir::DataDirOption,
    key, operations, readiness,
    serving::{self, SETTLING},
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// Serves until told to stop.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let config = options.config.load(environment)?;
    let identity = serving::identity(&config)?;
    let quota = transport::connect_as(config.generation.quota_url.0.as_str(), identity.as_ref())?;
    let data = options.data_dir.resolve(environment);
    let sealing_key = key::sealing(&config, environment)?;
    let core = assembly::generation(&config, &data, environment, sealing_key, quota)?;
    let listener = serving::bind("generation", config.generation.listen).await?;
    let stop = serving::stop_on_signal(config.operations.drain())?;
    let url = serving::service_url_of(listener.local_addr()?, identity.as_ref());
    serving::announce(&format!("tessera generation listens on {url}"));

    let core = Arc::new(core);
    let watched = Arc::clone(&core);
    let ready = move || {
        let core = Arc::clone(&watched);
        async move { core.ready().await }
    };
    operations::start(&config.operations, stop.asked.clone(), ready.clone()).await?;
    let routes = readiness::beside(core.routes(), Generation::SERVICES, stop.asked.clone(), ready).await;
    let grace = config.generation.deadline_seconds.get();
    serving::grpc(routes, serving::incoming(listener, identity), stop.closing, grace).await?;
    if timeout(SETTLING, core.drain()).await.is_err() {
        tracing::warn!("some leases could not be closed; it is tried again at the next start");
    }
    Ok(())
}
