//! The ledger and its journal under one lock, where every operation takes place in its caller's own task.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use domain::{Clock, Timestamp};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{
    journal::{Journal, Volume},
    step::Step,
    usage::Snapshot,
};
use crate::store::{Change, StoreError, feed::Feed, ledger::Ledger};

/// When an operation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Once all that it saw and wrote is safe from a power cut.
    Lasting,
    /// As soon as it took place. What it wrote survives the process already, and a power cut a little later.
    Prompt,
}

/// The book that every operation is written in.
pub(super) struct Book {
    state: Mutex<State>,
    called: Condvar,
    clock: Arc<dyn Clock>,
    feed: Feed,
}

struct State {
    /// Or why there is none: before it was read, and after a failure, when nobody knows what the files hold. Then
    /// it is read from them before anything else is done.
    open: Result<Open, StoreError>,
    /// Who waits for a sync; or for the ledger, where there is none.
    waiting: Vec<Waiter>,
    /// Who wants to look into the tables.
    looking: Vec<Waiter<Snapshot>>,
    closing: bool,
    /// Whether the keeper is gone.
    closed: bool,
}

struct Open {
    ledger: Ledger,
    journal: Journal,
}

/// One who waits for the keeper.
pub(super) struct Waiter<T = ()>(oneshot::Sender<Result<T, StoreError>>);

impl<T> Waiter<T> {
    /// Tells what it came to. Whoever asked may have gone: what was written stays, and the same question gets the
    /// same answer.
    pub(super) fn tell(self, outcome: Result<T, StoreError>) {
        let _gone = self.0.send(outcome);
    }
}

/// What may have to be awaited.
struct Wait(Option<oneshot::Receiver<Result<(), StoreError>>>);

impl Wait {
    async fn over(self) -> Result<(), StoreError> {
        match self.0 {
            Some(answer) => answer.await.map_err(|_| StoreError::Closed)?,
            None => Ok(()),
        }
    }
}

impl Book {
    /// A book whose ledger is to be read yet. It tells time by `clock`, and its changes to `feed`.
    pub(super) fn new(clock: Arc<dyn Clock>, feed: Feed) -> Self {
        let open = Err(StoreError::Closed);
        let state = State { open, waiting: Vec::new(), looking: Vec::new(), closing: false, closed: false };
        Self { state: Mutex::new(state), called: Condvar::new(), clock, feed }
    }

    /// Performs an operation, and waits for the keeper where its answer has to.
    pub(super) async fn perform<T>(
        &self,
        answer: Answer,
        operation: impl FnOnce(&mut Ledger, Timestamp) -> T + Send,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        let (result, wait) = self.write(answer, operation)?;
        wait.over().await?;
        Ok(result)
    }

    /// Waits for the ledger, where there is none.
    pub(super) async fn opened(&self) -> Result<(), StoreError> {
        self.wait_for_ledger()?.over().await
    }

    /// Looks into the tables as they are once they hold all that was written by now. Meanwhile the keeper goes on.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        let (waiter, answer) = oneshot::channel();
        self.lock()?.looking.push(Waiter(waiter));
        self.called.notify_one();
        let snapshot = answer.await.map_err(|_| StoreError::Closed)??;
        spawn_blocking(move || look(&snapshot)).await.map_err(|_| StoreError::Closed)?
    }

    fn wait_for_ledger(&self) -> Result<Wait, StoreError> {
        let mut state = self.lock()?;
        Ok(if state.open.is_ok() { Wait(None) } else { self.wait(&mut state) })
    }

    fn write<T>(
        &self,
        answer: Answer,
        operation: impl FnOnce(&mut Ledger, Timestamp) -> T,
    ) -> Result<(T, Wait), StoreError> {
        let mut state = self.lock()?;
        let Open { ledger, journal } = state.open.as_mut().map_err(|why| why.clone())?;
        let result = operation(ledger, self.clock.now());
        let changes = ledger.take_changes();
        if !changes.is_empty() {
            if let Err(error) = journal.append(&Step::of(ledger, &changes).write()) {
                self.lose(&mut state, &error);
                return Err(error);
            }
            self.feed.tell(&changes);
        }
        let waits = answer == Answer::Lasting && !journal.is_synced();
        Ok((result, if waits { self.wait(&mut state) } else { Wait(None) }))
    }

    fn wait(&self, state: &mut State) -> Wait {
        let (waiter, answer) = oneshot::channel();
        state.waiting.push(Waiter(waiter));
        self.called.notify_one();
        Wait(Some(answer))
    }

    fn lose(&self, state: &mut State, why: &StoreError) {
        state.open = Err(why.clone());
        for waiter in state.waiting.drain(..) {
            waiter.tell(Err(why.clone()));
        }
        for looking in state.looking.drain(..) {
            looking.tell(Err(why.clone()));
        }
        self.feed.send(Change::Everything);
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        // A ledger that panicked halfway may hold half an operation: from then on it answers no more.
        let state = self.state.lock().map_err(|_: PoisonError<_>| StoreError::Closed)?;
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }
}

