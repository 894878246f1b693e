//! The configuration in force, key by key, with where each value comes from, and without secrets.
//!
//! The defaults are those of the file that explains every key, which a test holds to what the code does. That file also
//! knows which keys are secrets: those that may come from a variable or a file instead.

use std::{collections::BTreeMap, path::Path};

use toml::{Table, Value};

use super::{Config, Environment, Invalid, read};

/// The file that explains every key.
pub(super) const EXPLAINED: &str = include_str!("../../../../deploy/tessera.toml");

/// What stands in the place of a secret.
const HIDDEN: &str = "(set)";

/// Every key that has a value, by the path of its section and its name.
#[derive(Debug)]
pub(crate) struct Effective(BTreeMap<(Vec<String>, String), Told>);

/// A value in force.
#[derive(Debug)]
pub(crate) struct Told {
    /// It, with no secret in it.
    pub value: Value,
    /// Who says so.
    pub origin: Origin,
}

/// Who says a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody.
    Default,
    /// The configuration file.
    File,
    /// The variable of this name.
    Variable(String),
}

impl Effective {
    /// Reads what [`Config::load`] reads, and finds wrong what that finds wrong.
    pub(super) fn read(file: Option<&Path>, environment: &Environment) -> Result<Self, Invalid> {
        Config::load(file, environment)?;
        let mut told = Self(BTreeMap::new());
        told.lay(&EXPLAINED.parse().expect("a test reads this file"), &Origin::Default);
        let mut table = file.map(read).transpose()?.unwrap_or_default();
        told.lay(&table, &Origin::File);
        for change in environment.overrides() {
            table = change.apply(&table).map_err(Invalid::from)?;
            let said = change.alone(&table);
            told.lay(&said, &Origin::Variable(change.variable().to_owned()));
        }
        Ok(told)
    }

    /// Every key: the path of its section, its name, its value. Keys of one section stand together.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[String], &str, &Told)> {
        self.0.iter().map(|((section, name), told)| (section.as_slice(), name.as_str(), told))
    }

    /// Lays a table above what is there.
    fn lay(&mut self, table: &Table, origin: &Origin) {
        self.lay_at(&[], table, origin);
    }

    fn lay_at(&mut self, at: &[String], table: &Table, origin: &Origin) {
        for (name, value) in table {
            if let Value::Table(inner) = value {
                self.lay_at(&[at, std::slice::from_ref(name)].concat(), inner, origin);
            } else {
                let value = without_secrets(name, value);
                self.0.insert((at.to_vec(), name.clone()), Told { value, origin: origin.clone() });
            }
        }
    }
}

/// The value of a key, wherever a secret may be in it hidden.
fn without_secrets(name: &str, value: &Value) -> Value {
    match value {
        _ if is_secret(name) => Value::String(HIDDEN.to_owned()),
        Value::String(text) => Value::String(without_password(text)),
        Value::Array(values) => {
            Value::Array(values.iter().map(|value| without_secrets(name, value)).collect())
        }
        Value::Table(table) => {
            let keys = table.iter().map(|(name, value)| (name.clone(), without_secrets(name, value)));
            Value::Table(keys.collect())
        }
        _ => value.clone(),
    }
}

/// Whether a key may be given by a variable or a file instead: only secrets are.
fn is_secret(name: &str) -> bool {
    ["_env", "_file"].iter().any(|other| EXPLAINED.contains(&format!("\n# {name}{other} = ")))
}

/// A URL whose password is hidden; any other text as it is.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    // A password may hold a slash that was not written as it should be.
    let at = rest.rfind('@').filter(|at| *at < end || rest[..*at].contains(':'));
    let Some((user, hosts)) = at.map(|at| rest.split_at(at)) else { return text.to_owned() };
    match user.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{HIDDEN}{hosts}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_everything_else_is_shown() {
        for (text, shown) in [
            ("redis://u:hunter2@cache:6379/1?prefix=a", "redis://u:(set)@cache:6379/1?prefix=a"),
            ("redis+cluster://:hunter2@a:1,b:2", "redis+cluster://:(set)@a:1,b:2"),
            ("redis://u:hun/ter@2@cache", "redis://u:(set)@cache"),
            ("redis://u@cache", "redis://u@cache"),
            ("http://quota-1:8051,quota-2:8051", "http://quota-1:8051,quota-2:8051"),
            ("embedded:/a@b", "embedded:/a@b"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }

    #[test]
    fn what_may_come_from_elsewhere_is_a_secret() {
        for name in ["key", "api_key", "key_pepper", "sealing_key", "store_password"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["listen", "provider", "id", "quota_url"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
