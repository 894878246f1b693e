//! The Python environments: two in which the official SDKs run, the newest of each and the oldest that still counts, one
//! with the schemas that the deployment is held to, and one that drives a browser.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{command::Command, tally::Tally, workspace::Workspace};

/// Their names, and what each requires, a file beside the tests.
const ENVIRONMENTS: [(&str, &str); 4] = [
    ("newest", "sdk/requirements-newest.txt"),
    ("oldest", "sdk/requirements-oldest.txt"),
    ("deployment", "deployment/requirements.txt"),
    ("browser", "browser/requirements.txt"),
];

/// Creates every environment that is missing or whose requirements have changed.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Tally> {
    let python = Command::of("python3 --version").output()?;
    for (name, requirements) in ENVIRONMENTS {
        Environment::of(name, requirements, workspace).prepare(&python)?;
    }
    Ok(Tally::one_passed())
}

/// A virtual environment under the target directory.
struct Environment {
    name: &'static str,
    requirements: PathBuf,
    directory: PathBuf,
}

impl Environment {
    fn of(name: &'static str, requirements: &str, workspace: &Workspace) -> Self {
        Self {
            name,
            requirements: workspace.root.join("crates/tessera/tests").join(requirements),
            directory: workspace.target_directory.join("sdk").join(name),
        }
    }

    /// What is installed is written into the environment last, so one that broke off half-way is made anew.
    fn prepare(&self, python: &str) -> Result<()> {
        let wanted = python.to_owned() + &read(&self.requirements)?;
        let stamp = self.directory.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            println!("{} is ready in {}", self.name, self.directory.display());
            return Ok(());
        }
        Command::of("python3 -m venv --clear").arg(&self.directory).run()?;
        Command::at(self.directory.join("bin/python"))
            .words("-m pip install --quiet --disable-pip-version-check --requirement")
            .arg(&self.requirements)
            .run()?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
