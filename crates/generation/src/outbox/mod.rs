//! Last words on leases that the ledger has not heard yet.
//!
//! How a call ended is money: it must reach the ledger, however long the ledger is away and whatever becomes of this
//! process. So each closing is written to a file before it is sent, and struck out when the ledger acknowledged it;
//! what is not struck out is said again after a restart. The ledger knows what it heard before, so that saying it
//! twice is harmless.
//!
//! - **Written** means handed to the operating system, which takes microseconds and outlives a killed process. A power
//!   cut is another matter: what the ledger has not acknowledged within some milliseconds is therefore synced to the
//!   disk, behind everybody's back. What it did acknowledge needs no sync, as it is kept there.
//! - **Torn** records, of a crash in the middle of a write, are recognised by their checksum and skipped; those after
//!   them are found again.
//! - **A disk that takes nothing more** makes the outbox unsafe: no lease is asked for, calls in flight go on, and what
//!   they cost is remembered in memory until it can be written, which is tried until it succeeds.
//!
//! Only closings are kept, not the intent to call. An intent would have to be on the disk before each call to be worth
//! anything, and would tell no more than the ledger finds out by itself: a lease of which nothing is heard expires,
//! keeps its charges and is noted as possibly billed.
//!
//! Beside the words stands the highest fence that was ever given here, so that a ledger that lost everything is told.

mod journal;
mod mark;
mod record;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::Fence;

use self::{journal::Journal, mark::Mark, record::Record};

pub(crate) use self::record::LastWord;

