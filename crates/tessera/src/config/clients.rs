//! `[[clients]]`: the applications that may ask for pictures.

use std::{collections::HashSet, num::NonZeroU32, path::PathBuf};

use domain::{Client, ClientId, ClientLimits};
use serde::Deserialize;

use super::{
    secret::{Secret, SecretSource},
    value::Dollars,
};

/// One client and where its key is. Only quota fetches the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct NamedKey {
    /// Who it is.
    pub client: Client,
    /// Where its key is.
    pub key: SecretSource,
}

/// A client as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    key: Option<Secret>,
    key_env: Option<String>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    limits: LimitsEntry,
}

/// What it may use; what is not said is not limited.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsEntry {
    requests_per_minute: Option<NonZeroU32>,
    images_per_day: Option<NonZeroU32>,
    spend_per_day_usd: Option<Dollars>,
    concurrent: Option<NonZeroU32>,
}

impl From<LimitsEntry> for ClientLimits {
    fn from(written: LimitsEntry) -> Self {
        Self {
            requests_per_minute: written.requests_per_minute.map(NonZeroU32::get),
            images_per_day: written.images_per_day.map(NonZeroU32::get),
            spend_per_day_micro_usd: written.spend_per_day_usd.map(Dollars::micro_usd),
            concurrent: written.concurrent.map(NonZeroU32::get),
        }
    }
}

impl TryFrom<Entry> for NamedKey {
    type Error = String;

    fn try_from(written: Entry) -> Result<Self, String> {
        let id = ClientId::new(written.name).map_err(|error| error.to_string())?;
        let key = SecretSource::one_of("key", written.key, written.key_env, written.key_file);
        let key = key.and_then(|key| key.ok_or_else(|| "give `key`, `key_env` or `key_file`".to_owned()));
        let key = key.map_err(|error| format!("client {id}: {error}"))?;
        Ok(Self { client: Client { id, limits: written.limits.into() }, key })
    }
}

/// Tells which names are taken twice.
pub(crate) fn check(clients: &[NamedKey], problems: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for NamedKey { client: Client { id, .. }, .. } in clients {
        if !seen.insert(id) {
            problems.push(format!("clients: two are called {id}; give each its own `name`"));
        }
    }
}
