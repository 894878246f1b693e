//! The files of a ledger: its tables, and the two volumes of its journal beside them.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use domain::Timestamp;

use super::{
    failed,
    journal::{Journal, Volume, lines_after},
    step::Step,
    tables::Tables,
};
use crate::store::{StoreError, ledger::Ledger};

/// The open files.
pub(super) struct Files {
    tables: Tables,
    volumes: [Volume; 2],
    /// After how many bytes of a volume the other one is begun.
    full: u64,
}

/// Small enough to be put in the tables within a few milliseconds.
const FULL: u64 = 128 << 10;

impl Files {
    /// Opens the files, or begins them, and locks them.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory).map_err(|error| failed("make its directory", &error))?;
        }
        let tables = Tables::open(path)?;
        let volumes = [Volume::open(&beside(path, "journal-1"))?, Volume::open(&beside(path, "journal-2"))?];
        sync_directory(directory.unwrap_or(Path::new(".")))
            .map_err(|error| failed("sync its directory", &error))?;
        Ok(Self { tables, volumes, full: FULL })
    }

    /// Files that are kept on other media.
    #[cfg(test)]
    pub(super) fn on(tables: Tables, volumes: [Volume; 2], full: u64) -> Self {
        Self { tables, volumes, full }
    }

    /// Puts in the tables what only the journal holds, and reads the ledger.
    pub(super) fn read(self, now: Timestamp) -> Result<(Tables, Journal, Ledger), StoreError> {
        let Self { tables, volumes, full } = self;
        let [first, second] = &volumes;
        let last = carry_over(&tables, &[first, second])?;
        for volume in &volumes {
            volume.blank(full)?;
            volume.sync()?;
        }
        let ledger = tables.load(now)?;
        Ok((tables, Journal::after(last, volumes, full), ledger))
    }
}

/// Puts in the tables the lines of these volumes that they do not hold, and tells the number of the last line they
/// hold then.
pub(super) fn carry_over(tables: &Tables, volumes: &[&Volume]) -> Result<u64, StoreError> {
    let lines = lines_after(tables.applied()?, volumes)?;
    let steps = lines.iter().map(|(number, line)| Step::read(*number, line));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    if let Some((last, _)) = lines.last() {
        tables.apply(*last, &steps)?;
    }
    tables.applied()
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(extension);
    name.into()
}

/// A file is safe from a power cut only once its directory is. Only Unix lets a directory be synced.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}
