//! Keys that Tessera makes for itself.

use anyhow::{anyhow, ensure};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::{
    config::{self, Environment, Invalid},
    data_dir::DataDir,
};

/// The file of the data directory that holds the pepper.
const PEPPER: &str = "key-pepper";

/// A new client key, of more than 240 random bits.
pub(crate) fn fresh() -> SecretString {
    format!("tsr_{}", random()).into()
}

/// What client keys are hashed with: what the configuration says, or a file that is made once.
pub(crate) fn pepper(
    config: &config::Quota,
    data: &DataDir,
    environment: &Environment,
) -> anyhow::Result<SecretString> {
    if let Some(source) = &config.pepper {
        let unresolved = |error| Invalid::from(format!("quota.key_pepper: {error}"));
        return Ok(source.resolve(environment).map_err(unresolved)?);
    }
    let Some(kept) = data.read(PEPPER)? else {
        let made = SecretString::from(random());
        data.keep(PEPPER, made.expose_secret())?;
        return Ok(made);
    };
    ensure!(!kept.trim().is_empty(), anyhow!("{} is empty; delete it", data.file(PEPPER)?.display()));
    Ok(kept.trim().into())
}

/// Whether no pepper was made yet, so that nothing that is kept was hashed with it.
pub(crate) fn pepper_is_new(config: &config::Quota, data: &DataDir) -> anyhow::Result<bool> {
    Ok(config.pepper.is_none() && data.read(PEPPER)?.is_none())
}

fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
