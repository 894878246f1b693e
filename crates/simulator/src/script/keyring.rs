//! Which keys are accepted, and whose quota they spend.

use std::{collections::HashMap, fmt};

use serde::Deserialize;

use crate::quota::Limits;

/// The keys that are accepted: those of the script, or any at all where it lists none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<Entry>")]
pub(crate) struct Keyring(Vec<Entry>);

/// One accepted key.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    name: Option<String>,
    #[serde(default = "default_project")]
    project: String,
    limits: Option<Limits>,
}

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The key's name in the script, or its last four characters.
    pub(crate) key: String,
    pub(crate) project: String,
    pub(crate) limits: Limits,
}

impl Keyring {
    /// Whose key this is; none when it opens nothing.
    pub(crate) fn caller(&self, key: &str) -> Option<Caller> {
        if self.0.is_empty() {
            return Some(Caller { key: label(key), project: default_project(), limits: Limits::default() });
        }
        let entry = self.0.iter().find(|entry| entry.key == key)?;
        let project = entry.project.clone();
        Some(Caller { key: entry.label(), limits: self.limits_of(&project), project })
    }

    /// The limits of a project may stand at any of its keys.
    fn limits_of(&self, project: &str) -> Limits {
        let told = self.0.iter().filter(|entry| entry.project == project).find_map(|entry| entry.limits);
        told.unwrap_or_default()
    }
}

/// What a key is called where it has no name: its last four characters, never all of it.
pub(crate) fn label(key: &str) -> String {
    let length = key.chars().count();
    key.chars().skip(length.saturating_sub(4).max(1)).collect()
}

fn default_project() -> String {
    "default".to_owned()
}

impl Entry {
    fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| label(&self.key))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} with {:?}", self.label(), self.project, self.limits)
    }
}

impl TryFrom<Vec<Entry>> for Keyring {
    type Error = String;

    fn try_from(entries: Vec<Entry>) -> Result<Self, Self::Error> {
        for (place, entry) in entries.iter().enumerate() {
            if entry.key.is_empty() || entry.project.is_empty() {
                return Err("key and project must not be empty".to_owned());
            }
            let earlier = &entries[..place];
            if earlier.iter().any(|other| other.key == entry.key) {
                return Err(format!("the key `{}` is listed twice", entry.label()));
            }
        }
        agree(entries.iter().map(|entry| (entry.project.as_str(), entry.limits)))?;
        Ok(Self(entries))
    }
}

/// Checks that whatever says a project's limits says the same.
pub(super) fn agree<'a>(told: impl Iterator<Item = (&'a str, Option<Limits>)>) -> Result<(), String> {
    let mut projects = HashMap::new();
    for (project, limits) in told.filter_map(|(project, limits)| Some((project, limits?))) {
        if *projects.entry(project).or_insert(limits) != limits {
            return Err(format!(
                "project `{project}` is given different limits: limits belong to the project"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_never_shows_the_whole_key() {
        for (key, shown) in [("AIzaSyExample1234", "1234"), ("key-a", "ey-a"), ("abcd", "bcd"), ("a", "")] {
            assert_eq!(label(key), shown);
        }
    }
}
