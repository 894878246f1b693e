//! The `tessera` command: every role of the gateway in one binary.

mod assembly;
mod commands;
mod config;
mod data_dir;
mod dismissal;
mod expiry;
mod first_key;
mod key;
mod operations;
mod operator_console;
mod operator_socket;
mod provider;
mod readiness;
mod running;
mod serving;
mod web;
mod whole;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use telemetry::Telemetry;

use crate::{
    commands::{
        accounts, clients, configuration, doctor, gateway, generate, generation, health, quota, simulator,
        up, usage,
    },
    config::{Environment, Invalid},
};

/// Image generation for OpenAI and Anthropic clients, drawn by Google's models
#[derive(Debug, Parser)]
#[command(name = "tessera", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
struct LogOptions {
    /// What is logged to standard error, such as `info,generation=debug`
    #[arg(long = "log", value_name = "FILTER", env = "TESSERA_LOG", hide_env_values = true, global = true)]
    filter: Option<String>,
    /// How it is written
    #[arg(
        long = "log-format",
        value_name = "FORMAT",
        env = "TESSERA_LOG_FORMAT",
        hide_env_values = true,
        global = true
    )]
    #[arg(value_enum, default_value_t = LogFormat::Text)]
    format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything in one process
    Up(up::Options),
    /// Runs the edge: the APIs that applications speak
    Gateway(gateway::Options),
    /// Runs the core: leases, calls to the provider, retries
    Generation(generation::Options),
    /// Runs the ledger: accounts, clients, quota
    Quota(quota::Options),
    /// Makes pictures and writes them to files
    Generate(generate::Options),
    /// Adds, lists, watches, disables and removes accounts while Tessera runs
    Accounts(accounts::Options),
    /// Makes, lists and revokes client keys while Tessera runs
    Clients(clients::Options),
    /// Tells what was used, and what it cost
    Usage(usage::Options),
    /// Shows the configuration that is in force
    Config(configuration::Options),
    /// Looks at everything that Tessera needs, and says what to do about what is wrong
    Doctor(doctor::Options),
    /// Asks a process whether it can serve; the exit status tells
    Health(health::Options),
    /// Runs a Gemini API that draws test pictures and fails on command
    Simulator(simulator::Options),
}

/// The exit status for a configuration that cannot be used: `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let options = Options::parse();
    match start(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera: {error:#}");
            if error.is::<Invalid>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn start(options: Options) -> anyhow::Result<()> {
    let environment = Environment::of_process();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let _entered = runtime.enter(); // spans are sent from within it
    let telemetry = options.command.is_watched().then(|| options.log.start(&options.command)).transpose()?;
    let result = runtime.block_on(options.command.run(&environment));
    if let Some(telemetry) = telemetry {
        telemetry.shutdown();
    }
    result
}

impl LogOptions {
    fn start(&self, command: &Command) -> Result<Telemetry, Invalid> {
        let format = match self.format {
            LogFormat::Text => telemetry::Format::Text,
            LogFormat::Json => telemetry::Format::Json,
        };
        let filter = self.filter.as_deref().filter(|filter| !filter.is_empty());
        let filter = filter.unwrap_or(command.default_filter());
        let settings = telemetry::Settings { service: command.service(), format, filter };
        telemetry::start(&settings).map_err(|error| Invalid::from(error.to_string()))
    }
}

impl Command {
    /// Whether it tells what it does. A probe does not, which runs every few seconds beside a process that does.
    const fn is_watched(&self) -> bool {
        !matches!(self, Self::Config(_) | Self::Doctor(_) | Self::Health(_))
    }

    /// What is logged when nothing is said: a picture made at the prompt needs no log beside it.
    const fn default_filter(&self) -> &'static str {
        match self {
            Self::Generate(_)
            | Self::Accounts(_)
            | Self::Clients(_)
            | Self::Usage(_)
            | Self::Config(_)
            | Self::Doctor(_)
            | Self::Health(_) => "warn",
            Self::Up(_) | Self::Gateway(_) | Self::Generation(_) | Self::Quota(_) | Self::Simulator(_) => {
                "info"
            }
        }
    }

    /// What it is called among the processes that are watched together.
    const fn service(&self) -> &'static str {
        match self {
            Self::Up(_) => "tessera",
            Self::Gateway(_) => "tessera-gateway",
            Self::Generation(_) => "tessera-generation",
            Self::Quota(_) => "tessera-quota",
            Self::Generate(_) => "tessera-generate",
            Self::Accounts(_) => "tessera-accounts",
            Self::Clients(_) => "tessera-clients",
            Self::Usage(_) => "tessera-usage",
            Self::Config(_) => "tessera-config",
            Self::Doctor(_) => "tessera-doctor",
            Self::Health(_) => "tessera-health",
            Self::Simulator(_) => "tessera-simulator",
        }
    }

    async fn run(self, environment: &Environment) -> anyhow::Result<()> {
        match self {
            Self::Up(options) => up::run(options, environment).await,
            Self::Gateway(options) => gateway::run(options, environment).await,
            Self::Generation(options) => generation::run(options, environment).await,
            Self::Quota(options) => quota::run(options, environment).await,
            Self::Generate(options) => generate::run(options, environment).await,
            Self::Accounts(options) => accounts::run(options, environment).await,
            Self::Clients(options) => clients::run(options, environment).await,
            Self::Usage(options) => usage::run(options, environment).await,
            Self::Config(options) => configuration::run(&options, environment),
            Self::Doctor(options) => doctor::run(options, environment).await,
            Self::Health(options) => health::run(options, environment).await,
            Self::Simulator(options) => simulator::run(options).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
