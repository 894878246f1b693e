//! What was found, told as it is found.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use anyhow::bail;
use console::style;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::serving;

/// What one check found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    check: String,
    state: State,
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works, and may not for long or not as it should.
    Warning,
    /// It does not work.
    Failure,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Ok, found: found.into(), remedy: None }
    }

    /// It works for now.
    pub(super) fn warning(
        check: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { check: check.into(), state: State::Warning, found: found.into(), remedy }
    }

    /// It does not work.
    pub(super) fn failure(
        check: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { state: State::Failure, ..Self::warning(check, found, remedy) }
    }
}

/// The findings so far.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    checks: usize,
    failures: usize,
}

/// Shows on a terminal that something is waited for, until it is dropped.
pub(super) struct Waiting(Option<ProgressBar>);

impl Report {
    /// Nothing is found yet.
    pub(super) const fn begin(json: bool) -> Self {
        Self { json, checks: 0, failures: 0 }
    }

    /// Tells one.
    pub(super) fn tell(&mut self, finding: &Finding) {
        self.checks += 1;
        self.failures += usize::from(finding.state == State::Failure);
        let line = if self.json {
            serde_json::to_string(finding).expect("texts alone make JSON")
        } else {
            line(finding)
        };
        serving::announce(&line);
    }

    /// Tells several.
    pub(super) fn tell_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.tell(&finding);
        }
    }

    /// Shows what is waited for.
    #[expect(clippy::unused_self, reason = "what is shown belongs to the report")]
    pub(super) fn wait(&self, what: &'static str) -> Waiting {
        Waiting(io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner().with_message(what);
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        }))
    }

    /// That something failed is an error.
    pub(super) fn end(self) -> anyhow::Result<()> {
        if self.failures > 0 {
            bail!("{} of {} checks failed", self.failures, self.checks);
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(spinner) = &self.0 {
            spinner.finish_and_clear();
        }
    }
}

/// A finding for people, on one line.
fn line(Finding { check, state, found, remedy }: &Finding) -> String {
    let state = match state {
        State::Ok => style("ok     ").green(),
        State::Warning => style("warning").yellow(),
        State::Failure => style("FAILURE").red(),
    };
    let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("{state}  {check:<20}  {found}{remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_an_error_and_a_warning_is_none() {
        let mut report = Report::begin(false);
        report.tell(&Finding::ok("a", "is well"));
        report.tell(&Finding::warning("b", "is not quite well", "look"));
        assert!(Report { ..report }.end().is_ok());
        let mut report = Report::begin(true);
        report.tell(&Finding::failure("c", "is broken", "mend it"));
        assert_eq!(report.end().unwrap_err().to_string(), "1 of 1 checks failed");
        assert!(line(&Finding::failure("c", "is broken", "mend it")).ends_with("is broken; mend it"));
    }
}
