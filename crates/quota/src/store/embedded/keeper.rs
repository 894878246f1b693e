//! The one that keeps the files: it makes safe what callers wait for, and puts the journal in the tables.

use std::sync::Arc;

use domain::Clock;

use super::{
    book::{Book, Call},
    files::{Files, carry_over},
    journal::missing,
    tables::Tables,
};
use crate::store::StoreError;

/// Keeps the files of a book, on a thread of its own.
///
/// When a write or a sync fails, nobody knows whether it took place. The callers get the error, and the ledger is
/// dropped and read from the files again before anything else is done: it never holds what they do not.
pub(super) struct Keeper<O> {
    book: Arc<Book>,
    open: O,
    clock: Arc<dyn Clock>,
    tables: Option<Tables>,
}

impl<O: FnMut() -> Result<Files, StoreError>> Keeper<O> {
    /// A keeper that opens its files with `open`, when it needs them.
    pub(super) fn new(book: Arc<Book>, open: O, clock: Arc<dyn Clock>) -> Self {
        Self { book, open, clock, tables: None }
    }

    /// Works until nobody can call any more, and leaves everything in the tables.
    pub(super) fn run(mut self) {
        while let Ok(Some(call)) = self.book.next_call() {
            self.answer(call);
        }
        if let Err(error) = self.put_away(true) {
            tracing::warn!(%error, "the ledger's journal was not put in its tables; it will be when it is opened");
        }
    }

    fn answer(&mut self, Call { waiting, looking, unsynced }: Call) {
        let outcome = match unsynced {
            Some((volume, last)) => volume.sync().and_then(|()| self.book.note_synced(last)),
            None => self.read(),
        };
        if let Err(error) = &outcome {
            self.book.give_up(error);
        }
        for waiter in waiting {
            waiter.tell(outcome.clone());
        }
        let outcome = outcome.and_then(|()| {
            self.put_away(!looking.is_empty()).inspect_err(|error| {
                tracing::error!(%error, "the ledger's journal could not be put in its tables");
                self.book.give_up(error);
            })
        });
        for look in looking {
            let tables = self.tables.as_ref().ok_or(StoreError::Closed);
            look.tell(outcome.clone().and(tables).and_then(Tables::snapshot));
        }
    }

    fn read(&mut self) -> Result<(), StoreError> {
        self.tables = None; // else its lock would keep us out ourselves
        let (tables, journal, ledger) = (self.open)()?.read(self.clock.now())?;
        self.tables = Some(tables);
        self.book.open(ledger, journal)
    }

    /// Puts a volume of the journal in the tables, where it is full or `any_length` will do.
    fn put_away(&self, any_length: bool) -> Result<(), StoreError> {
        let Some(tables) = &self.tables else { return Ok(()) };
        let Some((volume, last)) = self.book.turn(any_length)? else { return Ok(()) };
        let applied = carry_over(tables, &[&volume])?;
        if applied < last {
            return Err(missing(applied + 1));
        }
        self.book.note_synced(last)?;
        self.book.take_back(volume)
    }
}

impl<O> Drop for Keeper<O> {
    fn drop(&mut self) {
        self.book.end();
    }
}
