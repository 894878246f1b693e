//! The roles, built from the configuration.

use std::sync::Arc;

use domain::{AccountId, Client, Clock, SystemClock};
use gateway::{Gateway, auth::RemoteClients, generator::RemoteGenerator};
use generation::{Credentials, Generation, RemoteCredentials, leases::RemoteLeases};
use proto::{
    sealing::{Credential, SealingKey},
    transport::Channel,
};
use quota::{
    ClientEntry, ClientKey, KeyHash, Quota,
    registry::{self, Registry},
    store::Location,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::{Config, Environment, Invalid},
    data_dir::DataDir,
    key,
};

/// The machine's own clock, as the services take it.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The edge, between the services behind these channels.
pub(crate) fn gateway(config: &Config, generation: Channel, quota: Channel) -> Gateway {
    Gateway::new(
        config.gateway.settings(),
        Arc::clone(&config.catalog),
        Arc::new(RemoteGenerator::new(generation, config.generation.deadline_seconds.get())),
        Arc::new(RemoteClients::new(quota, clock())),
        clock(),
    )
}

/// The core, with the credentials of every account: it alone fetches them, and opens those that are sealed.
pub(crate) fn generation(
    config: &Config,
    data: &DataDir,
    environment: &Environment,
    sealing_key: Option<SealingKey>,
    quota: Channel,
) -> Result<Generation, Invalid> {
    let credentials = Credentials::new(credentials(config, environment)?);
    let leases = Arc::new(RemoteLeases::new(quota.clone()));
    let sealed = Arc::new(RemoteCredentials::new(quota));
    let catalog = Arc::clone(&config.catalog);
    let named = config.generation.outbox.clone();
    let outbox = named.map_or_else(|| data.part("outbox"), Ok)?;
    let settings = config.generation.settings(outbox, sealing_key);
    Generation::new(settings, catalog, &credentials, sealed, leases, &clock())
        .map_err(|error| Invalid::from(error.to_string()))
}

fn credentials(config: &Config, environment: &Environment) -> Result<Vec<(AccountId, Credential)>, Invalid> {
    Invalid::unless_all(config.accounts.iter().map(|owned| {
        let id = owned.account.id.clone();
        match owned.open(environment) {
            Ok(credential) => Ok((id, credential)),
            Err(error) => Err(format!("account {id}: {error}")),
        }
    }))
}

/// The registry, which knows what operators add at run time.
pub(crate) async fn registry(
    config: &Config,
    data: &DataDir,
    environment: &Environment,
) -> anyhow::Result<Arc<dyn Registry>> {
    Ok(registry::open(&location(config, data, environment)?).await?)
}

/// Where the ledger and the registry are kept.
fn location(config: &Config, data: &DataDir, environment: &Environment) -> anyhow::Result<Location> {
    let location = match &config.quota.store {
        Some(location) => location.clone(),
        None => Location::Embedded(data.file("ledger.redb")?),
    };
    let Some(password) = &config.quota.store_password else { return Ok(location) };
    let told = |error: String| Invalid::from(format!("quota.store_password: {error}"));
    let password = password.resolve(environment).map_err(told)?;
    Ok(location.with_password(&password).map_err(|error| told(error.to_string()))?)
}

/// The ledger, which also admits `remembered`, a client that the configuration does not name.
pub(crate) async fn quota(
    config: &Config,
    data: &DataDir,
    environment: &Environment,
    remembered: Option<(Client, KeyHash)>,
    registry: Arc<dyn Registry>,
) -> anyhow::Result<Quota> {
    let settings = quota::Settings {
        accounts: config.accounts.iter().map(|owned| owned.account.clone()).collect(),
        clients: clients(config, environment, remembered)?,
        pepper: key::pepper(&config.quota, data, environment)?,
        queue: config.quota.queue,
    };
    let store = quota::store::open(&location(config, data, environment)?, clock()).await?;
    let quota = Quota::new(settings, Arc::clone(&config.catalog), store, registry, clock());
    quota.map_err(|error| Invalid::from(error.to_string()).into())
}

fn clients(
    config: &Config,
    environment: &Environment,
    remembered: Option<(Client, KeyHash)>,
) -> Result<Vec<ClientEntry>, Invalid> {
    let remembered = remembered.map(|(client, key)| Ok(ClientEntry { client, key: ClientKey::Hashed(key) }));
    let named = config.clients.iter().map(|named| {
        let client = named.client.clone();
        match named.key.resolve(environment) {
            Ok(key) if fits_a_header(&key) => Ok(ClientEntry { client, key: ClientKey::Plain(key) }),
            Ok(_) => Err(format!("client {}: the key must be visible ASCII characters", client.id)),
            Err(error) => Err(format!("client {}: {error}", client.id)),
        }
    });
    Invalid::unless_all(named.chain(remembered))
}

/// Whether a client could send this key at all.
fn fits_a_header(key: &SecretString) -> bool {
    key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())
}
