//! A copy of the work tree, in which files may be changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::command::Command;

/// A copy of all that git would keep, as it was when the copy was taken.
pub(super) struct TreeCopy(PathBuf);

impl TreeCopy {
    /// Takes a copy. Of an earlier copy at this path only what differs is written, so that only that is built anew.
    pub(super) fn take(tree: &Path, to: PathBuf) -> Result<Self> {
        let files = files(tree)?;
        for file in &files {
            let wanted = fs::read(tree.join(file)).with_context(|| format!("cannot read {file}"))?;
            if fs::read(to.join(file)).ok().as_ref() != Some(&wanted) {
                write(&to.join(file), &wanted)?;
            }
        }
        let list = to.join(LIST);
        let before = fs::read_to_string(&list).unwrap_or_default();
        let is_gone = |file: &&str| !files.iter().any(|kept| kept == file) && to.join(file).exists();
        for gone in before.lines().filter(is_gone) {
            fs::remove_file(to.join(gone)).with_context(|| format!("cannot remove {gone}"))?;
        }
        write(&list, files.join("\n").as_bytes())?;
        Ok(Self(to))
    }

    /// Its directory.
    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// Reads a file of the copy.
    pub(super) fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.0.join(file)).with_context(|| format!("cannot read {file}"))
    }

    /// Changes a file of the copy.
    pub(super) fn write(&self, file: &str, text: &str) -> Result<()> {
        write(&self.0.join(file), text.as_bytes())
    }
}

/// What was copied last, so that what is gone since can be removed.
const LIST: &str = ".copied";

/// What git keeps or would keep in a tree, apart from what was removed.
fn files(tree: &Path) -> Result<Vec<String>> {
    let listed = Command::of("git ls-files --cached --others --exclude-standard").within(tree).output()?;
    Ok(listed.lines().filter(|file| tree.join(file).is_file()).map(str::to_owned).collect())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent.and_then(|()| fs::write(path, bytes)).with_context(|| format!("cannot write {}", path.display()))
}
