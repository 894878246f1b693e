//! The one that writes: it applies operations in batches and answers them once they are durable.

use std::sync::Arc;

use domain::{Clock, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::tables::Tables;
use crate::store::{StoreError, feed::Feed, ledger::Ledger};

/// The most operations that share a commit.
const BATCH: usize = 256;

/// One operation on its way.
pub(super) trait Job: Send {
    /// Performs it. It is not answered yet, unless it does not wait for durability.
    fn apply(&mut self, ledger: &mut Ledger, now: Timestamp);
    /// Answers it, now that its batch is durable, or never will be.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// An operation, what it came to, and who waits for that.
pub(super) struct Operation<F, T> {
    perform: Option<F>,
    result: Option<T>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
    /// Whether it is answered only once durable.
    lasting: bool,
}

type Queued<T> = (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>);

impl<F, T> Operation<F, T>
where
    F: FnOnce(&mut Ledger, Timestamp) -> T + Send + 'static,
    T: Send + 'static,
{
    /// An operation that is answered once all it saw and wrote is durable.
    pub(super) fn lasting(perform: F) -> Queued<T> {
        Self::queued(perform, true)
    }

    /// One that is answered as soon as it took place, and is durable a moment later if it wrote anything.
    pub(super) fn prompt(perform: F) -> Queued<T> {
        Self::queued(perform, false)
    }

    fn queued(perform: F, lasting: bool) -> Queued<T> {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { perform: Some(perform), result: None, reply: Some(reply), lasting }), answer)
    }
}

impl<F, T> Job for Operation<F, T>
where
    F: FnOnce(&mut Ledger, Timestamp) -> T + Send,
    T: Send,
{
    fn apply(&mut self, ledger: &mut Ledger, now: Timestamp) {
        let Some(perform) = self.perform.take() else { return };
        let result = perform(ledger, now);
        if self.lasting {
            self.result = Some(result);
        } else if let Some(reply) = self.reply.take() {
            let _gone = reply.send(Ok(result));
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, reply: Some(reply), .. } = *self else { return };
        let answer = committed.and_then(|()| result.ok_or(StoreError::Closed));
        // Whoever asked may have gone: what was written stays, and the same question gets the same answer.
        let _gone = reply.send(answer);
    }
}

/// The owner of the ledger and its file.
///
/// When a commit fails, nobody knows whether it took place. The callers get the error, and the ledger is dropped
/// and read from the file again before anything else is done: it never holds what the file does not.
pub(super) struct Writer<O> {
    open: O,
    clock: Arc<dyn Clock>,
    feed: Feed,
    opened: Option<(Tables, Ledger)>,
}

impl<O: FnMut() -> Result<Tables, StoreError>> Writer<O> {
    /// A writer that opens its tables with `open`, when it needs them.
    pub(super) fn new(open: O, clock: Arc<dyn Clock>, feed: Feed) -> Self {
        Self { open, clock, feed, opened: None }
    }

    /// Opens the tables and reads the ledger, unless it has them.
    pub(super) fn ensure_open(&mut self) -> Result<(), StoreError> {
        self.opened().map(|_| ())
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.blocking_recv() {
            let rest = std::iter::from_fn(|| jobs.try_recv().ok());
            let batch: Vec<_> = std::iter::once(first).chain(rest).take(BATCH).collect();
            self.work(batch);
        }
    }

    fn work(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let outcome = self.perform(&mut batch);
        if outcome.is_err() {
            self.opened = None;
        }
        for job in batch {
            job.answer(outcome.clone());
        }
    }

    fn perform(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let clock = Arc::clone(&self.clock);
        let (tables, ledger) = self.opened()?;
        for job in batch {
            job.apply(ledger, clock.now());
        }
        let changes = ledger.take_changes();
        if changes.is_empty() {
            return Ok(());
        }
        tables.save(ledger, &changes)?;
        self.feed.tell(&changes);
        Ok(())
    }

