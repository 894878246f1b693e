//! `[[accounts]]`: what the operator owns.

use std::{collections::HashSet, num::NonZeroU32, path::PathBuf};

use domain::{Account, AccountId, Catalog, Limits, Location, ProjectId, Provider, Tier};
use proto::sealing::Credential;
use serde::Deserialize;

use super::{
    Environment,
    secret::{Secret, SecretSource},
    value::Parsed,
};

/// One account and where its credential is. Only generation fetches the credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct OwnedAccount {
    /// What the ledger knows of it.
    pub account: Account,
    /// Where its API key or its service account's file is.
    pub credential: SecretSource,
    /// Where Vertex AI is called with it.
    pub location: Location,
}

/// An account as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    provider: Parsed<Provider>,
    project: String,
    tier: Parsed<Tier>,
    api_key: Option<Secret>,
    api_key_env: Option<String>,
    api_key_file: Option<PathBuf>,
    service_account_file: Option<PathBuf>,
    location: Option<Parsed<Location>>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    limits: LimitsEntry,
}

/// The limits that differ from the tier's.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsEntry {
    requests_per_minute: Option<NonZeroU32>,
    images_per_minute: Option<NonZeroU32>,
    requests_per_day: Option<NonZeroU32>,
    concurrent: Option<NonZeroU32>,
}

impl TryFrom<Entry> for OwnedAccount {
    type Error = String;

    fn try_from(written: Entry) -> Result<Self, String> {
        let id = AccountId::new(written.id).map_err(|error| error.to_string())?;
        let api_key =
            SecretSource::one_of("api_key", written.api_key, written.api_key_env, written.api_key_file);
        let file = written.service_account_file.map(SecretSource::File);
        let credential = api_key.and_then(|api_key| credential(written.provider.0, api_key, file));
        let credential = credential.map_err(|error| format!("account {id}: {error}"))?;
        if written.provider.0 == Provider::Gemini && written.location.is_some() {
            return Err(format!("account {id}: `location` is for accounts of vertex"));
        }
        let account = Account {
            project: ProjectId::new(written.project).map_err(|error| format!("account {id}: {error}"))?,
            provider: written.provider.0,
            tier: written.tier.0,
            models: written.models,
            limits: written.limits.over(written.tier.0.default_limits()),
            enabled: true,
            id,
        };
        let location = written.location.map(|Parsed(location)| location).unwrap_or_default();
        Ok(Self { account, credential, location })
    }
}

/// The one kind of credential that the provider takes.
fn credential(
    provider: Provider,
    api_key: Option<SecretSource>,
    service_account: Option<SecretSource>,
) -> Result<SecretSource, String> {
    match (provider, api_key, service_account) {
        (Provider::Gemini, Some(key), None) => Ok(key),
        (Provider::Vertex, None, Some(file)) => Ok(file),
        (Provider::Gemini, ..) => {
            Err("give `api_key`, `api_key_env` or `api_key_file`, and no other".to_owned())
        }
        (Provider::Vertex, ..) => Err("give `service_account_file`, and no API key".to_owned()),
    }
}

impl OwnedAccount {
    /// Fetches what opens it.
    pub(crate) fn open(&self, environment: &Environment) -> Result<Credential, String> {
        let secret = self.credential.resolve(environment)?;
        Ok(match self.account.provider {
            Provider::Gemini => Credential::ApiKey(secret),
            Provider::Vertex => Credential::ServiceAccount {
                json: secret,
                project: self.account.project.clone(),
                location: self.location.clone(),
            },
        })
    }
}

impl LimitsEntry {
    fn over(&self, tier: Limits) -> Limits {
        let or = |said: Option<NonZeroU32>, default: u32| said.map_or(default, NonZeroU32::get);
        Limits {
            requests_per_minute: or(self.requests_per_minute, tier.requests_per_minute),
            images_per_minute: or(self.images_per_minute, tier.images_per_minute),
            requests_per_day: or(self.requests_per_day, tier.requests_per_day),
            concurrent: or(self.concurrent, tier.concurrent),
        }
    }
}

/// Calls every model by its public name, and tells what does not fit together.
pub(crate) fn resolve(
    mut accounts: Vec<OwnedAccount>,
    catalog: &Catalog,
    problems: &mut Vec<String>,
) -> Vec<OwnedAccount> {
    let mut seen = HashSet::new();
    for Account { id, models, .. } in accounts.iter_mut().map(|owned| &mut owned.account) {
        if !seen.insert(id.clone()) {
            problems.push(format!("accounts: two are called {id}; give each its own `id`"));
        }
        for name in models {
            match catalog.find(name) {
                Some(model) => name.clone_from(&model.name),
                None => problems.push(format!(
                    "account {id}: models: `{name}` is not in the catalog; there are {}",
                    catalog.names().join(", ")
                )),
            }
        }
    }
    accounts
}
