//! The binary as the image holds it: linked so that it needs no other file. A test runs it in an empty root.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{command::Command, tally::Tally, workspace::Workspace};

/// Links it beside the others, unoptimised: what the image's own build adds is speed.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Tally> {
    Command::of("cargo rustc --package tessera --bin tessera -- -C target-feature=+crt-static").run()?;
    let directory = workspace.target_directory.join("image");
    let linked = workspace.target_directory.join("debug/tessera");
    let copy = || {
        fs::create_dir_all(&directory)?;
        fs::copy(linked, directory.join("tessera"))
    };
    copy().with_context(|| format!("cannot copy the binary to {}", directory.display()))?;
    Ok(Tally::one_passed())
}
