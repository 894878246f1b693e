//! What cargo says about this workspace.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::command::Command;

/// The workspace and its own packages.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// Its packages, with the dependencies that their manifests name.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the layers"))]
    pub(crate) packages: Vec<Package>,
    /// The directory of the root manifest.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
}

/// One package of the workspace.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the layers"))]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency as a manifest names it.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the layers"))]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev` or `build`; nothing for an ordinary one.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let metadata = Command::of("cargo metadata --format-version 1 --no-deps").output()?;
        serde_json::from_str(&metadata).context("cannot read what `cargo metadata` prints")
    }
}
