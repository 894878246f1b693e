//! The store in a file: every acknowledged grant survives a killed process and a power cut.
//!
//! An operation takes place in its caller's own task, under one lock, and what it changed is at once appended to a
//! journal beside the file: from then on it survives the process. A thread of its own keeps the files. It syncs the
//! journal for those who may be answered only once a power cut cannot undo what they learn, all that have come
//! together at one cost; and when the journal has grown a little, it puts its records in the tables of the file.
//!
//! Only a closing is answered before it is synced, which happens with the next grant or the next round of expiry:
//! should a power cut undo it, its lease runs out its term instead, and nothing is refunded. The file is locked: a
//! second process is refused.
//!
//! A file that was lost, or went back to an older copy, is found out by callers that hold what it never gave.

mod book;
mod files;
mod journal;
mod keeper;
mod record;
mod step;
mod tables;
mod usage;

use std::{
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement, UsageFilter, UsageTotal,
    lease::{Closing, Renewal},
};
use tokio::sync::broadcast;

use self::{
    book::{Answer, Book},
    files::Files,
    keeper::Keeper,
};
use super::{
    Acquisition, Candidate, Change, Store, StoreError, Survey, UsageCursor, UsagePage, Wish, feed::Feed,
    ledger::Ledger,
};

/// The handle of a ledger in a file. Dropping it waits until everything is in the file's tables.
pub(crate) struct EmbeddedStore {
    book: Arc<Book>,
    keeper: Option<JoinHandle<()>>,
    feed: Feed,
}

impl EmbeddedStore {
    /// Opens the ledger in this file, or begins one there. It tells time by `clock`.
    pub(crate) async fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::kept(move || Files::open(&path), clock).await
    }

    async fn kept(
        open: impl FnMut() -> Result<Files, StoreError> + Send + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let feed = Feed::new();
        let book = Arc::new(Book::new(Arc::clone(&clock), feed.clone()));
        let keeper = Keeper::new(Arc::clone(&book), open, clock);
        let keeper = thread::Builder::new().name("ledger".into()).spawn(move || keeper.run());
        let keeper = keeper.map_err(|error| failed("start its keeper", &error))?;
        let store = Self { book, keeper: Some(keeper), feed };
        store.book.opened().await?;
        Ok(store)
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.book.close();
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has told its callers already: their answers never came.
            keeper.join().unwrap_or_else(|_| tracing::error!("the ledger's keeper panicked"));
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        let answer = |ledger: &mut Ledger, now| match ledger.learns_for(now, wish.known_fence) {
            Some(retry_after) => Err(StoreError::Learning { retry_after }),
            None => Ok(ledger.acquire(now, wish)),
        };
        self.book.perform(Answer::Lasting, answer).await?
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        self.book.perform(Answer::Lasting, |ledger, now| ledger.renew(now, id, fence)).await
    }

    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError> {
        self.book.perform(Answer::Prompt, |ledger, now| ledger.settle(now, id, fence, settlement)).await
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        self.book.perform(Answer::Prompt, |ledger, now| ledger.release(now, id, fence)).await
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.book.perform(Answer::Lasting, Ledger::expire).await
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        self.book.perform(Answer::Prompt, |ledger, now| ledger.standing(now, candidates)).await
    }

    async fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        let (filter, from) = (filter.clone(), from.cloned());
        self.book.look(move |snapshot| snapshot.usage(&filter, from.as_ref(), limit)).await
    }

    async fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        let filter = filter.clone();
        self.book.look(move |snapshot| snapshot.totals(&filter)).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}

/// An operation on the file that failed.
fn failed(action: &'static str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed { action, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
