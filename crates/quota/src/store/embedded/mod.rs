//! The store in one file: every acknowledged grant survives a killed process and a power cut.
//!
//! One thread owns the ledger and the file. It applies the operations that have come together, writes all that
//! they changed in one durable transaction, and only then answers them, so that callers share the cost of a
//! commit. Only a closing is answered before it is written: should it be lost in that moment, its lease runs out
//! its term instead, and nothing is refunded. The file is locked: a second process is refused.

mod record;
mod tables;
mod writer;

use std::{path::PathBuf, sync::Arc, thread::JoinHandle};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement, Timestamp,
    lease::{Closing, Renewal},
};
use tokio::sync::{broadcast, mpsc, oneshot};

use self::{
    tables::Tables,
    writer::{Job, Operation, Writer},
};
use super::{Acquisition, Candidate, Change, Store, StoreError, Survey, Wish, feed::Feed, ledger::Ledger};

/// How many operations may wait for the writer; more wait to be let in.
const WAITING: usize = 1_024;

/// The handle of a ledger in a file. Dropping it waits until the last operation is written.
pub(crate) struct EmbeddedStore {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Option<JoinHandle<()>>,
    feed: Feed,
}

impl EmbeddedStore {
    /// Opens the ledger in this file, or begins one there. It tells time by `clock`.
    pub(crate) async fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(WAITING);
        let (ready, opened) = oneshot::channel();
        let feed = Feed::new();
        let told = feed.clone();
        let run = move || {
            let mut writer = Writer::new(move || Tables::open(&path), clock, told);
            let outcome = writer.ensure_open();
            let usable = outcome.is_ok();
            if ready.send(outcome).is_ok() && usable {
                writer.run(queue);
            }
        };
        let thread = std::thread::Builder::new().name("ledger".into()).spawn(run);
        let writer = thread.map_err(|error| failed("start its writer", &error))?;
        opened.await.map_err(|_| StoreError::Closed)??;
        Ok(Self { jobs: Some(jobs), writer: Some(writer), feed })
    }

    async fn perform<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Ledger, Timestamp) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Operation::lasting(operation);
        self.queue(job, answer).await
    }

    async fn perform_at_once<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Ledger, Timestamp) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = Operation::prompt(operation);
        self.queue(job, answer).await
    }

    async fn queue<T>(
        &self,
        job: Box<dyn Job>,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told its callers already: their answers never came.
            writer.join().unwrap_or_else(|_| tracing::error!("the ledger's writer panicked"));
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        let wish = wish.clone();
        self.perform(move |ledger, now| ledger.acquire(now, &wish)).await
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        let id = id.clone();
        self.perform(move |ledger, now| ledger.renew(now, &id, fence)).await
    }

    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError> {
        let (id, settlement) = (id.clone(), settlement.clone());
        self.perform_at_once(move |ledger, now| ledger.settle(now, &id, fence, &settlement)).await
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        let id = id.clone();
        self.perform_at_once(move |ledger, now| ledger.release(now, &id, fence)).await
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.perform(Ledger::expire).await
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        let candidates = candidates.to_vec();
        self.perform_at_once(move |ledger, now| ledger.standing(now, &candidates)).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}

/// An operation on the file that failed.
fn failed(action: &'static str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed { action, reason: reason.to_string() }
}
