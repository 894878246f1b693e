//! Counts of tests and checks.

use std::{fmt, ops::AddAssign};

/// Tests and checks by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Tests that exist and were not run.
    pub(crate) ignored: u64,
}

impl Tally {
    /// One check that passed.
    pub(crate) const fn one_passed() -> Self {
        Self { passed: 1, failed: 0, ignored: 0 }
    }

    /// One check that failed.
    pub(crate) const fn one_failed() -> Self {
        Self { passed: 0, failed: 1, ignored: 0 }
    }

    /// Reads the closing line of a test run, as Rust's harness or pytest prints it.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.trim_matches(['=', ' ', '\r']);
        match line.strip_prefix("test result: ") {
            Some(result) => Self::sum(result.split_once(". ")?.1.split(';')),
            None => Self::sum(line.rsplit_once(" in ").filter(|(_, time)| is_seconds(time))?.0.split(',')),
        }
    }

    /// Adds up pieces such as `12 passed`, where at least one of them counts tests.
    fn sum<'a>(pieces: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut tally = Self::default();
        let mut counts_tests = false;
        for (count, what) in pieces.filter_map(|piece| piece.trim().split_once(' ')) {
            let slot = match what {
                "passed" => &mut tally.passed,
                "failed" | "error" | "errors" => &mut tally.failed,
                "ignored" | "skipped" | "xfailed" => &mut tally.ignored,
                _ => continue,
            };
            *slot += count.parse::<u64>().ok()?;
            counts_tests = true;
        }
        counts_tests.then_some(tally)
    }
}

/// `12.34s`, or `72.34s (0:01:12)`.
fn is_seconds(text: &str) -> bool {
    let seconds = text.split(' ').next().unwrap_or_default();
    seconds.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok())
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_both_harnesses_are_read() {
        for (line, passed, failed, ignored) in [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s",
                12,
                0,
                1,
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9s",
                3,
                2,
                0,
            ),
            ("120 passed in 31.90s", 120, 0, 0),
            ("===== 1 failed, 119 passed, 2 warnings, 3 errors in 71.95s (0:01:11) =====", 119, 4, 0),
            ("1 skipped in 0.01s", 0, 0, 1),
        ] {
            assert_eq!(Tally::read(line), Some(Tally { passed, failed, ignored }), "{line}");
        }
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            "running 12 tests",
            "test a_lease_that_passed_in_time ... ok",
            "    Finished `test` profile [unoptimized] target(s) in 12.01s",
            "no tests ran in 0.01s",
            "12 passed the gate in 2026",
        ] {
            assert_eq!(Tally::read(line), None, "{line}");
        }
    }
}
