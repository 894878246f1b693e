//! `cargo xtask test`: everything that Tessera has to pass, in one command.
//!
//! On a Debian machine that has nothing but Rust it installs what is missing, then checks dependencies,
//! format, lints and documentation, and runs every test. It goes on after a failure, so that one run tells all.

mod command;
mod dependencies;
#[cfg(test)]
mod layering;
mod machine;
mod python;
mod report;
mod suite;
mod tally;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use crate::{command::Command, report::Report, tally::Tally, workspace::Workspace};

const USAGE: &str = "\
usage: cargo xtask test [--quick]

  test      install what is missing, check dependencies, format, lints and documentation, run every test
  --quick   install nothing: leaves out the dependency policy and the suites of the official SDKs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => false,
        ["test", "--quick"] => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64);
        }
    };
    match test(quick) {
        Ok(report) if report.passed() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test(quick: bool) -> Result<Report> {
    let workspace = Workspace::read()?;
    let mut report = Report::default();
    if quick {
        report.leave_out("the installs, the dependency policy and the suites of the official SDKs (--quick)");
    } else {
        report.step("requirements", machine::prepare);
        report.step("python environments", || python::prepare(&workspace));
        report.step("dependency policy", || dependencies::check(&workspace));
    }
    report.step("format", || cargo("fmt --all --check"));
    report.step("lints", || cargo("clippy --workspace --all-targets -- -D warnings"));
    report.step("documentation", document);
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
