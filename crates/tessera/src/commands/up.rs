//! `tessera up`: everything in one process, with nothing else installed.

use std::net::SocketAddr;

use clap::Args;

use crate::{
    assembly,
    config::{ConfigFile, ConsoleListen, Environment},
    data_dir::DataDirOption,
    first_key::Admission,
    operations,
    operator_console::{Door, OperatorConsole},
    operator_socket,
    provider::Draughtsman,
    serving,
    whole::Whole,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    config: ConfigFile,
    /// Where the gateway listens [default: 127.0.0.1:8045, or what the configuration says]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where the operators' console listens, or off [default: 127.0.0.1:8046, or what the configuration says]
    #[arg(long, value_name = "ADDR")]
    console: Option<ConsoleListen>,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// Serves until told to stop.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let mut config = options.config.load(environment)?;
    if let Some(listen) = options.listen {
        config.gateway.listen = listen;
    }
    let data = options.data_dir.resolve(environment);
    data.claim()?;
    let registry = assembly::registry(&config, &data, environment).await?;
    let draughtsman = Draughtsman::choose(&mut config, &*registry, environment).await?;
    let admission = Admission::decide(&mut config, &data, environment)?;
    let listen = options.console.or(config.gateway.console_listen());
    let door = Door::of_up(listen, &config, &data, environment).await?;
    let mut whole = Whole::start(&config, &data, environment, admission.remembered(), registry).await?;
    let mut operators = operator_socket::serve(&data, whole.operators())?;
    let (generation, quota) = whole.channels();
    let generations = generation.clone().into();
    let mut console =
        OperatorConsole::start(&config, door, (generation, generations), quota, whole.address())?;
    let stop = serving::stop_on_signal(config.operations.drain())?;
    admission.keep(&data)?;
    console.keep(&data)?;
    let (edge, retiring, asked) = (whole.edge(), whole.edge(), stop.asked.clone());
    tokio::spawn(async move {
        asked.cancelled().await;
        retiring.retire();
    });
    let ready = move || {
        let edge = edge.clone();
        async move { edge.ready().await }
    };
    operations::start(&config.operations, stop.asked, ready).await?;

    let url = serving::url_of(whole.address());
    let (drawing, asking) = (draughtsman.describe(), admission.describe(&data, &url)?);
    let looking = console.describe(&data)?;
    serving::announce(&format!("Tessera listens on {url}\n{drawing}\n{looking}\n{asking}"));
    tokio::select! {
        () = stop.closing.cancelled() => {}
        why = whole.failed() => return Err(why),
        why = operators.ended() => return Err(why),
        why = console.ended() => return Err(why),
    }
    operators.stop().await?;
    whole.stop(console.stop()).await?;
    draughtsman.rest().await
}
