//! What the tables do not hold yet: numbered lines in the order in which they were written.
//!
//! A line is `CHECKSUM NUMBER SYNCED TEXT`. The checksum, in eight hexadecimal digits, is of all that follows; the
//! synced number tells up to where the lines were safe from a power cut when this one was written. A power cut
//! may tear what came after that, and reading ends where the lines do; but a line that is missing although it was
//! safe means that the file is damaged, and no such journal is read.

use std::{fs::File, io, path::Path, sync::Arc};

use redb::{StorageBackend, backends::FileBackend};

use super::failed;
use crate::store::StoreError;

/// How long a volume grows before the other one is begun: small enough to be put in the tables in a few
/// milliseconds.
pub(super) const FULL: u64 = 128 << 10;

/// Two volumes, of which one is written while the other is put in the tables.
pub(super) struct Journal {
    open: Arc<Volume>,
    spare: Option<Arc<Volume>>,
    /// Bytes in the open volume.
    length: u64,
    /// The number of the last line.
    written: u64,
    /// The number up to which lines are safe from a power cut.
    synced: u64,
}

impl Journal {
    /// A journal in two empty volumes, whose lines follow this number.
    pub(super) fn after(number: u64, [open, spare]: [Volume; 2]) -> Self {
        Self {
            open: Arc::new(open),
            spare: Some(Arc::new(spare)),
            length: 0,
            written: number,
            synced: number,
        }
    }

    /// Writes a line. It survives the process from now on, but not yet a power cut.
    pub(super) fn append(&mut self, text: &str) -> Result<(), StoreError> {
        let line = write(self.written + 1, self.synced, text);
        self.open.0.write(self.length, &line).map_err(|error| failed("write", &error))?;
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
        self.length >= FULL
    }

    /// Begins the other volume, and hands out the one that was written; nothing while the other is not back.
    pub(super) fn turn(&mut self) -> Option<Arc<Volume>> {
        let spare = self.spare.take()?;
        self.length = 0;
        Some(std::mem::replace(&mut self.open, spare))
    }

    /// Takes back a volume that was cleared.
    pub(super) fn take_back(&mut self, volume: Arc<Volume>) {
        self.spare = Some(volume);
    }
}

/// One file of lines.
#[derive(Debug)]
pub(super) struct Volume(Box<dyn StorageBackend>);

impl Volume {
    /// The volume in this file, which is made if need be.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
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
    pub(super) fn on(medium: impl StorageBackend) -> Self {
        Self(Box::new(medium))
    }

    /// Makes its lines safe from a power cut.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.0.sync_data().map_err(|error| failed("sync its journal", &error))
    }

    /// Drops its lines. Should that be lost, they are known by their numbers.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.0.set_len(0).map_err(|error| failed("clear its journal", &error))
    }

    fn content(&self) -> Result<Vec<u8>, StoreError> {
        let read = || {
            let length = usize::try_from(self.0.len()?).map_err(io::Error::other)?;
            let mut content = vec![0; length];
            self.0.read(0, &mut content).map(|()| content)
        };
        read().map_err(|error| failed("read its journal", &error))
    }
}

/// The lines of these volumes that follow the line of this number, each with its own number.
pub(super) fn lines_after(number: u64, volumes: &[&Volume]) -> Result<Vec<(u64, String)>, StoreError> {
    let mut contents = volumes.iter().map(|volume| volume.content()).collect::<Result<Vec<_>, _>>()?;
    contents.retain(|content| !content.is_empty());
    let lines = contents.iter().flat_map(|content| content.split_inclusive(|byte| *byte == b'\n'));
    let mut lines: Vec<_> = lines.filter_map(read).collect();
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
        let missing = last + 1;
        return Err(StoreError::Corrupt(format!("line {missing} of its journal is missing or damaged")));
    }
    Ok(following)
}

#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    number: u64,
    synced: u64,
    text: &'a str,
}

