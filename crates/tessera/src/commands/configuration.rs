//! `tessera config`: what is in force, and why.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use toml::Value;

use super::role::Role;
use crate::{
    config::{ConfigFile, Effective, Environment, Origin, Told},
    serving,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prints every key that is in force, and whether the file, the environment or nobody says so; no secret is shown
    Print(Print),
}

#[derive(Debug, Args)]
struct Print {
    /// Prints what concerns this role alone
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    #[command(flatten)]
    config: ConfigFile,
}

/// Prints it.
pub(crate) fn run(options: &Options, environment: &Environment) -> anyhow::Result<()> {
    let Action::Print(Print { role, config }) = &options.action;
    let effective = config.effective(environment)?;
    serving::announce(printed(&effective, *role).trim_end());
    Ok(())
}

/// The keys as TOML; where each comes from stands behind it. Lists of tables come last, as TOML wants them.
fn printed(effective: &Effective, role: Option<Role>) -> String {
    let (mut keys, mut lists) = (String::new(), String::new());
    let mut last: &[String] = &[];
    for (section, name, told) in effective.iter() {
        let root = section.first().map_or(name, String::as_str);
        if role.is_some_and(|role| !role.reads(root)) {
            continue;
        }
        if let (Value::Array(entries), []) = (&told.value, section) {
            for entry in entries {
                list_entry(&mut lists, name, entry, told);
            }
            continue;
        }
        if section != last {
            line(&mut keys, format_args!("\n[{}]", section.join(".")));
            last = section;
        }
        line(&mut keys, format_args!("{name} = {}  # {}", told.value, origin(told)));
    }
    (keys + &lists).trim_start().to_owned()
}

fn list_entry(text: &mut String, name: &str, entry: &Value, told: &Told) {
    line(text, format_args!("\n[[{name}]]  # {}", origin(told)));
    for (key, value) in entry.as_table().into_iter().flatten() {
        line(text, format_args!("{key} = {value}"));
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes all that is written to it");
}

fn origin(told: &Told) -> &str {
    match &told.origin {
        Origin::Default => "default",
        Origin::File => "file",
        Origin::Variable(name) => name,
    }
}
