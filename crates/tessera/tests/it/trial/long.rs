//! The trial that goes on for as long as it is told, with a word on what happens and a log of what was seen.

use std::{env, fmt::Write as _, fs, time::Duration};

use tokio::time::Instant;

use super::{SEED, chaos};

/// Runs it as the environment says.
pub(crate) async fn run() {
    let seed = number("TESSERA_TRIAL_SEED").unwrap_or(SEED);
    let minutes = number("TESSERA_TRIAL_MINUTES").unwrap_or(10);
    println!("seed {seed}, {minutes} minutes");
    let began = Instant::now();
    let tell = |what: &dyn std::fmt::Debug| println!("{:>6} s  {what:?}", began.elapsed().as_secs());
    let outcome = chaos::run(seed, Duration::from_mins(minutes), tell).await;
    println!("{outcome}");
    if let Ok(log) = env::var("TESSERA_TRIAL_LOG") {
        fs::write(log, everything(&outcome)).unwrap();
    }
    assert!(outcome.is_clean(), "{outcome}");
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not `{text}`")))
}

/// The violations, and a line for everything by which they were found.
fn everything(outcome: &chaos::Outcome) -> String {
    let mut text = outcome.to_string();
    let record = &outcome.record;
    let lines = record
        .calls
        .iter()
        .map(|call| format!("{call:?}"))
        .chain(record.exchanges.iter().map(|exchange| format!("{exchange:?}")))
        .chain(record.answers.iter().map(|answer| format!("{answer:?}")));
    lines.for_each(|line| writeln!(text, "{line}").expect("text grows"));
    text
}
