//! Who may ask, when everything runs in one process: the first start makes a key, shows it once, and keeps only
//! what is needed to know it again.

use anyhow::Context as _;
use domain::{Client, ClientId};
use quota::KeyHash;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    config::{Config, Environment, NamedKey, SecretSource},
    data_dir::DataDir,
    key,
};

/// Who may ask.
#[derive(Debug)]
pub(crate) enum Admission {
    /// The clients of the configuration.
    Configured,
    /// Whoever has the key in [`KEY_VARIABLE`].
    Preset,
    /// Whoever has the key that an earlier start made.
    Known(KeyHash),
    /// Whoever has the key that this start made.
    New {
        /// To be shown once.
        key: SecretString,
        /// To be kept.
        hash: KeyHash,
    },
}

/// The environment variable that holds a client key: for `up` the one it is to accept, for `generate` its own.
pub(crate) const KEY_VARIABLE: &str = "TESSERA_CLIENT_KEY";

/// The file of the data directory that knows the first key again.
const KEPT: &str = "first-client-key.hash";

impl Admission {
    /// Completes a configuration that names no client.
    pub(crate) fn decide(
        config: &mut Config,
        data: &DataDir,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        if !config.clients.is_empty() {
            return Ok(Self::Configured);
        }
        if environment.get(KEY_VARIABLE).is_some() {
            let key = SecretSource::Variable(KEY_VARIABLE.to_owned());
            config.clients.push(NamedKey { client: default_client(), key });
            return Ok(Self::Preset);
        }
        let stale = key::pepper_is_new(&config.quota, data)?;
        let pepper = key::pepper(&config.quota, data, environment)?;
        let Some(kept) = data.read(KEPT)?.filter(|_| !stale) else {
            let key = quota::new_client_key();
            return Ok(Self::New { hash: KeyHash::of(&key, &pepper), key });
        };
        let damaged = || format!("{KEPT} in the data directory is damaged; delete it for a new key");
        Ok(Self::Known(kept.trim().parse().with_context(damaged)?))
    }

    /// Has a configuration admit nobody but the holder of a new key.
    pub(crate) fn only_me(config: &mut Config) -> SecretString {
        let key = quota::new_client_key();
        let source = SecretSource::Inline(key.clone());
        config.clients = vec![NamedKey { client: default_client(), key: source }];
        key
    }

    /// The client that the configuration does not name.
    pub(crate) fn remembered(&self) -> Option<(Client, KeyHash)> {
        match self {
            Self::Configured | Self::Preset => None,
            Self::Known(hash) | Self::New { hash, .. } => Some((default_client(), *hash)),
        }
    }

    /// Keeps what the next start needs.
    pub(crate) fn keep(&self, data: &DataDir) -> anyhow::Result<()> {
        match self {
            Self::New { hash, .. } => data.keep(KEPT, &hash.to_string()),
            Self::Configured | Self::Preset | Self::Known(_) => Ok(()),
        }
    }

    /// What people are told.
    pub(crate) fn describe(&self, data: &DataDir, url: &str) -> anyhow::Result<String> {
        Ok(match self {
            Self::Configured => "The client keys are those of the configuration.".to_owned(),
            Self::Preset => format!("The client key is the one in {KEY_VARIABLE}."),
            Self::Known(_) => format!(
                "The client key was shown at the first start. For a new one delete {}, or set {KEY_VARIABLE}.",
                data.file(KEPT)?.display()
            ),
            Self::New { key, .. } => welcome(key.expose_secret(), url),
        })
    }
}

fn default_client() -> Client {
    Client::unlimited(ClientId::new("default").expect("is visible ASCII"))
}

fn welcome(key: &str, url: &str) -> String {
    format!(
        r#"The client key, shown only now: {key}

Try it; this makes picture.png:

curl -fsS {url}/v1/images/generations \
  -H 'Authorization: Bearer {key}' \
  -H 'Content-Type: application/json' \
  -d '{{"prompt": "a lighthouse at dusk", "size": "16:9", "response_format": "b64_json"}}' \
  | grep -o '"b64_json": *"[^"]*"' | cut -d '"' -f 4 | base64 -d > picture.png
"#
    )
}
