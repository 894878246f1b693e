//! The highest fence that was given here, in a file of its own.
//!
//! Should the ledger be lost together with all who kept it, those who held its leases are the last who know that there
//! was one. It is written in place with every grant and never synced: any fence of the time before proves as much.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use domain::Fence;

/// The mark: it is only ever raised.
#[derive(Debug, Default)]
pub(super) struct Mark {
    fence: Option<Fence>,
    /// None where nothing outlives the process.
    file: Option<File>,
}

/// The file's name in the directory of the outbox. It holds a number of always as many digits.
const NAME: &str = "fence";

impl Mark {
    /// The mark as it was left in this directory.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(NAME))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let fence = text.lines().next().and_then(|line| line.parse().ok()).map(Fence);
        Ok(Self { fence, file: Some(file) })
    }

    /// The highest fence so far.
    pub(super) const fn fence(&self) -> Option<Fence> {
        self.fence
    }

    /// Raises it to this fence, unless it is there already.
    pub(super) fn raise(&mut self, fence: Fence) {
        if self.fence >= Some(fence) {
            return;
        }
        self.fence = Some(fence);
        let written = self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(line(fence).as_bytes(), 0));
        if let Err(error) = written {
            tracing::error!(%error, "the last fence cannot be written; it is forgotten with this process");
            self.file = None;
        }
    }
}

fn line(Fence(fence): Fence) -> String {
    format!("{fence:020}\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_highest_fence_is_there_after_a_restart() {
        let home = tempfile::tempdir().unwrap();
        let mut mark = Mark::open(home.path()).unwrap();
        assert_eq!(mark.fence(), None);
        for fence in [1_800_000_000_007, 9, u64::MAX, 1_800_000_000_008] {
            mark.raise(Fence(fence));
        }
        assert_eq!(Mark::open(home.path()).unwrap().fence(), Some(Fence(u64::MAX)));
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_none_and_is_written_anew() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(NAME), "smudged, and longer than any number may be\n").unwrap();
        let mut mark = Mark::open(home.path()).unwrap();
        assert_eq!(mark.fence(), None);
        mark.raise(Fence(7));
        assert_eq!(Mark::open(home.path()).unwrap().fence(), Some(Fence(7)));
    }
}
