//! What ran, how long each step took and how it ended.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::tally::Tally;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    left_out: Option<&'static str>,
}

struct Row {
    title: &'static str,
    took: Duration,
    tally: Tally,
    error: Option<String>,
}

impl Report {
    /// Announces a step, does it and notes how it ended.
    pub(crate) fn step(&mut self, title: &'static str, work: impl FnOnce() -> Result<Tally>) {
        println!("\n=== {title}");
        let start = Instant::now();
        let (tally, error) = match work() {
            Ok(tally) => (tally, None),
            Err(error) => (Tally::one_failed(), Some(format!("{error:#}"))),
        };
        let took = start.elapsed();
        if let Some(error) = &error {
            println!("{title} FAILED: {error}");
        }
        self.rows.push(Row { title, took, tally, error });
    }

    /// Says what this run does not do, now and at its end.
    pub(crate) fn leave_out(&mut self, what: &'static str) {
        println!("NOT RUN: {what}");
        self.left_out = Some(what);
    }

    /// Whether no step failed.
    pub(crate) fn passed(&self) -> bool {
        self.total().failed == 0
    }

    /// Prints a table of the steps, what was left out, and the sum of all as the last line.
    pub(crate) fn print(&self) {
        println!("\n=== summary");
        for Row { title, took, tally, error } in &self.rows {
            let ended = if tally.failed == 0 { "ok" } else { "FAILED" };
            println!("{title:<20} {:>6.1} s  {ended:<6}  {tally}", took.as_secs_f64());
            if let Some(error) = error {
                println!("{:<20} {error}", "");
            }
        }
        let total = self.total();
        if total.ignored > 0 {
            println!("NOT RUN BY THEMSELVES: {} (what the tests print says which and why)", total.ignored);
        }
        if let Some(what) = self.left_out {
            println!("NOT RUN: {what}");
        }
        println!("{total}");
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for row in &self.rows {
            total += row.tally;
        }
        total
    }
}
