//! One line of a journal: `CHECKSUM NUMBER SYNCED TEXT`, the checksum in eight hexadecimal digits and of all that
//! follows it.

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) number: u64,
    /// Up to which number lines were safe from a power cut when this one was written.
    pub(super) synced: u64,
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// The line as it is written.
    pub(super) fn write(&self) -> Vec<u8> {
        let Self { number, synced, text } = self;
        let told = format!("{number} {synced} {text}\n");
        let mut line = format!("{:08x} ", crc32fast::hash(told.as_bytes())).into_bytes();
        line.extend_from_slice(told.as_bytes());
        line
    }

    /// Every line that is whole.
    pub(super) fn all(content: &'a [u8]) -> impl Iterator<Item = Self> {
        content.split_inclusive(|byte| *byte == b'\n').filter_map(Self::read)
    }

    fn read(line: &'a [u8]) -> Option<Self> {
        let (checksum, told) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let sound = checksum == format!("{:08x}", crc32fast::hash(told.as_bytes()));
        let mut words = told.strip_suffix('\n')?.splitn(3, ' ');
        let mut number = || words.next()?.parse().ok();
        let (number, synced) = (number()?, number()?);
        sound.then_some(Self { number, synced, text: words.next()? })
    }
}
