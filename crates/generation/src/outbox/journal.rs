//! The file that records are appended to, in a directory that one process has.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::OutboxError;

/// The file, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    file: File,
    length: u64,
    /// Held for as long as the directory is ours.
    _lock: File,
}

/// The file's name, and that of the file that is to take its place.
const NAME: &str = "closings";
const FRESH: &str = "closings.new";

impl Journal {
    /// Takes the directory, and reads what the file holds.
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<u8>), OutboxError> {
        let unusable = |error| unusable(directory, error);
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        let lock = appendable(&directory.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OutboxError::InUse { path: directory.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let path = directory.join(NAME);
        let file = appendable(&path).map_err(unusable)?;
        let bytes = fs::read(&path).map_err(unusable)?;
        Ok((Self { directory: directory.to_owned(), file, length: bytes.len() as u64, _lock: lock }, bytes))
    }

    /// Hands a record to the operating system.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        self.file.write_all(record)?;
        self.length += record.len() as u64;
        Ok(())
    }

    /// Forgets everything. Should a power cut undo it, what was struck out comes back with the strokes.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }

    /// Puts a file with these records alone, safe on the disk, in the place of the present one.
    pub(super) fn replace(&mut self, records: &[u8]) -> io::Result<()> {
        let (path, fresh) = (self.directory.join(NAME), self.directory.join(FRESH));
        let _ = fs::remove_file(&fresh);
        let mut file = appendable(&fresh)?;
        file.write_all(records)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&self.directory)?.sync_all()?;
        (self.file, self.length) = (file, records.len() as u64);
        Ok(())
    }

    /// The file's length in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// The file, for whoever syncs it while others append.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Writes to a device that is full from now on.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.file = OpenOptions::new().append(true).open("/dev/full").expect("a full device");
    }
}

/// That a directory cannot hold an outbox.
pub(super) fn unusable(directory: &Path, error: io::Error) -> OutboxError {
    OutboxError::Unusable { path: directory.to_owned(), error }
}

fn appendable(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
