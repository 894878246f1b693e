//! One of the two files of a journal.

use std::{fs::File, io, path::Path};

use redb::{StorageBackend, backends::FileBackend};

use crate::store::{StoreError, embedded::failed};

/// One file of lines.
#[derive(Debug)]
pub(in crate::store::embedded) struct Volume(Box<dyn StorageBackend>);

impl Volume {
    /// The volume in this file, which is made if need be.
    pub(in crate::store::embedded) fn open(path: &Path) -> Result<Self, StoreError> {
        let open = || {
            let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            FileBackend::new(file).map_err(io::Error::other)
        };
        match open() {
            Ok(file) => Ok(Self(Box::new(file))),
            Err(error) => Err(failed("be opened", &format!("{}: {error}", path.display()))),
        }
    }

    /// A volume that is kept on another medium.
    #[cfg(test)]
    pub(in crate::store::embedded) fn on(medium: impl StorageBackend) -> Self {
        Self(Box::new(medium))
    }

    /// Writes at so many bytes from its beginning.
    pub(super) fn write(&self, at: u64, line: &[u8]) -> Result<(), StoreError> {
        self.0.write(at, line).map_err(|error| failed("write", &error))
    }

    /// Makes its lines safe from a power cut.
    pub(in crate::store::embedded) fn sync(&self) -> Result<(), StoreError> {
        self.0.sync_data().map_err(|error| failed("sync its journal", &error))
    }

    /// Drops its lines, and takes room for so many bytes: to sync a line that needs no room and makes the file no
    /// longer is one write to the disk, and else it is two or more.
    pub(in crate::store::embedded) fn blank(&self, length: u64) -> Result<(), StoreError> {
        const PIECE: [u8; 4096] = [0; 4096];
        let blank = || {
            self.0.set_len(0)?;
            let pieces = (0..length).step_by(PIECE.len());
            pieces.into_iter().try_for_each(|at| self.0.write(at, &PIECE))
        };
        blank().map_err(|error| failed("clear its journal", &error))
    }

    /// All that it holds.
    pub(super) fn content(&self) -> Result<Vec<u8>, StoreError> {
        let read = || {
            let length = usize::try_from(self.0.len()?).map_err(io::Error::other)?;
            let mut content = vec![0; length];
            self.0.read(0, &mut content).map(|()| content)
        };
        read().map_err(|error| failed("read its journal", &error))
    }
}
