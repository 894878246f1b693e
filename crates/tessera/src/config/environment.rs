//! The environment: variables above the configuration file, and what others keep there.
//!
//! A configuration key's variable is `TESSERA_` and the key's path in upper case with `__` between levels:
//! `TESSERA_GENERATION__GEMINI__BASE_URL`. Its value is read as TOML where it is TOML, and as text otherwise.
//! The lists are set whole: `TESSERA_ACCOUNTS='[{ id = "a", … }]'`. Other variables whose name begins with
//! `TESSERA_` mean nothing here: Kubernetes makes some for every service.

use std::{collections::BTreeMap, env};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{File, discreet};

/// The variables of a process, as they were when it began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// One key of the configuration that a variable sets.
#[derive(Debug)]
pub(crate) struct Override<'a> {
    variable: &'a str,
    path: Vec<String>,
    text: &'a str,
}

/// The lists, which stand at the top of the configuration and so need no `__`.
const LISTS: [&str; 3] = ["accounts", "clients", "models"];

impl Environment {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        let readable = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        env::vars_os().map(|(name, value)| (readable(name), readable(value))).collect()
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The keys of the configuration that variables set, in the order of the variables' names.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = Override<'_>> {
        self.0.iter().filter_map(|(variable, text)| {
            let path = variable.strip_prefix("TESSERA_")?.to_ascii_lowercase();
            let is_key = path.contains("__") || LISTS.contains(&path.as_str());
            let path = path.split("__").map(str::to_owned).collect();
            is_key.then_some(Override { variable, path, text })
        })
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl Override<'_> {
    /// The table with this key set, or why it cannot be, naming the variable.
    pub(crate) fn apply(&self, table: &Table) -> Result<Table, String> {
        let as_text = || self.with(table, Value::String(self.text.to_owned()));
        let is_list = self.path.len() == 1;
        let outcome = match self.text.parse::<Value>() {
            Ok(list @ Value::Array(_)) if is_list => self.with(table, list),
            _ if is_list => Err("must be a TOML list of inline tables".to_owned()),
            // A key such as 12345 looks like a number and is none.
            Ok(value) => self.with(table, value).or_else(|error| as_text().map_err(|_| error)),
            Err(_) => as_text(),
        };
        outcome.map_err(|error| format!("{}: {error}", self.variable))
    }

    /// The variable's name.
    pub(crate) const fn variable(&self) -> &str {
        self.variable
    }

    /// Of a table that has this key set, the key alone.
    pub(crate) fn alone(&self, table: &Table) -> Table {
        let mut said = Table::new();
        let found = self.path.iter().try_fold(None, |at: Option<&Value>, key| {
            at.map_or_else(|| table.get(key), |at| at.get(key)).map(Some)
        });
        if let Some(Some(value)) = found {
            set(&mut said, &self.path, value.clone()).expect("nothing is in its way");
        }
        said
    }

    fn with(&self, table: &Table, value: Value) -> Result<Table, String> {
        let mut table = table.clone();
        set(&mut table, &self.path, value)?;
        File::deserialize(table.clone()).map_err(|error| discreet(&error))?;
        Ok(table)
    }
}

/// Sets the value at `path`, making the tables on the way.
fn set(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().ok_or_else(|| format!("`{key}` is not a table"))?;
            set(inner, rest, value)
        }
    }
}
