//! `tessera accounts add`: an account and its credential, which is sealed here.

use std::{
    io::{self, IsTerminal as _, Read as _},
    num::NonZeroU32,
    path::PathBuf,
};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use console::Term;
use domain::{AccountId, Location, ProjectId, Provider, Tier};
use proto::{
    sealing::{Credential, PublicKey},
    v1::{AccountLimits, AddAccountRequest},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Reach, accounts, print, seal_key};
use crate::config::{Environment, Invalid, SecretSource};

/// What the command takes. No option takes a secret itself: command lines are seen by others.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Its name, which must be new
    #[arg(long)]
    id: String,
    /// Whom it opens: gemini (an API key) or vertex (a service account)
    #[arg(long)]
    provider: Provider,
    /// The Google project whose quota it spends; for vertex by the id that it has at Google
    #[arg(long)]
    project: String,
    /// What the project pays for: free, pro or ultra
    #[arg(long)]
    tier: Tier,
    /// The models it may be used for [default: all]
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',')]
    models: Vec<String>,
    /// Where Vertex AI is called [default: global]
    #[arg(long)]
    location: Option<Location>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    source: Source,
    /// The key to seal with [default: what generation tells; see `tessera accounts seal-key`]
    #[arg(long, value_name = "KEY")]
    seal_key: Option<PublicKey>,
    /// Adds nothing where the accounts and clients have another revision by now
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of the project, for each model [default: the tier's]")]
struct Limits {
    /// Requests in any 60 seconds
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<NonZeroU32>,
    /// Pictures in any 60 seconds
    #[arg(long, value_name = "N")]
    images_per_minute: Option<NonZeroU32>,
    /// Requests from one midnight Pacific time to the next
    #[arg(long, value_name = "N")]
    requests_per_day: Option<NonZeroU32>,
    /// Requests at once
    #[arg(long, value_name = "N")]
    concurrent: Option<NonZeroU32>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Credential [default: standard input, or a prompt]")]
struct Source {
    /// The environment variable that holds the API key
    #[arg(long, value_name = "VARIABLE")]
    api_key_env: Option<String>,
    /// The file that holds the API key
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The service account's key file, as Google Cloud gives it out
    #[arg(long, value_name = "FILE")]
    service_account_file: Option<PathBuf>,
}

/// Seals, asks, and prints what comes.
pub(super) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let id = AccountId::new(options.id.as_str()).map_err(|error| invalid("--id", error))?;
    let credential = options.credential(environment)?;
    let key = match options.seal_key {
        Some(key) => key,
        None => seal_key(&options.reach, environment).await?,
    };
    let sealed = key.seal(&id, &credential)?;
    let request = AddAccountRequest {
        id: id.to_string(),
        provider: options.provider.to_string(),
        project: options.project.clone(),
        tier: options.tier.to_string(),
        models: options.models.clone(),
        limits: Some(options.limits.wire()),
        sealed_credential: sealed.into(),
        revision: options.if_revision,
    };
    let (mut accounts, quota) = accounts(&options.reach, environment)?;
    print(accounts.add(request).await, &quota, &options.reach)
}

impl Options {
    fn credential(&self, environment: &Environment) -> anyhow::Result<Credential> {
        match self.provider {
            Provider::Gemini => {
                if self.source.service_account_file.is_some() || self.location.is_some() {
                    bail!(Invalid::from(
                        "--service-account-file and --location are for --provider vertex; give an API key"
                    ));
                }
                let key = self.source.read("API key", environment)?;
                if !key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                    bail!(Invalid::from("the API key must be visible ASCII characters without spaces"));
                }
                Ok(Credential::ApiKey(key))
            }
            Provider::Vertex => {
                if self.source.api_key_env.is_some() || self.source.api_key_file.is_some() {
                    bail!(Invalid::from("an API key is for --provider gemini; give --service-account-file"));
                }
                let project = ProjectId::new(self.project.as_str());
                Ok(Credential::ServiceAccount {
                    json: self.source.read("service account's key file", environment)?,
                    project: project.map_err(|error| invalid("--project", error))?,
                    location: self.location.clone().unwrap_or_default(),
                })
            }
        }
    }
}

impl Source {
    fn read(&self, what: &str, environment: &Environment) -> anyhow::Result<SecretString> {
        let file = self.api_key_file.clone().or_else(|| self.service_account_file.clone());
        let source = match (self.api_key_env.clone(), file) {
            (Some(variable), _) => SecretSource::Variable(variable),
            (None, Some(file)) => SecretSource::File(file),
            (None, None) => return typed(what),
        };
        source.resolve(environment).map_err(|error| Invalid::from(error).into())
    }
}

/// What is typed unseen, or comes from a pipe.
fn typed(what: &str) -> anyhow::Result<SecretString> {
    let text = if io::stdin().is_terminal() {
        let terminal = Term::stderr();
        terminal.write_str(&format!("{what}: "))?;
        SecretString::from(terminal.read_secure_line()?)
    } else {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        SecretString::from(text)
    };
    match text.expose_secret().trim() {
        "" => Err(Invalid::from(format!("the {what} is empty")).into()),
        secret => Ok(secret.into()),
    }
}

impl Limits {
    fn wire(&self) -> AccountLimits {
        AccountLimits {
            requests_per_minute: self.requests_per_minute.map(NonZeroU32::get),
            images_per_minute: self.images_per_minute.map(NonZeroU32::get),
            requests_per_day: self.requests_per_day.map(NonZeroU32::get),
            concurrent: self.concurrent.map(NonZeroU32::get),
        }
    }
}

fn invalid(option: &str, error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!(Invalid::from(format!("{option}: {error}")))
}