/// What the keeper is called for.
pub(super) struct Call {
    /// Who waits.
    pub(super) waiting: Vec<Waiter>,
    /// Who wants to look into the tables.
    pub(super) looking: Vec<Waiter<Snapshot>>,
    /// The volume to be synced, and the number of its last line; nothing where the ledger is to be read.
    pub(super) unsynced: Option<(Arc<Volume>, u64)>,
}

/// What the keeper does with it.
impl Book {
    /// Waits for a call; there is none any more once the book is being closed and nobody waits.
    pub(super) fn next_call(&self) -> Result<Option<Call>, StoreError> {
        let mut state = self.lock()?;
        while state.waiting.is_empty() && state.looking.is_empty() && !state.closing {
            state = self.called.wait(state).map_err(|_: PoisonError<_>| StoreError::Closed)?;
        }
        let waiting = std::mem::take(&mut state.waiting);
        let looking = std::mem::take(&mut state.looking);
        let is_call = !(waiting.is_empty() && looking.is_empty());
        let open = state.open.as_ref().ok();
        let unsynced = open.map(|open| (open.journal.open_volume(), open.journal.written()));
        Ok(is_call.then_some(Call { waiting, looking, unsynced }))
    }

    /// Opens it at a ledger that was read.
    pub(super) fn open(&self, ledger: Ledger, journal: Journal) -> Result<(), StoreError> {
        self.lock()?.open = Ok(Open { ledger, journal });
        Ok(())
    }

    /// Notes that the lines up to this number are safe from a power cut.
    pub(super) fn note_synced(&self, number: u64) -> Result<(), StoreError> {
        self.with_journal(|journal| journal.note_synced(number))
    }

    /// Begins the other volume of the journal, where the first is full or `any_length` will do; and hands out the first,
    /// with the number of its last line.
    pub(super) fn turn(&self, any_length: bool) -> Result<Option<(Arc<Volume>, u64)>, StoreError> {
        self.with_journal(|journal| if any_length || journal.is_full() { journal.turn() } else { None })
    }

    /// Takes back a volume of the journal whose lines are in the tables.
    pub(super) fn take_back(&self, volume: Arc<Volume>) -> Result<(), StoreError> {
        self.with_journal(|journal| journal.take_back(volume))
    }

    fn with_journal<T>(&self, change: impl FnOnce(&mut Journal) -> T) -> Result<T, StoreError> {
        let mut state = self.lock()?;
        state.open.as_mut().map(|open| change(&mut open.journal)).map_err(|why| why.clone())
    }

    /// Gives up the ledger after a failure: what is in memory may not be what the files hold.
    pub(super) fn give_up(&self, why: &StoreError) {
        if let Ok(mut state) = self.lock() {
            self.lose(&mut state, why);
        }
    }

    /// Lets the keeper go once nobody waits.
    pub(super) fn close(&self) {
        if let Ok(mut state) = self.lock() {
            state.closing = true;
        }
        self.called.notify_one();
    }

    /// Answers no more, now that nobody keeps it.
    pub(super) fn end(&self) {
        if let Ok(mut state) = self.lock() {
            state.closed = true;
            state.waiting.clear();
            state.looking.clear();
        }
    }
}
