//! `cargo xtask test`: everything that Tessera has to pass, in one command. `cargo xtask trial`: the trial under
//! faults on its own, for longer. `cargo xtask mutants`: whether the tests notice when the code is broken.
//!
//! On a Debian machine that has nothing but Rust it installs what is missing, then checks dependencies,
//! format, lints and documentation, and runs every test. It goes on after a failure, so that one run tells all.

mod command;
mod dependencies;
mod image;
#[cfg(test)]
mod layering;
mod machine;
mod mutants;
mod promtool;
mod python;
mod report;
mod suite;
mod tally;
mod trial;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use crate::{command::Command, report::Report, tally::Tally, trial::Trial, workspace::Workspace};

const USAGE: &str = "\
usage: cargo xtask test [--quick]
       cargo xtask trial [--seed N] [--minutes M]
       cargo xtask mutants [NAME]...

  test      install what is missing, check dependencies, format, lints and documentation, run every test
  --quick   install nothing: leaves out the dependency policy, the suites of the official SDKs, the deployment and
            the browser
  trial     run a fleet of processes under faults that the seed decides; 10 minutes and any seed unless told
  mutants   break the code on purpose in a copy, one way after another, and see that each is noticed; half an hour";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) => ExitCode::FAILURE,
        Some(Err(error)) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(64)
        }
    }
}

/// Does what is asked and tells whether all passed; nothing where it makes no sense.
fn run(arguments: &[&str]) -> Option<Result<bool>> {
    match arguments {
        ["test"] => Some(test(false).map(|report| report.passed())),
        ["test", "--quick"] => Some(test(true).map(|report| report.passed())),
        ["mutants", names @ ..] => Some(mutants::run(names)),
        ["trial", more @ ..] => Some(Trial::parse(more)?.run().map(|()| true)),
        _ => None,
    }
}

fn test(quick: bool) -> Result<Report> {
    let workspace = Workspace::read()?;
    let mut report = Report::default();
    if quick {
        report.leave_out(
            "the installs, the dependency policy, the suites of the official SDKs, what Tessera is deployed with and \
             the browser (--quick)",
        );
    } else {
        report.step("requirements", machine::prepare);
        report.step("python environments", || python::prepare(&workspace));
        report.step("promtool", || promtool::prepare(&workspace));
        report.step("dependency policy", || dependencies::check(&workspace));
    }
    report.step("format", || cargo("fmt --all --check"));
    report.step("lints", || cargo("clippy --workspace --all-targets -- -D warnings"));
    report.step("documentation", document);
    if !quick {
        report.step("image", || image::prepare(&workspace));
    }
    report.step("tests", || suite::run(quick));
    report.print();
    Ok(report)
}

fn document() -> Result<Tally> {
    Command::of("cargo doc --workspace --no-deps --document-private-items")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

fn cargo(arguments: &str) -> Result<Tally> {
    Command::of(&format!("cargo {arguments}")).run()
}
