//! Keys that Tessera makes for itself.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, anyhow, ensure};
use proto::sealing::SealingKey;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{
    config::{self, Config, Environment, Invalid},
    data_dir::DataDir,
};

/// The file of the data directory that holds the pepper.
const PEPPER: &str = "key-pepper";

/// The file of the data directory that holds the key to sealed credentials.
const SEALING: &str = "sealing-key";

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
    made_once(PEPPER, data)
}

/// What sealed credentials are opened with, where the configuration says.
pub(crate) fn sealing(config: &Config, environment: &Environment) -> Result<Option<SealingKey>, Invalid> {
    let Some(source) = &config.sealing_key else { return Ok(None) };
    let told = |error: String| Invalid::from(format!("generation.sealing_key: {error}"));
    let text = source.resolve(environment).map_err(told)?;
    SealingKey::parse(&text).map(Some).map_err(|error| told(error.to_string()))
}

/// What sealed credentials are opened with, for one who only looks: what the configuration says, or what was made once
/// and is kept in this data directory.
pub(crate) fn sealing_kept(
    config: &Config,
    data: Option<&Path>,
    environment: &Environment,
) -> anyhow::Result<Option<SealingKey>> {
    let configured = sealing(config, environment)?;
    let (None, Some(data)) = (&configured, data) else { return Ok(configured) };
    let kept = Zeroizing::new(fs::read_to_string(data.join(SEALING))?);
    Ok(Some(SealingKey::parse(&kept.trim().into())?))
}

/// What sealed credentials are opened with: what the configuration says, or a file that is made once.
pub(crate) fn sealing_or_made(
    config: &Config,
    data: &DataDir,
    environment: &Environment,
) -> anyhow::Result<SealingKey> {
    if let Some(key) = sealing(config, environment)? {
        return Ok(key);
    }
    let kept = made_once(SEALING, data)?;
    SealingKey::parse(&kept).with_context(|| format!("{SEALING} in the data directory is damaged"))
}

/// The text in a file of the data directory, which is made where it is not there yet.
fn made_once(name: &str, data: &DataDir) -> anyhow::Result<SecretString> {
    let Some(kept) = data.read(name)?.map(Zeroizing::new) else {
        let made = random();
        data.keep(name, made.expose_secret())?;
        return Ok(made);
    };
    ensure!(!kept.trim().is_empty(), anyhow!("{} is empty; delete it", data.file(name)?.display()));
    Ok(kept.trim().into())
}

/// Whether no pepper was made yet, so that nothing that is kept was hashed with it.
pub(crate) fn pepper_is_new(config: &config::Quota, data: &DataDir) -> anyhow::Result<bool> {
    Ok(config.pepper.is_none() && data.read(PEPPER)?.is_none())
}

/// 32 random bytes in hexadecimal.
pub(crate) fn random() -> SecretString {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *bytes).expect("the operating system has random bytes");
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes.iter() {
        write!(text, "{byte:02x}").expect("a string takes all that is written to it");
    }
    text.into()
}
