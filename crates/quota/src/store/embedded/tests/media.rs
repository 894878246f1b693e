//! Media in memory that fail, make wait, and lose power when told to.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use domain::{ManualClock, Timestamp};
use redb::{StorageBackend, backends::InMemoryBackend};

use super::super::{EmbeddedStore, files::Files, journal::Volume, tables::Tables};

/// After how many bytes of a volume of the journal the other one is begun here.
pub(super) const FULL: u64 = 4 << 10;

/// What a power cut spares or takes as a whole, in bytes.
const SECTOR: usize = 512;

/// The media of a ledger. What they hold outlives whoever opened them.
#[derive(Debug, Clone, Default)]
pub(super) struct Media {
    tables: Medium,
    volumes: [Medium; 2],
}

#[derive(Debug, Clone, Default)]
struct Medium(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    content: InMemoryBackend,
    /// What it held when it was synced last.
    synced: Mutex<Vec<u8>>,
    syncs: AtomicUsize,
    fails_to_write: AtomicBool,
    fails_to_sync: AtomicBool,
    /// Whether whoever syncs must wait.
    blocked: Mutex<bool>,
    unblocked: Condvar,
}

impl Media {
    pub(super) fn fail_to_write(&self, fails: bool) {
        for medium in self.volumes.iter().chain([&self.tables]) {
            medium.0.fails_to_write.store(fails, Ordering::SeqCst);
        }
    }

    pub(super) fn fail_to_sync(&self, fails: bool) {
        for medium in &self.volumes {
            medium.0.fails_to_sync.store(fails, Ordering::SeqCst);
        }
    }

    /// How often a volume of the journal was synced.
    pub(super) fn syncs(&self) -> usize {
        self.volumes.iter().map(|medium| medium.0.syncs.load(Ordering::SeqCst)).sum()
    }

    /// Makes whoever syncs wait, or no longer.
    pub(super) fn block(&self, blocked: bool) {
        for medium in &self.volumes {
            *medium.0.blocked.lock().unwrap() = blocked;
            medium.0.unblocked.notify_all();
        }
    }

    /// Bytes in the volumes of the journal.
    pub(super) fn journalled(&self) -> [u64; 2] {
        self.volumes.each_ref().map(|volume| volume.len().unwrap())
    }

    /// The tables, and nothing of the journal.
    pub(super) fn tables_alone(&self) -> Self {
        Self { tables: self.tables.clone(), ..Self::default() }
    }

    /// What a power cut leaves: all that was synced, and of what was not any sectors that it happens to spare.
    pub(super) fn after_power_cut(&self, mut spares: impl FnMut() -> bool) -> Self {
        // The keeper may be at work: it gives a volume back only once the tables hold what is in it.
        let volumes = self.volumes.each_ref().map(|volume| volume.torn(&mut spares));
        let tables = Medium::holding(&self.tables.0.synced.lock().unwrap());
        Self { tables, volumes }
    }

    /// A store on these media.
    pub(super) async fn store(&self) -> EmbeddedStore {
        let media = self.clone();
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let open = move || {
            let Media { tables, volumes: [first, second] } = media.clone();
            Ok(Files::on(Tables::on(tables)?, [Volume::on(first), Volume::on(second)], FULL))
        };
        EmbeddedStore::kept(open, Arc::new(clock)).await.unwrap()
    }
}

impl Medium {
    fn holding(content: &[u8]) -> Self {
        let medium = Self::default();
        medium.write(0, content).unwrap();
        *medium.0.synced.lock().unwrap() = content.to_vec();
        medium
    }

    fn read_all(&self) -> Vec<u8> {
        let mut content = vec![0; usize::try_from(self.len().unwrap()).unwrap()];
        self.read(0, &mut content).unwrap();
        content
    }

    /// Each sector as it is or as it was synced; where the length changed since, so may the end be.
    fn torn(&self, mut spares: impl FnMut() -> bool) -> Self {
        let (mut left, mut synced) = (self.read_all(), self.0.synced.lock().unwrap().clone());
        if !spares() {
            left.resize(left.len().max(synced.len()), 0);
        }
        synced.resize(left.len(), 0);
        for (new, old) in left.chunks_mut(SECTOR).zip(synced.chunks(SECTOR)) {
            if !spares() {
                new.copy_from_slice(old);
            }
        }
        Self::holding(&left)
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        self.0.content.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.content.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.content.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, Ordering::SeqCst);
        let blocked = self.0.blocked.lock().unwrap();
        let _unblocked = self.0.unblocked.wait_while(blocked, |blocked| *blocked).unwrap();
        if self.0.fails_to_sync.load(Ordering::SeqCst) {
            return Err(full());
        }
        *self.0.synced.lock().unwrap() = self.read_all();
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.0.fails_to_write.load(Ordering::SeqCst) {
            return Err(full());
        }
        if self.0.content.len()? < offset + data.len() as u64 {
            self.0.content.set_len(offset + data.len() as u64)?;
        }
        self.0.content.write(offset, data)
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}
