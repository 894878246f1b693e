//! How the view keeps up with the store.

use std::{convert::Infallible, time::Duration};

use tokio::{
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
    time::{Instant, sleep, sleep_until},
};

use super::View;
use crate::{
    policy::Moment,
    store::{Change, StoreError},
};

/// How long changes gather before the store is asked about them, once it was asked.
const PAUSE: Duration = Duration::from_millis(10);
/// How long, where anything may have changed.
const LONG_PAUSE: Duration = Duration::from_millis(50);
/// How long a store that did not answer is left alone.
const RETRY: Duration = Duration::from_millis(500);
/// How often all is looked at although nothing was heard, and reckoned anew, since the day goes on.
const ROUND: Duration = Duration::from_secs(10);

impl View {
    /// Keeps up with the store, for as long as this is polled.
    pub(crate) async fn follow(&self) -> Infallible {
        let mut changes = self.store.changes();
        let mut accounts = self.roster.changes();
        let mut round = Instant::now();
        let mut answered = true;
        loop {
            if Instant::now() >= round {
                round = Instant::now() + ROUND;
                self.begin_round();
            }
            let outcome = self.refresh().await;
            note(&outcome, &mut answered);
            if outcome.is_err() {
                sleep(RETRY).await;
                continue;
            }
            let asked = Instant::now();
            let mut pause = PAUSE;
            tokio::select! {
                change = changes.recv() => pause = self.hear(&changed(change)),
                Ok(()) = accounts.changed() => self.reload(),
                () = self.age() => {}
                () = sleep_until(round) => {}
            }
            pause = pause.max(self.hear_the_rest(&mut changes));
            sleep_until(asked + pause).await;
            self.hear_the_rest(&mut changes);
        }
    }

    fn begin_round(&self) {
        let mut board = self.board();
        let moment = Moment::of(board.now(&*self.clock));
        for field in board.fields_mut() {
            field.reckon(moment);
            field.mark_everything();
        }
    }

    /// Notes a change, and tells how long others may gather.
    fn hear(&self, change: &Change) -> Duration {
        self.board().note(change);
        if *change == Change::Everything { LONG_PAUSE } else { PAUSE }
    }

    fn hear_the_rest(&self, changes: &mut Receiver<Change>) -> Duration {
        let mut pause = Duration::ZERO;
        loop {
            match changes.try_recv() {
                Ok(change) => pause = pause.max(self.hear(&change)),
                Err(TryRecvError::Lagged(_)) => pause = pause.max(self.hear(&Change::Everything)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return pause,
            }
        }
    }

    /// Waits until time alone has changed something, and notes it.
    async fn age(&self) {
        let wait = {
            let board = self.board();
            let now = board.now(&*self.clock);
            board.fields().filter_map(|(_, field)| field.ages_at()).min().map(|moment| moment.since(now))
        };
        match wait {
            Some(wait) => sleep(wait).await,
            None => std::future::pending().await,
        }
        let mut board = self.board();
        let moment = Moment::of(board.now(&*self.clock));
        board.fields_mut().for_each(|field| field.age(moment));
    }
}

/// What was told, or that something was missed.
fn changed(told: Result<Change, RecvError>) -> Change {
    told.unwrap_or(Change::Everything)
}

/// One line when the store stops answering, and one when it answers again.
fn note(outcome: &Result<(), StoreError>, answered: &mut bool) {
    match outcome {
        Err(error) if *answered => tracing::warn!(%error, "the ledger does not tell how accounts stand"),
        Ok(()) if !*answered => tracing::info!("the ledger tells again how accounts stand"),
        _ => {}
    }
    *answered = outcome.is_ok();
}
