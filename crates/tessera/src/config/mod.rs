//! What the operator decides: one TOML file, environment variables above it and defaults below it.
//!
//! Each section is a plain struct that is valid by having been read; what concerns several sections is checked
//! by [`Config::load`], before anything listens. Every key with its default and its unit stands in
//! `deploy/tessera.toml`, and a test keeps it so.

mod accounts;
mod catalog;
mod clients;
mod effective;
mod environment;
mod gateway;
mod generation;
mod operations;
mod quota;
mod secret;
mod tls;
mod value;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use domain::Catalog;
use proto::transport::{Identity, TlsFiles};
use serde::Deserialize;
use toml::Table;

pub(crate) use self::{
    accounts::OwnedAccount,
    clients::NamedKey,
    effective::{Effective, Origin, Told},
    environment::Environment,
    gateway::ConsoleListen,
    operations::Operations,
    quota::Quota,
    secret::SecretSource,
    value::Dollars,
};

/// Which file to read.
#[derive(Debug, Default, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file; without it the defaults hold
    #[arg(long, value_name = "FILE", env = "TESSERA_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads the file, if one was named, and the variables above it.
    pub(crate) fn load(&self, environment: &Environment) -> Result<Config, Invalid> {
        Config::load(self.config.as_deref(), environment)
    }

    /// The same, as it is to be shown.
    pub(crate) fn effective(&self, environment: &Environment) -> Result<Effective, Invalid> {
        Effective::read(self.config.as_deref(), environment)
    }

    /// Who we are to the service at this URL, where it asks: else the configuration is another's affair.
    pub(crate) fn identity_for(
        &self,
        url: &str,
        environment: &Environment,
    ) -> Result<Option<Identity>, Invalid> {
        if url.starts_with("https://") { self.load(environment)?.identity() } else { Ok(None) }
    }
}

/// The whole configuration, valid.
#[derive(Debug)]
pub(crate) struct Config {
    /// The edge.
    pub gateway: gateway::Gateway,
    /// The core.
    pub generation: generation::Generation,
    /// The ledger.
    pub quota: quota::Quota,
    /// What those who run it look at.
    pub operations: Operations,
    /// Where what the roles know each other by is, if they do.
    pub tls: Option<TlsFiles>,
    /// Every model.
    pub catalog: Arc<Catalog>,
    /// Where the key is that generation opens sealed credentials with.
    pub sealing_key: Option<SecretSource>,
    /// Where the token is that opens the console.
    pub console_token: Option<SecretSource>,
    /// The operator's credentials, each with where to find it.
    pub accounts: Vec<OwnedAccount>,
    /// The applications that may ask, each with where to find its key.
    pub clients: Vec<NamedKey>,
}

/// Why a configuration cannot be used: one line for each thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid(Vec<String>);

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    gateway: gateway::Gateway,
    generation: generation::Generation,
    quota: quota::Quota,
    operations: Operations,
    tls: tls::Tls,
    catalog: catalog::Section,
    models: Vec<catalog::Entry>,
    accounts: Vec<OwnedAccount>,
    clients: Vec<NamedKey>,
}

impl Config {
    /// Reads `file`, lets the environment override it, and checks everything.
    pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, Invalid> {
        let mut table = file.map(read).transpose()?.unwrap_or_default();
        for change in environment.overrides() {
            table = change.apply(&table).map_err(Invalid::from)?;
        }
        let file = File::deserialize(table).map_err(|error| Invalid::from(discreet(&error)))?;
        file.resolve()
    }

    /// Who this process is to the others, where they know each other.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, Invalid> {
        let identity = self.tls.clone().map(Identity::load).transpose();
        identity.map_err(|error| Invalid::from(format!("tls: {error}")))
    }
}

impl File {
    fn resolve(self) -> Result<Config, Invalid> {
        let catalog = catalog::assemble(&self.catalog, self.models)?;
        let mut problems = Vec::new();
        let accounts = accounts::resolve(self.accounts, &catalog, &mut problems);
        clients::check(&self.clients, &mut problems);
        let sealing_key = self.generation.sealing_key().unwrap_or_else(|problem| {
            problems.push(format!("generation: {problem}"));
            None
        });
        let console_token = self.gateway.console_token().unwrap_or_else(|problem| {
            problems.push(format!("gateway: {problem}"));
            None
        });
        let tls = self.tls.files().unwrap_or_else(|problem| {
            problems.push(format!("tls: {problem}"));
            None
        });
        if !problems.is_empty() {
            return Err(Invalid(problems));
        }
        Ok(Config {
            gateway: self.gateway,
            generation: self.generation,
            quota: self.quota,
            operations: self.operations,
            tls,
            catalog: Arc::new(catalog),
            sealing_key,
            console_token,
            accounts,
            clients: self.clients,
        })
    }
}

/// Reads a file as a table, having made sure that it means something: only here is a line number known.
fn read(path: &Path) -> Result<Table, Invalid> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Invalid::from(format!("the configuration file {shown} cannot be read: {error}")))?;
    let faulty = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        Invalid::from(format!("{shown}:{line}: {}", discreet(&error)))
    };
    toml::from_str::<File>(&text).map_err(faulty)?;
    toml::from_str(&text).map_err(faulty)
}

/// What an error says, without the faulty line and without a text that stands where none may: either may hold
/// a key.
fn discreet(error: &toml::de::Error) -> String {
    let message = error.message();
    let repeated = message.split_once("invalid type: string \"").and_then(|(before, rest)| {
        let (_, expected) = rest.rsplit_once("\", ")?;
        Some(format!("{before}invalid type: string, {expected}"))
    });
    repeated.unwrap_or_else(|| message.to_owned())
}

impl Invalid {
    /// Every value, or everything that is wrong with them.
    pub(crate) fn unless_all<T>(values: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, Self> {
        let (mut good, mut problems) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Ok(value) => good.push(value),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(good) } else { Err(Self(problems)) }
    }
}

impl<T: Into<String>> From<T> for Invalid {
    fn from(problem: T) -> Self {
        Self(vec![problem.into()])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests;
