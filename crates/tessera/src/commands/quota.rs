//! `tessera quota`: the ledger on its own.

use std::{sync::Arc, time::Duration};

use clap::Args;
use quota::Quota;
use tokio_util::sync::CancellationToken;

use crate::{
    assembly,
    config::{ConfigFile, Environment},
    data_dir::DataDirOption,
    operations, readiness, serving,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// How long the calls in flight may take once told to stop; each is one step of the ledger.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until told to stop.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let config = options.config.load(environment)?;
    let identity = serving::identity(&config)?;
    let data = options.data_dir.resolve(environment);
    let registry = assembly::registry(&config, &data, environment).await?;
    let ledger = assembly::quota(&config, &data, environment, None, registry).await?;
    let listener = serving::bind("quota", config.quota.listen).await?;
    let stop = serving::stop_on_signal(config.operations.drain())?;
    let url = serving::service_url_of(listener.local_addr()?, identity.as_ref());
    serving::announce(&format!("tessera quota listens on {url}"));

    let ledger = Arc::new(ledger);
    let watched = Arc::clone(&ledger);
    let ready = move || {
        let ledger = Arc::clone(&watched);
        async move { ledger.ready().await }
    };
    operations::start(&config.operations, stop.asked.clone(), ready.clone()).await?;
    let routes = readiness::beside(ledger.routes(), Quota::SERVICES, stop.asked.clone(), ready).await;
    let idle = CancellationToken::new();
    let serving = async {
        let served = serving::grpc(routes, serving::incoming(listener, identity), stop.closing, GRACE).await;
        idle.cancel();
        served
    };
    let (served, ()) = tokio::join!(serving, ledger.work_until(idle.cancelled()));
    served
}
