//! `tessera generate`: pictures from the prompt of a shell.
//!
//! It asks a gateway over HTTP as any application does. Where none listens on this machine it brings up everything
//! in its own process, and asks that.

mod asking;
mod event_stream;
mod files;
mod progress;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::bail;
use clap::Args;
use secrecy::SecretString;

use self::{
    asking::{Asked, Gateway, Wish},
    files::Destination,
    progress::Progress,
};
use crate::{
    assembly,
    config::{ConfigFile, Environment},
    data_dir::DataDirOption,
    first_key::{Admission, KEY_VARIABLE},
    provider::Draughtsman,
    serving,
    whole::Whole,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to draw
    prompt: String,
    /// The model, with suffixes such as -16-9-4k
    #[arg(long)]
    model: Option<String>,
    /// The shape or size: 16:9, or 1920x1080
    #[arg(long)]
    size: Option<String>,
    /// The resolution: standard, medium, hd, or 1k, 2k, 4k
    #[arg(long)]
    quality: Option<String>,
    /// How many pictures
    #[arg(short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    n: u32,
    /// The file to write; further pictures get a number [default: picture.png, or the next free name]
    #[arg(short, long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The gateway to ask; where none listens on this machine, everything is brought up for this once
    #[arg(
        long,
        value_name = "URL",
        env = "TESSERA_GATEWAY_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8045"
    )]
    gateway: String,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// Asks, and writes what comes.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let destination = Destination::of(options.output.clone())?;
    let wish = Wish {
        prompt: &options.prompt,
        model: options.model.as_deref(),
        size: options.size.as_deref(),
        quality: options.quality.as_deref(),
        n: options.n,
        stream: true,
    };
    let key = environment.get(KEY_VARIABLE).map(SecretString::from);
    let progress = Progress::begin(options.n);
    let gateway = Gateway::at(&options.gateway, key)?;
    match gateway.ask(&wish).await? {
        Asked::Answer(answer) => deliver(answer, &destination, &progress).await,
        // Who names another machine does not want the pictures, or the bill, of this one.
        Asked::NobodyListens if !gateway.is_here() => bail!("no gateway listens on {}", options.gateway),
        Asked::NobodyListens => {
            progress.say(&format!(
                "No gateway listens on {} (--gateway names another); drawing in this process.",
                options.gateway
            ));
            draw_here(&options, environment, &wish, &destination, &progress).await
        }
    }
}

/// Brings up everything, asks it, and stops it again.
async fn draw_here(
    options: &Options,
    environment: &Environment,
    wish: &Wish<'_>,
    destination: &Destination,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut config = options.config.load(environment)?;
    config.gateway.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let key = Admission::only_me(&mut config);
    let data = options.data_dir.resolve(environment);
    data.claim()?;
    let registry = assembly::registry(&config, &data, environment).await?;
    let draughtsman = Draughtsman::choose(&mut config, &*registry, environment).await?;
    progress.say(draughtsman.describe());
    let whole = Whole::start(&config, &data, environment, None, registry).await?;
    let gateway = Gateway::at(&serving::url_of(whole.address()), Some(key))?;
    let outcome = match gateway.ask(wish).await {
        Ok(Asked::Answer(answer)) => deliver(answer, destination, progress).await,
        Ok(Asked::NobodyListens) => bail!("the gateway of this process cannot be reached"),
        Err(error) => Err(error),
    };
    whole.stop(std::future::ready(Ok(()))).await?;
    draughtsman.rest().await?;
    outcome
}

/// Writes each picture as soon as it is whole.
async fn deliver(
    mut answer: asking::Answer,
    destination: &Destination,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    let mut pictures = 0;
    while let Some(step) = answer.next().await? {
        match step {
            Ok(image) => {
                pictures += 1;
                let written = destination.write(pictures, &image)?;
                progress.picture(pictures);
                if let Some(remark) = &written.remark {
                    progress.say(remark);
                }
                progress.result(&format!("{}  {}", written.path.display(), image.size()));
            }
            Err(failure) => failures.push(failure),
        }
    }
    progress.end();
    match failures.as_slice() {
        [] if pictures == 0 => bail!("the gateway sent no picture"),
        [] => Ok(()),
        failures => bail!(failures.join("\n")),
    }
}
