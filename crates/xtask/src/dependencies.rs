//! The dependency policy: licences, bans, duplicates and sources, as `.cargo/deny.toml` states them.
//!
//! Advisories are not checked: their database is not among the places that a build may ask.

use anyhow::Result;

use crate::{command::Command, tally::Tally, workspace::Workspace};

const VERSION: &str = "0.20.2";

/// An exception that nothing needs any more is an error too, so that the policy stays as short as it can be.
const STALE: &str = "-D unmatched-skip -D unmatched-wrapper -D license-not-encountered \
                     -D license-exception-not-encountered";

/// Checks the policy with cargo-deny, which is built once (about three minutes) under the target directory.
pub(crate) fn check(workspace: &Workspace) -> Result<Tally> {
    let tools = workspace.target_directory.join("tools");
    let cargo_deny = tools.join("bin/cargo-deny");
    let found = Command::at(&cargo_deny).words("--version").output();
    if !found.is_ok_and(|version| version.trim() == format!("cargo-deny {VERSION}")) {
        Command::of(&format!("cargo install --quiet --locked cargo-deny@{VERSION} --root"))
            .arg(&tools)
            .arg("--target-dir")
            .arg(tools.join("build"))
            .run()?;
    }
    Command::at(cargo_deny)
        .words("--locked --workspace check --hide-inclusion-graph")
        .words(STALE)
        .words("bans licenses sources")
        .run()
}
