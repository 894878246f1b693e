//! What the tables do not hold yet: numbered lines in the order in which they were written.
//!
//! Each tells up to which number the lines were safe from a power cut when it was written. A power cut may tear what
//! came after that, and reading ends where the lines do; but a line that is missing although it was safe means that
//! a file is damaged, and no such journal is read.
//!
//! A volume keeps its length, and new lines are written over those that the tables hold: these are known by their
//! numbers. A line beyond one that was torn has a number that will be given again, wherefore volumes are blanked when
//! they are opened.

mod line;
mod volume;

use std::sync::Arc;

use self::line::Line;
use crate::store::StoreError;

pub(super) use self::volume::Volume;

/// Two volumes, of which one is written while the other is put in the tables.
pub(super) struct Journal {
    open: Arc<Volume>,
    spare: Option<Arc<Volume>>,
    /// Bytes written in the open volume, and after how many the other one is begun.
    length: u64,
    full: u64,
    /// The number of the last line.
    written: u64,
    /// The number up to which lines are safe from a power cut.
    synced: u64,
}

impl Journal {
    /// A journal in two blank volumes that are full after so many bytes; its lines follow this number.
    pub(super) fn after(number: u64, [open, spare]: [Volume; 2], full: u64) -> Self {
        Self {
            open: Arc::new(open),
            spare: Some(Arc::new(spare)),
            length: 0,
            full,
            written: number,
            synced: number,
        }
    }

    /// Writes a line. It survives the process from now on, but not yet a power cut.
    pub(super) fn append(&mut self, text: &str) -> Result<(), StoreError> {
        let line = Line { number: self.written + 1, synced: self.synced, text }.write();
        self.open.write(self.length, &line)?;
        self.length += line.len() as u64;
        self.written += 1;
        Ok(())
    }

    /// The number of the last line.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Notes that the lines up to this number are safe from a power cut.
    pub(super) fn note_synced(&mut self, number: u64) {
        self.synced = self.synced.max(number);
    }

    /// Whether every line is safe from a power cut.
    pub(super) const fn is_synced(&self) -> bool {
        self.synced == self.written
    }

    /// The volume that is written.
    pub(super) fn open_volume(&self) -> Arc<Volume> {
        Arc::clone(&self.open)
    }

    /// Whether it is time to begin the other volume.
    pub(super) const fn is_full(&self) -> bool {
        self.length >= self.full
    }

    /// Begins the other volume, and hands out the one that was written, with the number of its last line; nothing
    /// while the other is not back.
    pub(super) fn turn(&mut self) -> Option<(Arc<Volume>, u64)> {
        let spare = self.spare.take()?;
        self.length = 0;
        Some((std::mem::replace(&mut self.open, spare), self.written))
    }

    /// Takes back a volume whose lines are in the tables.
    pub(super) fn take_back(&mut self, volume: Arc<Volume>) {
        self.spare = Some(volume);
    }
}

/// The lines of these volumes that follow the line of this number, each with its own number.
pub(super) fn lines_after(number: u64, volumes: &[&Volume]) -> Result<Vec<(u64, String)>, StoreError> {
    let contents = volumes.iter().map(|volume| volume.content()).collect::<Result<Vec<_>, _>>()?;
    let mut lines: Vec<_> = contents.iter().flat_map(|content| Line::all(content)).collect();
    lines.sort_unstable_by_key(|line| line.number);
    let safe = lines.iter().map(|line| line.synced).max().unwrap_or_default();
    let mut last = number;
    let mut following = Vec::new();
    for line in lines.into_iter().filter(|line| line.number > number) {
        if line.number != last + 1 {
            break;
        }
        last = line.number;
        following.push((last, line.text.to_owned()));
    }
    if last < safe {
        return Err(missing(last + 1));
    }
    Ok(following)
}

/// That a line is not there which should be.
pub(super) fn missing(number: u64) -> StoreError {
    StoreError::Corrupt(format!("line {number} of the journals beside it is missing or damaged"))
}

#[cfg(test)]
mod tests;