fn write(number: u64, synced: u64, text: &str) -> Vec<u8> {
    let told = format!("{number} {synced} {text}\n");
    let mut line = format!("{:08x} ", crc32fast::hash(told.as_bytes())).into_bytes();
    line.extend_from_slice(told.as_bytes());
    line
}

/// The line, unless it is torn.
fn read(line: &[u8]) -> Option<Line<'_>> {
    let (checksum, told) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let sound = checksum == format!("{:08x}", crc32fast::hash(told.as_bytes()));
    let mut words = told.strip_suffix('\n')?.splitn(3, ' ');
    let mut number = || words.next()?.parse().ok();
    let (number, synced) = (number()?, number()?);
    sound.then_some(Line { number, synced, text: words.next()? })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use redb::backends::InMemoryBackend;

    use super::*;

    fn volume(content: &[u8]) -> Volume {
        let volume = Volume::on(InMemoryBackend::new());
        volume.0.set_len(content.len() as u64).unwrap();
        volume.0.write(0, content).unwrap();
        volume
    }

    fn read_back(after: u64, contents: &[&[u8]]) -> Result<Vec<(u64, String)>, StoreError> {
        let volumes: Vec<_> = contents.iter().map(|content| volume(content)).collect();
        lines_after(after, &volumes.iter().collect::<Vec<_>>())
    }

    /// Lines from 1 on, none of them synced, and where each ends.
    fn written(texts: &[String]) -> (Vec<u8>, Vec<usize>) {
        let mut content = Vec::new();
        let ends = (1..).zip(texts).map(|(number, text)| {
            content.extend(write(number, 0, text));
            content.len()
        });
        let ends = ends.collect();
        (content, ends)
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        vec("[ -~]{0,40}[!-~]", 1..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_journal_torn_at_any_byte_keeps_every_line_before_and_nothing_else(texts in texts()) {
            let (content, ends) = written(&texts);
            for torn in 0..=content.len() {
                let whole = ends.iter().filter(|end| **end <= torn).count();
                let expected: Vec<_> = (1..).zip(texts[..whole].iter().cloned()).collect();
                let mut zeroed = content.clone();
                zeroed[torn..].fill(0);
                prop_assert_eq!(read_back(0, &[&content[..torn]]), Ok(expected.clone()));
                prop_assert_eq!(read_back(0, &[&zeroed]), Ok(expected));
            }
        }

        #[test]
        fn a_damaged_byte_ends_the_journal_there(texts in texts(), at in any::<prop::sample::Index>(), to: u8) {
            let (mut content, ends) = written(&texts);
            let at = at.index(content.len());
            prop_assume!(content[at] != to);
            content[at] = to;
            let whole = ends.iter().filter(|end| **end <= at).count();
            let expected: Vec<_> = (1..).zip(texts[..whole].iter().cloned()).collect();
            prop_assert_eq!(read_back(0, &[&content]), Ok(expected));
        }
    }

    #[test]
    fn lines_are_read_in_order_from_both_volumes_and_those_in_the_tables_are_left_out() {
        let later = [write(4, 3, "four"), write(5, 3, "five")].concat();
        let earlier = [write(2, 1, "two"), write(3, 1, "three")].concat();
        let read = read_back(2, &[&later, &earlier]).unwrap();
        assert_eq!(read, [(3, "three".to_owned()), (4, "four".to_owned()), (5, "five".to_owned())]);
    }

    #[test]
    fn a_line_that_was_safe_and_is_missing_is_told() {
        let told = |after, lines: [Vec<u8>; 2]| read_back(after, &[&lines.concat()]).unwrap_err().to_string();
        let damaged = told(0, [write(1, 0, "one").split_off(1), write(2, 1, "two")]);
        assert!(damaged.contains("line 1 of its journal is missing"), "{damaged}");
        let foreign = told(0, [write(70, 69, "seventy"), write(71, 69, "seventy-one")]);
        assert!(foreign.contains("line 1 of its journal is missing"), "{foreign}");
    }
}
