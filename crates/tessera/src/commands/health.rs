//! `tessera health`: asks a process whether it can serve, for images that hold no other program to ask with.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use proto::transport;
use reqwest::Url;

use crate::{
    config::{ConfigFile, Environment, Invalid},
    readiness, serving, web,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to ask, http://HOST:PORT [default: `operations.listen` of the configuration]
    #[arg(value_name = "URL")]
    url: Option<Url>,
    /// Asks whether the process lives, and not whether it can serve
    #[arg(long)]
    live: bool,
    /// Asks a gRPC port instead, http://HOST:PORT, or https:// with the certificate that the configuration names
    #[arg(long, value_name = "URL", conflicts_with_all = ["url", "live"])]
    grpc: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, and says in one line what was answered. Anything but a yes is an error.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    if let Some(url) = &options.grpc {
        return options.ask(url, environment).await;
    }
    let mut url = options.place(environment)?;
    url.set_path(if options.live { "/healthz" } else { "/readyz" });
    let client = web::client(PATIENCE, PATIENCE)?;
    let answer = client.get(url.clone()).timeout(PATIENCE).send().await;
    let answer = answer.with_context(|| format!("{url} does not answer"))?;
    let status = answer.status();
    let told = answer.text().await.with_context(|| format!("{url} broke off"))?;
    let told = told.trim();
    if !status.is_success() {
        bail!("{url} answers {}: {told}", status.as_u16());
    }
    serving::announce(told);
    Ok(())
}

impl Options {
    async fn ask(&self, url: &str, environment: &Environment) -> anyhow::Result<()> {
        let identity = self.config.identity_for(url, environment)?;
        let service = transport::connect_as(url, identity.as_ref())?;
        readiness::of(service).await.map_err(|why| anyhow!("{url} {why}"))?;
        serving::announce("ready");
        Ok(())
    }

    fn place(&self, environment: &Environment) -> anyhow::Result<Url> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let Some(address) = self.config.load(environment)?.operations.listen else {
            let problem =
                "operations.listen is not set, so that there is nothing to ask; set it, or name a URL";
            return Err(Invalid::from(problem).into());
        };
        serving::url_of(address).parse().context("an address is a URL")
    }
}
