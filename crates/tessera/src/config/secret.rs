//! Keys in the configuration: written there, or said where to find.

use std::{fs, path::PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Environment;

/// A key written in the configuration itself. An error about it never shows it.
#[derive(Debug, Clone)]
pub(crate) struct Secret(SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(text.into())),
            other => Err(D::Error::custom(format!("a key must be a string, not {}", other.type_str()))),
        }
    }
}

/// Where a key is.
#[derive(Debug, Clone)]
pub(crate) enum SecretSource {
    /// In the configuration.
    Inline(SecretString),
    /// In this environment variable.
    Variable(String),
    /// In this file, alone; white space around it is not part of it.
    File(PathBuf),
}

impl SecretSource {
    /// Takes the one of the three that is given; `key` is the name of the first.
    pub(crate) fn one_of(
        key: &str,
        inline: Option<Secret>,
        variable: Option<String>,
        file: Option<PathBuf>,
    ) -> Result<Option<Self>, String> {
        match (inline, variable, file) {
            (None, None, None) => Ok(None),
            (Some(Secret(text)), None, None) => Ok(Some(Self::Inline(text))),
            (None, Some(name), None) => Ok(Some(Self::Variable(name))),
            (None, None, Some(path)) => Ok(Some(Self::File(path))),
            _ => Err(format!("give one of `{key}`, `{key}_env` and `{key}_file`, not several")),
        }
    }

    /// Fetches the key.
    pub(crate) fn resolve(&self, environment: &Environment) -> Result<SecretString, String> {
        let text = match self {
            Self::Inline(text) => return Ok(text.clone()),
            Self::Variable(name) => environment
                .get(name)
                .ok_or_else(|| format!("the environment variable {name} is not set"))?
                .to_owned(),
            Self::File(path) => fs::read_to_string(path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?,
        };
        match text.trim() {
            "" => Err("the key is empty".to_owned()),
            key => Ok(key.into()),
        }
    }
}
