//! `[quota]`: the ledger.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ::quota::{QueueLimits, store::Location};
use serde::Deserialize;

use super::{
    secret::{Secret, SecretSource},
    value::Parsed,
};

/// The section, read.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Section")]
pub(crate) struct Quota {
    /// Where quota listens for gRPC; `127.0.0.1:8051`.
    pub listen: SocketAddr,
    /// Where the ledger is kept; `ledger.redb` in the data directory when nothing is said.
    pub store: Option<Location>,
    /// What opens a store in Redis whose location holds no password.
    pub store_password: Option<SecretSource>,
    /// What client keys are hashed with; a file in the data directory, made once, when nothing is said.
    pub pepper: Option<SecretSource>,
    /// How many requests may wait for their turn on one model; 1,000, and 250 of one client.
    pub queue: QueueLimits,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default = "listen")]
    listen: SocketAddr,
    store: Option<Parsed<Location>>,
    store_password: Option<Secret>,
    store_password_env: Option<String>,
    store_password_file: Option<PathBuf>,
    key_pepper: Option<Secret>,
    key_pepper_env: Option<String>,
    key_pepper_file: Option<PathBuf>,
    waiting_limit: Option<usize>,
    waiting_limit_per_client: Option<usize>,
}

impl TryFrom<Section> for Quota {
    type Error = String;

    fn try_from(written: Section) -> Result<Self, String> {
        let Section {
            listen,
            store,
            store_password,
            store_password_env,
            store_password_file,
            key_pepper,
            key_pepper_env,
            key_pepper_file,
            waiting_limit,
            waiting_limit_per_client,
        } = written;
        let usual = QueueLimits::default();
        let queue = QueueLimits {
            waiting: waiting_limit.unwrap_or(usual.waiting),
            waiting_per_client: waiting_limit_per_client.unwrap_or(usual.waiting_per_client),
        };
        let store_password =
            SecretSource::one_of("store_password", store_password, store_password_env, store_password_file)?;
        let pepper = SecretSource::one_of("key_pepper", key_pepper, key_pepper_env, key_pepper_file)?;
        Ok(Self { listen, store: store.map(|Parsed(location)| location), store_password, pepper, queue })
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            listen: listen(),
            store: None,
            store_password: None,
            pepper: None,
            queue: QueueLimits::default(),
        }
    }
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8051).into()
}
