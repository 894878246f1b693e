//! The store that lives and dies with its process: for tests, trials and single-process demonstrations. What callers
//! remember of one before does not matter to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement, Timestamp, UsageFilter, UsageTotal,
    lease::{Closing, Renewal},
};

use tokio::sync::broadcast;

use super::{
    Acquisition, Candidate, Change, Store, StoreError, Survey, UsageCursor, UsagePage, Wish, feed::Feed,
    ledger::Ledger, usage::UsageLog,
};

/// A ledger under one lock.
pub(crate) struct MemoryStore {
    ledger: Mutex<(Ledger, UsageLog)>,
    feed: Feed,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty ledger that tells time by `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { ledger: Mutex::new((Ledger::new(clock.now()), UsageLog::default())), feed: Feed::new(), clock }
    }

    fn perform<T>(&self, operation: impl FnOnce(&mut Ledger, Timestamp) -> T) -> Result<T, StoreError> {
        let mut kept = self.kept()?;
        let (ledger, log) = &mut *kept;
        let result = operation(ledger, self.clock.now());
        let changes = ledger.take_changes();
        self.feed.tell(&changes);
        changes.usage.into_iter().for_each(|record| log.append(record));
        Ok(result)
    }

    // A ledger that panicked halfway may hold half an operation: from then on it answers no more.
    fn kept(&self) -> Result<MutexGuard<'_, (Ledger, UsageLog)>, StoreError> {
        self.ledger.lock().map_err(|_: PoisonError<_>| StoreError::Closed)
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

    async fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        Ok(self.kept()?.1.page(filter, from, limit))
    }

    async fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        Ok(self.kept()?.1.totals(filter))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}