/// Why there can be no outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Another process has it.
    #[error(
        "the outbox {path} is in use by another tessera; stop that one, or name another directory in generation.outbox"
    )]
    InUse {
        /// Its directory.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("the outbox {path} cannot be used: {error}")]
    Unusable {
        /// Its directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Names a word in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Last words, kept until they are heard.
#[derive(Debug)]
pub(crate) struct Outbox(Mutex<State>);

#[derive(Debug)]
struct State {
    /// None where nothing outlives the process.
    journal: Option<Journal>,
    /// Every word that was not struck out, as it is written.
    words: BTreeMap<Ticket, Vec<u8>>,
    next: Ticket,
    mark: Mark,
    /// Whether every word is in the journal.
    safe: bool,
}

/// The most processes that share a directory of outboxes.
const SLOTS: u32 = 1_000;

/// A journal of which nothing counts any more is emptied from this size on, in bytes.
const TIDY: u64 = 64 << 10;

impl Outbox {
    /// An outbox that lasts as long as the process.
    pub(crate) fn in_memory() -> Self {
        Self::of(None, Mark::default(), BTreeMap::new())
    }

    /// The outbox in this directory, which is made where it is not there and belongs to this process alone. A `*` as its
    /// name stands for the first number that no other process has: whoever starts next takes over what was left there.
    pub(crate) fn open(directory: &Path) -> Result<Self, OutboxError> {
        match directory.parent().filter(|_| directory.ends_with("*")) {
            Some(shared) => Self::first_free(shared),
            None => Self::take(directory),
        }
    }

    fn first_free(shared: &Path) -> Result<Self, OutboxError> {
        let mut slots = (1..=SLOTS).map(|slot| Self::take(&shared.join(slot.to_string())));
        let in_use = |outcome: &Result<Self, OutboxError>| matches!(outcome, Err(OutboxError::InUse { .. }));
        slots.find(|outcome| !in_use(outcome)).unwrap_or(Err(OutboxError::InUse { path: shared.to_owned() }))
    }

    fn take(directory: &Path) -> Result<Self, OutboxError> {
        let (mut journal, bytes) = Journal::open(directory)?;
        let words = read(&bytes);
        let kept: Vec<u8> = words.values().flatten().copied().collect();
        journal.replace(&kept).map_err(|error| journal::unusable(directory, error))?;
        let mark = Mark::open(directory).map_err(|error| journal::unusable(directory, error))?;
        Ok(Self::of(Some(journal), mark, words))
    }

    fn of(journal: Option<Journal>, mark: Mark, words: BTreeMap<Ticket, Vec<u8>>) -> Self {
        let next = match words.last_key_value() {
            Some((Ticket(last), _)) => Ticket(*last + 1),
            None => Ticket(0),
        };
        Self(Mutex::new(State { journal, words, next, mark, safe: true }))
    }

    /// Every word that is not struck out, oldest first.
    pub(crate) fn words(&self) -> Vec<(Ticket, LastWord)> {
        let read = |(ticket, frame): (&Ticket, &Vec<u8>)| match Record::read(frame)?.0 {
            Record::Kept(_, word) => Some((*ticket, word)),
            Record::Struck(_) => None,
        };
        self.state().words.iter().filter_map(read).collect()
    }

    /// Keeps a word.
    pub(crate) fn put(&self, word: &LastWord) -> Ticket {
        let mut state = self.state();
        let ticket = state.next;
        state.next = Ticket(ticket.0 + 1);
        let frame = record::kept(ticket, word);
        state.append(&frame);
        state.words.insert(ticket, frame);
        ticket
    }

    /// Strikes out a word that was heard.
    pub(crate) fn strike(&self, ticket: Ticket) {
        let mut state = self.state();
        if state.words.remove(&ticket).is_some() {
            state.append(&record::struck(ticket));
            state.tidy();
        }
    }

    /// The highest fence that was ever given here.
    pub(crate) fn known_fence(&self) -> Option<Fence> {
        self.state().mark.fence()
    }

    /// Notes that a lease was given with this fence.
    pub(crate) fn note_fence(&self, fence: Fence) {
        self.state().mark.raise(fence);
    }

    /// How many words are not struck out.
    pub(crate) fn depth(&self) -> usize {
        self.state().words.len()
    }

    /// Whether every word is written down.
    pub(crate) fn is_safe(&self) -> bool {
        self.state().safe
    }

    /// Brings everything written so far to the disk. Blocks.
    pub(crate) fn sync(&self) {
        let file = self.state().journal.as_ref().map(Journal::file);
        let synced = file.map_or(Ok(()), |file| file.and_then(|file| file.sync_data()));
        if let Err(error) = synced {
            self.state().fail(&error);
        }
    }

    /// Writes every word anew, if that is needed; whether all is well afterwards. Blocks.
    pub(crate) fn mend(&self) -> bool {
        let mut state = self.state();
        let State { journal: Some(journal), words, safe: safe @ false, .. } = &mut *state else {
            return true;
        };
        let kept: Vec<u8> = words.values().flatten().copied().collect();
        match journal.replace(&kept) {
            Ok(()) => {
                tracing::info!(words = words.len(), "the outbox is written again");
                *safe = true;
            }
            Err(error) => tracing::debug!(%error, "the outbox still cannot be written"),
        }
        *safe
    }

    /// Has the disk take nothing more, until it is mended.
    #[cfg(test)]
    pub(crate) fn fill(&self) {
        self.state().journal.as_mut().expect("a journal").fill();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nothing is appended to a journal that may lack something already: all of it is written anew.
    fn append(&mut self, frame: &[u8]) {
        if let (true, Some(journal)) = (self.safe, &mut self.journal)
            && let Err(error) = journal.append(frame)
        {
            self.fail(&error);
        }
    }

    fn tidy(&mut self) {
        if let (true, true, Some(journal)) = (self.safe, self.words.is_empty(), &mut self.journal)
            && journal.length() >= TIDY
            && let Err(error) = journal.clear()
        {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        if std::mem::take(&mut self.safe) {
            tracing::error!(%error, "the outbox cannot be written; no lease is taken until it can");
        }
    }
}

/// The words that a journal keeps.
fn read(bytes: &[u8]) -> BTreeMap<Ticket, Vec<u8>> {
    let mut words = BTreeMap::new();
    let (mut rest, mut skipped) = (bytes, 0_usize);
    while !rest.is_empty() {
        // After a torn record the next whole one is looked for byte by byte.
        let Some((record, length)) = Record::read(rest) else {
            rest = &rest[1..];
            skipped += 1;
            continue;
        };
        match record {
            Record::Kept(ticket, _) => drop(words.insert(ticket, rest[..length].to_vec())),
            Record::Struck(ticket) => drop(words.remove(&ticket)),
        }
        rest = &rest[length..];
    }
    if skipped > 0 {
        tracing::warn!(bytes = skipped, "the outbox holds what was torn by a crash; it is skipped");
    }
    words
}

#[cfg(test)]
mod tests;
