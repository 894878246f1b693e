//! `tessera gateway`: the edge on its own.

use clap::Args;
use proto::transport::{self, Replicas};

use crate::{
    assembly,
    config::{ConfigFile, Environment},
    operations,
    operator_console::{Door, OperatorConsole},
    serving,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigFile,
}

/// Serves until told to stop.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let config = options.config.load(environment)?;
    let identity = serving::identity(&config)?;
    let generation = transport::connect_as(config.gateway.generation_url.0.as_str(), identity.as_ref())?;
    let generations = Replicas::of_as(config.gateway.generation_url.0.as_str(), identity.as_ref())?;
    let quota = transport::connect_as(config.gateway.quota_url.0.as_str(), identity.as_ref())?;
    let door = Door::of_gateway(&config, environment).await?;
    let edge = assembly::gateway(&config, generation.clone(), quota.clone());
    let listener = serving::bind("the gateway", config.gateway.listen).await?;
    let here = listener.local_addr()?;
    let console = OperatorConsole::start(&config, door, (generation, generations), quota, here)?;
    let stop = serving::stop_on_signal(config.operations.drain())?;
    serving::announce(&format!("tessera gateway listens on {}", serving::url_of(listener.local_addr()?)));
    if let Some(url) = console.url() {
        serving::announce(&format!("its console listens on {url}"));
    }

    let watched = edge.clone();
    let ready = move || {
        let edge = watched.clone();
        async move { edge.ready().await }
    };
    operations::start(&config.operations, stop.asked.clone(), ready).await?;
    let (retiring, asked) = (edge.clone(), stop.asked.clone());
    tokio::spawn(async move {
        asked.cancelled().await;
        retiring.retire();
    });
    let settings = config.gateway.settings();
    let serving = gateway::serve(listener, edge.router(), settings, stop.closing.clone().cancelled_owned());
    let grace = config.generation.deadline_seconds.get();
    let serving = async { Ok(serving::within(grace, &stop.closing, serving).await.unwrap_or(Ok(()))?) };
    let looking = async {
        stop.closing.cancelled().await;
        console.stop().await
    };
    tokio::try_join!(serving, looking).map(|_| ())
}
