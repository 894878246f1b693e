//! Prometheus's own checker of metrics and alert rules. It is taken out of Debian's package, since to install that would
//! start a server.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{command::Command, machine, tally::Tally, workspace::Workspace};

/// Puts it into the target directory, where tests look for it.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Tally> {
    let tools = workspace.target_directory.join("tools");
    let tool = tools.join("promtool");
    if Command::of("promtool --version").succeeds() || Command::at(&tool).words("--version").succeeds() {
        println!("promtool       found");
        return Ok(Tally::one_passed());
    }
    let unpacked = tools.join("prometheus");
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    let package = machine::download("prometheus", &unpacked)?;
    Command::of("dpkg-deb --extract").arg(package).arg(&unpacked).run()?;
    fs::rename(unpacked.join("usr/bin/promtool"), &tool).context("the package has no promtool")?;
    fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
    Ok(Tally::one_passed())
}
