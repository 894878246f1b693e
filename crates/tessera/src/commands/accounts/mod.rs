//! `tessera accounts`: what the operator owns, and how it stands.

mod table;
mod watch;

use clap::{Args, Subcommand};

use crate::config::Environment;

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows live how every account stands: what is used and left, what rests it and why, what is in flight
    Watch(watch::Options),
}

/// Does what is asked.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    match options.command {
        Command::Watch(options) => watch::run(options, environment).await,
    }
}
