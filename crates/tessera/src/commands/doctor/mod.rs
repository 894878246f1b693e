//! `tessera doctor`: looks at everything that Tessera needs, and says what to do about what is wrong. Nothing is spent,
//! and nothing is changed.

mod accounts;
mod added;
mod certificate;
mod clock;
mod ledger;
mod machine;
mod report;
mod secrets;
mod services;

use clap::Args;

use self::report::{Finding, Report};
use super::role::Role;
use crate::{
    config::{Config, ConfigFile, Environment},
    data_dir::DataDirOption,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Looks at what this role needs alone [default: what `tessera up` needs]
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Prints a line of JSON for each check
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    data_dir: DataDirOption,
}

/// What is looked at.
struct Patient<'a> {
    config: &'a Config,
    environment: &'a Environment,
    data_dir: &'a DataDirOption,
    /// None for all of them in one process.
    role: Option<Role>,
}

/// Looks, and tells as it goes. That something failed is an error.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let mut report = Report::begin(options.json);
    let config = match options.config.load(environment) {
        Ok(config) => config,
        Err(invalid) => {
            for problem in invalid.to_string().lines() {
                report.tell(&Finding::failure("configuration", problem, "correct it and ask again"));
            }
            return report.end();
        }
    };
    report.tell(&Finding::ok("configuration", "is valid; `tessera config print` shows it"));
    let patient = Patient { config: &config, environment, data_dir: &options.data_dir, role: options.role };
    patient.examine(&mut report).await;
    report.end()
}

impl Patient<'_> {
    async fn examine(&self, report: &mut Report) {
        report.tell_all(secrets::look(self));
        report.tell_all(certificate::look(self));
        report.tell_all(machine::look(self));
        if self.has("quota") {
            let waiting = report.wait("asking the ledger");
            let found = ledger::look(self).await;
            drop(waiting);
            report.tell_all(found);
        }
        if self.role.is_some() {
            let waiting = report.wait("asking the other services");
            let found = services::look(self).await;
            drop(waiting);
            report.tell_all(found);
        }
        if self.has("generation") {
            let waiting = report.wait("asking the providers about every account");
            let found = accounts::look(self).await;
            drop(waiting);
            report.tell_all(found);
        }
    }

    /// Whether the role whose section this is, is among those that are looked at.
    fn has(&self, section: &str) -> bool {
        self.role.is_none_or(|role| role.reads(section))
    }
}
