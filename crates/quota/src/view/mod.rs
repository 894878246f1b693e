//! How every account stands, kept in memory, so that an acquire ranks without asking the store.
//!
//! The store tells what changed, and only that is asked about again; what time alone changes is asked about when its
//! time has come. The store checks everything itself when it grants: a view that is out of date costs a second try,
//! never quota.

mod board;
mod choice;
mod due;
mod field;
mod follow;
mod order;
mod place;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Catalog, Clock, Lease, Timestamp};
use tokio::{
    sync::{self, watch},
    time::Instant,
};

use self::board::Board;
pub(crate) use self::{choice::Choice, place::Member};
use crate::{
    chance::Chance,
    policy::{Moment, Wish},
    roster::Roster,
    store::{Candidate, Store, StoreError},
};

/// The most candidates that one question to the store is about: it holds up others meanwhile.
const QUESTION: usize = 100;
/// How old a look at all accounts of a model may be for a refusal to rest on it.
const AGE: Duration = Duration::from_millis(250);

/// Every account's standing with every model.
pub(crate) struct View {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    catalog: Arc<Catalog>,
    roster: Arc<Roster>,
    board: Mutex<Board>,
    /// One refresh at a time.
    refreshing: sync::Mutex<Surveys>,
    /// The latest revision of the board.
    revised: watch::Sender<u64>,
}

/// When each model was wholly looked at.
type Surveys = std::collections::HashMap<String, Instant>;

impl View {
    /// A view of the accounts of this roster, whichever are in force at the time, with no idea yet how they stand.
    pub(crate) fn new(
        roster: Arc<Roster>,
        catalog: Arc<Catalog>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Self {
        let known = roster.current();
        let board = Mutex::new(Board::new(known, &catalog, clock.now()));
        let (refreshing, revised) = (sync::Mutex::default(), watch::Sender::new(0));
        Self { store, clock, chance, catalog, roster, board, refreshing, revised }
    }

    /// The candidates for a wish, as far as is known. Only what was never asked about is asked first.
    pub(crate) async fn choose(&self, model: &str, wish: Wish<'_>) -> Result<Choice, StoreError> {
        self.reload();
        if self.board().field(model).is_some_and(|field| field.is_unknown()) {
            self.refresh().await?;
        }
        let mut board = self.board();
        let moment = Moment::of(board.now(&*self.clock));
        Ok(board.field(model).map(|field| field.choose(wish, moment, &*self.chance)).unwrap_or_default())
    }

    /// Counts leases that were just granted, until the store tells of them itself.
    pub(crate) fn charge(&self, leases: &[Lease]) {
        let Some(model) = leases.first().map(|lease| lease.domain.model.clone()) else { return };
        let mut board = self.board();
        let moment = Moment::of(board.now(&*self.clock));
        if let Some(field) = board.field(&model) {
            field.charge(leases, moment);
        }
    }

    /// Asks the store how these candidates of a model stand.
    pub(crate) async fn ask(&self, model: &str, candidates: &[Candidate]) -> Result<(), StoreError> {
        let survey = self.store.standing(candidates).await?;
        let news = self.board().tell(model, candidates, &survey, &*self.clock);
        self.publish(news);
        Ok(())
    }

    /// Asks the store about every account of a model, unless that was done a moment ago.
    pub(crate) async fn survey(&self, model: &str) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut surveys = self.refreshing.lock().await;
        if surveys.get(model).is_some_and(|last| asked < *last + AGE) {
            return Ok(());
        }
        if let Some(field) = self.board().field(model) {
            field.mark_everything();
        }
        let began = Instant::now();
        self.ask_what_is_due().await?;
        surveys.insert(model.to_owned(), began);
        Ok(())
    }

    /// Whether there seems to be room for so many leases.
    pub(crate) fn has_room(&self, model: &str, leases: u32) -> bool {
        let mut board = self.board();
        let moment = Moment::of(board.now(&*self.clock));
        board.field(model).is_some_and(|field| field.has_room(leases, moment))
    }

    /// How long until a place that has no room will have some.
    pub(crate) fn opens_in(&self, model: &str) -> Option<Duration> {
        let mut board = self.board();
        let now = board.now(&*self.clock);
        board.field(model)?.opens_at().map(|moment| moment.since(now))
    }

    /// How many leases of a model can be granted in an hour, where each call takes `usual`.
    pub(crate) fn an_hour(&self, model: &str, usual: Duration) -> u64 {
        let mut board = self.board();
        let now = board.now(&*self.clock);
        board.field(model).map_or(0, |field| field.an_hour(usual, now))
    }

    /// Asks about every account that was never asked about.
    pub(crate) async fn know(&self) -> Result<(), StoreError> {
        self.reload();
        if self.board().fields().any(|(_, field)| field.is_unknown()) { self.refresh().await } else { Ok(()) }
    }

    /// Reads what is known, and what time it is at the store.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Board, Timestamp) -> T) -> T {
        let board = self.board();
        read(&board, board.now(&*self.clock))
    }

    /// Tells the latest revision, and every new one.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.revised.subscribe()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing in here panics halfway; a view is only a view in any case.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks about what is due.
    async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.refreshing.lock().await;
        self.ask_what_is_due().await
    }

    async fn ask_what_is_due(&self) -> Result<(), StoreError> {
        loop {
            let Some(question) = self.board().question(QUESTION) else { return Ok(()) };
            let survey = self.store.standing(&question.candidates).await?;
            let news = self.board().answer(&question, &survey, &*self.clock);
            self.publish(news);
        }
    }

    /// Takes over the accounts that the operator has now.
    fn reload(&self) {
        let in_force = self.roster.current();
        let mut board = self.board();
        let now = board.now(&*self.clock);
        let others = board.replace(&in_force, &self.catalog, now);
        drop(board);
        self.publish(others);
    }

    fn publish(&self, news: bool) {
        if news {
            let revision = self.board().revision;
            self.revised.send_if_modified(|latest| std::mem::replace(latest, revision) != revision);
        }
    }
}