    fn opened(&mut self) -> Result<&mut (Tables, Ledger), StoreError> {
        if self.opened.is_none() {
            let tables = (self.open)()?;
            let ledger = tables.load(self.clock.now())?;
            self.opened = Some((tables, ledger));
        }
        self.opened.as_mut().ok_or(StoreError::Closed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use domain::{
        AccountId, Client, ClientId, Fence, LeaseId, Limits, ManualClock, ProjectId, Provider, QuotaDomain,
        RequestId, Resolution, catalog::Rate, lease::Renewal,
    };
    use redb::{StorageBackend, backends::InMemoryBackend};

    use super::*;
    use crate::store::{Acquisition, Candidate, Wish};

    /// A medium that counts its syncs and fails when told to; what it holds outlives whoever opened it.
    #[derive(Debug, Clone, Default)]
    struct Medium(Arc<(InMemoryBackend, AtomicUsize, AtomicBool)>);

    impl Medium {
        fn syncs(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }

        fn fail(&self, fail: bool) {
            self.0.2.store(fail, Ordering::SeqCst);
        }

        fn writer(&self) -> Writer<impl FnMut() -> Result<Tables, StoreError> + use<>> {
            let medium = self.clone();
            let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
            Writer::new(move || Tables::on(medium.clone()), Arc::new(clock), Feed::new())
        }
    }

    impl StorageBackend for Medium {
        fn len(&self) -> std::io::Result<u64> {
            self.0.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
            self.0.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> std::io::Result<()> {
            self.0.0.set_len(len)
        }
        fn sync_data(&self) -> std::io::Result<()> {
            self.0.1.fetch_add(1, Ordering::SeqCst);
            self.0.0.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
            if self.0.2.load(Ordering::SeqCst) {
                return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
            }
            self.0.0.write(offset, data)
        }
    }

    fn id(number: usize) -> LeaseId {
        LeaseId::new(format!("r/{number}/0")).unwrap()
    }

    fn acquire(number: usize) -> Queued<Acquisition> {
        let domain = QuotaDomain {
            provider: Provider::Gemini,
            project: ProjectId::new("p").unwrap(),
            model: "m".into(),
        };
        let account = AccountId::new("a").unwrap();
        let candidate = Candidate { account, domain, limits: Limits::new(100, 100, 100, 100) };
        let wish = Wish {
            ids: vec![id(number)],
            candidates: vec![candidate],
            request: RequestId::new("r").unwrap(),
            client: Client::unlimited(ClientId::new("studio").unwrap()),
            rate: Rate { resolution: Resolution::K1, tokens: 1120, price_micro_usd: 134_000 },
        };
        Operation::lasting(move |ledger, now| ledger.acquire(now, &wish))
    }

    fn granted(answer: &mut oneshot::Receiver<Result<Acquisition, StoreError>>) -> Fence {
        match answer.try_recv().unwrap() {
            Ok(Acquisition::Granted { leases, .. }) => leases[0].fence,
            other => panic!("expected a grant, got {other:?}"),
        }
    }

    #[test]
    fn callers_that_come_together_share_a_commit() {
        let medium = Medium::default();
        let mut writer = medium.writer();
        writer.ensure_open().unwrap();
        let mut syncs_of = |callers: std::ops::Range<usize>| {
            let before = medium.syncs();
            let (jobs, mut answers): (Vec<_>, Vec<_>) = callers.map(acquire).unzip();
            writer.work(jobs);
            assert!(answers.iter_mut().all(|answer| granted(answer) > Fence(0)));
            medium.syncs() - before
        };
        assert_eq!(syncs_of(0..1), syncs_of(1..33));
    }

    #[test]
    fn a_grant_that_was_not_persisted_is_not_kept_and_the_next_one_works() {
        let medium = Medium::default();
        let mut writer = medium.writer();
        let (job, mut first) = acquire(0);
        writer.work(vec![job]);
        let first = granted(&mut first);

        medium.fail(true);
        let (job, mut lost) = acquire(1);
        writer.work(vec![job]);
        assert!(matches!(lost.try_recv().unwrap(), Err(StoreError::Failed { .. })));
        let (job, mut lost) = acquire(2);
        writer.work(vec![job]);
        assert!(matches!(lost.try_recv().unwrap(), Err(StoreError::Failed { .. })));

        medium.fail(false);
        let (job, mut next) = acquire(3);
        writer.work(vec![job]);
        assert!(granted(&mut next) > first);
        let (_, ledger) = writer.opened().unwrap();
        let now = ledger.now();
        assert!(matches!(ledger.renew(now, &id(0), first), Renewal::Active { .. }));
        assert!(ledger.lease(&id(1)).is_none());
        assert!(ledger.lease(&id(2)).is_none());
    }
}
