//! The document as it is written: JSON, so that a later version can add to it and a person can read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use base64_turbo::STANDARD;
use domain::{Account, AccountId, Client, ClientId, ClientLimits, Limits, ProjectId};
use serde::{Deserialize, Serialize};

use super::{Contents, RegisteredAccount, RegisteredClient, RegistryError};

/// How this version writes the document.
const FORMAT: u32 = 1;

/// The document as text.
pub(super) fn write(contents: &Contents) -> String {
    let accounts = contents.accounts.iter().map(|(id, added)| (id.to_string(), added.into()));
    let clients = contents.clients.iter().map(|(id, added)| (id.to_string(), added.into()));
    let document = Document {
        format: FORMAT,
        revision: contents.revision,
        accounts: accounts.collect(),
        disabled: contents.disabled.iter().map(ToString::to_string).collect(),
        clients: clients.collect(),
    };
    serde_json::to_string_pretty(&document).expect("records have string keys and no failing parts")
}

/// The document that a text is.
pub(super) fn read(text: &str) -> Result<Contents, RegistryError> {
    let Format { format } = serde_json::from_str(text).map_err(corrupt)?;
    if format != FORMAT {
        return Err(RegistryError::Format { found: format, known: FORMAT });
    }
    let document: Document = serde_json::from_str(text).map_err(corrupt)?;
    let accounts = document.accounts.into_iter().map(|(id, record)| {
        let added = record.read(&id).map_err(|reason| corrupt(format!("account `{id}`: {reason}")))?;
        Ok((added.account.id.clone(), added))
    });
    let clients = document.clients.into_iter().map(|(id, record)| {
        let made = record.read(&id).map_err(|reason| corrupt(format!("client `{id}`: {reason}")))?;
        Ok((made.client.id.clone(), made))
    });
    let disabled = document.disabled.into_iter().map(|id| AccountId::new(id).map_err(corrupt));
    Ok(Contents {
        revision: document.revision,
        accounts: accounts.collect::<Result<_, RegistryError>>()?,
        disabled: disabled.collect::<Result<_, _>>()?,
        clients: clients.collect::<Result<_, RegistryError>>()?,
    })
}

fn corrupt(reason: impl Display) -> RegistryError {
    RegistryError::Corrupt(reason.to_string())
}

/// What every version writes.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    revision: u64,
    accounts: BTreeMap<String, AccountRecord>,
    disabled: BTreeSet<String>,
    clients: BTreeMap<String, ClientRecord>,
}

#[derive(Serialize, Deserialize)]
struct AccountRecord {
    provider: String,
    project: String,
    tier: String,
    models: Vec<String>,
    requests_per_minute: u32,
    images_per_minute: u32,
    requests_per_day: u32,
    concurrent: u32,
    /// In base64.
    sealed_credential: String,
}

#[derive(Serialize, Deserialize)]
struct ClientRecord {
    key_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images_per_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend_per_day_micro_usd: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent: Option<u32>,
}

impl From<&RegisteredAccount> for AccountRecord {
    fn from(added: &RegisteredAccount) -> Self {
        let RegisteredAccount { account, sealed } = added;
        Self {
            provider: account.provider.to_string(),
            project: account.project.to_string(),
            tier: account.tier.to_string(),
            models: account.models.clone(),
            requests_per_minute: account.limits.requests_per_minute,
            images_per_minute: account.limits.images_per_minute,
            requests_per_day: account.limits.requests_per_day,
            concurrent: account.limits.concurrent,
            sealed_credential: STANDARD.encode(sealed),
        }
    }
}

impl AccountRecord {
    fn read(self, id: &str) -> Result<RegisteredAccount, String> {
        let account = Account {
            id: AccountId::new(id).map_err(told)?,
            provider: self.provider.parse().map_err(told)?,
            project: ProjectId::new(self.project).map_err(told)?,
            tier: self.tier.parse().map_err(told)?,
            models: self.models,
            limits: Limits {
                requests_per_minute: self.requests_per_minute,
                images_per_minute: self.images_per_minute,
                requests_per_day: self.requests_per_day,
                concurrent: self.concurrent,
            },
            enabled: true,
        };
        let sealed = STANDARD.decode(self.sealed_credential).map_err(told)?.into();
        Ok(RegisteredAccount { account, sealed })
    }
}

impl From<&RegisteredClient> for ClientRecord {
    fn from(made: &RegisteredClient) -> Self {
        let ClientLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent } =
            made.client.limits;
        let key_hash = made.key.to_string();
        Self { key_hash, requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent }
    }
}

impl ClientRecord {
    fn read(self, id: &str) -> Result<RegisteredClient, String> {
        let limits = ClientLimits {
            requests_per_minute: self.requests_per_minute,
            images_per_day: self.images_per_day,
            spend_per_day_micro_usd: self.spend_per_day_micro_usd,
            concurrent: self.concurrent,
        };
        let client = Client { id: ClientId::new(id).map_err(told)?, limits };
        Ok(RegisteredClient { client, key: self.key_hash.parse().map_err(told)? })
    }
}

fn told(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_version_or_that_makes_no_sense_is_refused() {
        assert_eq!(read(r#"{"format": 2}"#), Err(RegistryError::Format { found: 2, known: 1 }));
        let key =
            r#"{"format":1,"revision":1,"accounts":{},"disabled":[],"clients":{"c":{"key_hash":"no"}}}"#;
        let error = read(key).unwrap_err().to_string();
        assert!(error.contains("client `c`: a key hash is 64 hexadecimal digits"), "{error}");
        assert!(matches!(read("{"), Err(RegistryError::Corrupt(_))));
    }
}
