//! The store that lives and dies with its process: for tests, trials and single-process demonstrations.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement, Timestamp,
    lease::{Closing, Renewal},
};

use tokio::sync::broadcast;

use super::{Acquisition, Candidate, Change, Store, StoreError, Survey, Wish, feed::Feed, ledger::Ledger};

/// A ledger under one lock.
pub(crate) struct MemoryStore {
    ledger: Mutex<Ledger>,
    feed: Feed,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty ledger that tells time by `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { ledger: Mutex::new(Ledger::new(clock.now())), feed: Feed::new(), clock }
    }

    fn perform<T>(&self, operation: impl FnOnce(&mut Ledger, Timestamp) -> T) -> Result<T, StoreError> {
        // A ledger that panicked halfway may hold half an operation: from then on it answers no more.
        let mut ledger = self.ledger.lock().map_err(|_: PoisonError<_>| StoreError::Closed)?;
        let result = operation(&mut ledger, self.clock.now());
        self.feed.tell(&ledger.take_changes());
        Ok(result)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        self.perform(|ledger, now| ledger.acquire(now, wish))
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        self.perform(|ledger, now| ledger.renew(now, id, fence))
    }

    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError> {
        self.perform(|ledger, now| ledger.settle(now, id, fence, settlement))
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        self.perform(|ledger, now| ledger.release(now, id, fence))
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.perform(Ledger::expire)
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        self.perform(|ledger, now| ledger.standing(now, candidates))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}
