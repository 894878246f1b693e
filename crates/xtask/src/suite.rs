//! Every test: Rust's own, and by way of one of them the suites of the official SDKs.

use anyhow::Result;

use crate::{command::Command, tally::Tally};

/// Runs them all and adds up what their harnesses report.
pub(crate) fn run(quick: bool) -> Result<Tally> {
    let command = Command::of("cargo test --workspace --no-fail-fast");
    let command = if quick { command.words("-- --skip sdk::") } else { command };
    let mut total = Tally::default();
    let succeeded = command.run_reading(|line| {
        if let Some(tally) = Tally::read(line) {
            total += tally;
        }
    })?;
    if !succeeded && total.failed == 0 {
        println!("the tests did not all build, or one of them ended the process that ran it");
        total += Tally::one_failed();
    }
    Ok(total)
}
