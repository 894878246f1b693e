//! `tessera simulator`: a Gemini API on its own, for development, demonstrations and tests.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use simulator::{Script, Simulator};

use crate::{assembly, config::Invalid, serving};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// What it does, in TOML; without it, it draws for any key
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// Serves until told to stop.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let script = options.script.as_deref().map(read).transpose()?.unwrap_or_default();
    let listener = serving::bind("the simulator", options.listen).await?;
    let stop = serving::stop_on_signal(Duration::ZERO)?;
    serving::announce(&format!("tessera simulator listens on {}", serving::url_of(listener.local_addr()?)));
    let simulator = Simulator::new(script, assembly::clock());
    Ok(simulator::serve(listener, simulator, stop.closing.cancelled_owned()).await?)
}

fn read(path: &Path) -> Result<Script, Invalid> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Invalid::from(format!("the script {shown} cannot be read: {error}")))?;
    Script::parse(&text).map_err(|error| Invalid::from(format!("the script {shown}: {error}")))
}
