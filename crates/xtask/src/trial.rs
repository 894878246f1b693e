//! `cargo xtask trial`: a fleet of processes under faults, for as long as is asked.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use anyhow::{Result, ensure};

use crate::{command::Command, workspace::Workspace};

/// A trial to be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    seed: Option<u64>,
    minutes: u64,
}

/// The test that goes on for as long as it is told.
const TEST: &str = "trial::nothing_is_overspent_or_lost_for_as_long_as_faults_go_on";

impl Trial {
    /// Reads `--seed N` and `--minutes M`, in any order; both may be left out.
    pub(crate) fn parse(arguments: &[&str]) -> Option<Self> {
        let mut trial = Self { seed: None, minutes: 10 };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let number = arguments.next()?.parse().ok()?;
            match *name {
                "--seed" => trial.seed = Some(number),
                "--minutes" => trial.minutes = number,
                _ => return None,
            }
        }
        Some(trial)
    }

    /// Runs it. The same seed decides the same again.
    pub(crate) fn run(&self) -> Result<()> {
        let seed = self.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        let log = Workspace::read()?.target_directory.join(format!("trial-{seed}.log"));
        println!(
            "seed {seed}, {} minutes of faults and one of rest; what is seen goes to {}",
            self.minutes,
            log.display()
        );
        let ran = Command::of("cargo test --package tessera --test it --")
            .words("--ignored --exact --nocapture")
            .arg(TEST)
            .env("TESSERA_TRIAL_SEED", &seed.to_string())
            .env("TESSERA_TRIAL_MINUTES", &self.minutes.to_string())
            .env("TESSERA_TRIAL_LOG", &log.to_string_lossy())
            .run();
        ensure!(
            ran.is_ok(),
            "the trial failed: `cargo xtask trial --seed {seed} --minutes {}` repeats it",
            self.minutes
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_read_from_the_command_line() {
        let trial = |seed, minutes| Some(Trial { seed, minutes });
        assert_eq!(Trial::parse(&[]), trial(None, 10));
        assert_eq!(Trial::parse(&["--minutes", "3", "--seed", "7"]), trial(Some(7), 3));
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--hours", "1"], &["7"]] {
            assert_eq!(Trial::parse(wrong), None, "{wrong:?}");
        }
    }
}
