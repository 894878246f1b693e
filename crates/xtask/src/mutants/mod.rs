//! `cargo xtask mutants`: the code is broken on purpose, one way after another, and each must be noticed.
//!
//! A test that passes whatever the code does proves nothing, and the trial's checker judges what nobody can foresee.
//! So each mutation names the rules by which it must be caught. The work tree itself is never touched: mutations are
//! made in a copy of it.

mod copy;
mod table;
mod verdict;

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail, ensure};

use self::{
    copy::TreeCopy,
    table::{MUTATIONS, Mutation, Test},
    verdict::Verdict,
};
use crate::{command::Command, workspace::Workspace};

/// Breaks the code in each of these ways, or in every way if none is named; whether each was caught.
pub(crate) fn run(names: &[&str]) -> Result<bool> {
    let chosen = chosen(names)?;
    let workspace = Workspace::read()?;
    let home = workspace.target_directory.join("mutants");
    let laboratory = Laboratory { copy: TreeCopy::take(&workspace.root, home.join("tree"))?, home };
    println!(
        "{} mutations, some minutes each; what the tests print goes to {}",
        chosen.len(),
        laboratory.home.display()
    );
    laboratory.check_unbroken(&chosen)?;
    let mut verdicts = Vec::new();
    for mutation in chosen {
        let verdict = laboratory.try_out(mutation)?;
        println!("{}", verdict.told_of(mutation));
        verdicts.push((mutation, verdict));
    }
    println!("\n=== summary");
    for (mutation, verdict) in &verdicts {
        println!("{}", verdict.told_of(mutation));
    }
    Ok(verdicts.iter().all(|(_, verdict)| verdict.is_caught()))
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Mutation>> {
    if let Some(unknown) = names.iter().find(|name| MUTATIONS.iter().all(|mutation| mutation.name != **name))
    {
        let known: Vec<_> = MUTATIONS.iter().map(|mutation| mutation.name).collect();
        bail!("there is no mutation `{unknown}`; known are {}", known.join(", "));
    }
    let is_chosen = |mutation: &&Mutation| names.is_empty() || names.contains(&mutation.name);
    Ok(MUTATIONS.iter().filter(is_chosen).collect())
}

/// Where mutations are tried out.
struct Laboratory {
    copy: TreeCopy,
    home: PathBuf,
}

impl Laboratory {
    /// Every test must pass while nothing is broken: else its failure would prove nothing.
    fn check_unbroken(&self, mutations: &[&Mutation]) -> Result<()> {
        let mut tests: Vec<&Test> = Vec::new();
        for mutation in mutations {
            if !tests.contains(&mutation.test) {
                tests.push(mutation.test);
            }
        }
        for (number, test) in tests.into_iter().enumerate() {
            println!("unbroken: {}", test.name);
            let (passed, output) = self.observe(test, &format!("unbroken-{number}"))?;
            ensure!(passed, "{} fails while nothing is broken:\n{output}", test.name);
        }
        Ok(())
    }

    /// Breaks the code in this way, and tells what the test makes of it.
    fn try_out(&self, mutation: &Mutation) -> Result<Verdict> {
        println!("{}: {}", mutation.name, mutation.what);
        let began = Instant::now();
        let sound = self.copy.read(mutation.file)?;
        self.copy.write(mutation.file, &mutation.applied_to(&sound)?)?;
        let (passed, output) = self.observe(mutation.test, mutation.name)?;
        self.copy.write(mutation.file, &sound)?;
        Ok(Verdict::of(mutation, passed, &output, began.elapsed()))
    }

    /// Whether the test passes in the copy as it is, and what it prints.
    fn observe(&self, test: &Test, name: &str) -> Result<(bool, String)> {
        let log = self.home.join(format!("{name}.log"));
        let (built, output) = self.cargo("--no-run", test).transcript(&log)?;
        ensure!(built, "the copy does not build:\n{output}");
        self.cargo("--", test).arg("--exact").arg(test.name).transcript(&log)
    }

    fn cargo(&self, last: &str, test: &Test) -> Command {
        Command::of("cargo test --quiet --locked --package")
            .arg(test.package)
            .words("--test it")
            .arg(last)
            .env("CARGO_TARGET_DIR", &self.home.join("build").to_string_lossy())
            .within(self.copy.root())
    }
}
