//! Every test: Rust's own, and by way of some of them the suites in Python: of the official SDKs, and of the console.

use anyhow::Result;

use crate::{command::Command, tally::Tally};

/// Runs them all and adds up what their harnesses report.
pub(crate) fn run(quick: bool) -> Result<Tally> {
    let command = Command::of("cargo test --workspace --no-fail-fast");
    let skipped = "-- --skip sdk:: --skip deployment:: --skip in_a_real_browser";
    let command = if quick { command.words(skipped) } else { command };
    let mut total = Tally::default();
    let mut ignored = Vec::new();
    let succeeded = command.run_reading(|line| {
        total += Tally::read(line).unwrap_or_default();
        if line.starts_with("test ") && line.contains(" ... ignored") {
            ignored.push(line.to_owned());
        }
    })?;
    for line in ignored {
        println!("NOT RUN BY ITSELF: {line}");
    }
    if !succeeded && total.failed == 0 {
        println!("the tests did not all build, or one of them ended the process that ran it");
        total += Tally::one_failed();
    }
    Ok(total)
}
