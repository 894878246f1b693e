//! How accounts stand, for every browser that looks: one subscription at the ledger, however many they are.

mod board;
mod pace;
mod row;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::response::Response;
use bytes::Bytes;
use domain::{Clock, standing::StandingsEvent};
use proto::{
    failure_of,
    transport::Channel,
    v1::{self, WatchStandingsRequest, standings_client::StandingsClient},
};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tonic::Streaming;

use self::{
    board::Board,
    row::{Change, Row},
};
use super::{
    feed::{self, Feed},
    refusals::Refusals,
};

/// How long to wait before a ledger that went away is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the pace of those that stand still is reckoned anew.
const RECKON: Duration = Duration::from_secs(30);

/// What the ledger told, and who is to be told of it.
pub(crate) struct Hub {
    board: Mutex<Board>,
    feed: Feed,
    refusals: Arc<Refusals>,
    clock: Arc<dyn Clock>,
}

/// Everything.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    /// The ledger's moment, in milliseconds; all others relate to it.
    now: u64,
    /// Why nothing is told at present; absent while the ledger tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<&'a str>,
    rows: Vec<&'a Row>,
}

/// What is new.
#[derive(Debug, Serialize)]
struct News<'a> {
    now: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<&'a Row>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changes: &'a [Change],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    gone: &'a [u32],
}

#[derive(Debug, Serialize)]
struct Away<'a> {
    away: &'a str,
}

impl Hub {
    /// A hub that was told nothing yet, and takes from there what providers say.
    pub(crate) fn new(clock: Arc<dyn Clock>, refusals: Arc<Refusals>) -> Self {
        Self { board: Mutex::new(Board::new()), feed: Feed::new(), refusals, clock }
    }

    /// The answer to a browser that follows until `over`.
    pub(crate) fn follow(self: &Arc<Self>, over: impl Future<Output = ()> + Send + 'static) -> Response {
        let hub = Arc::clone(self);
        self.feed.follow(move || hub.whole(), over)
    }

    /// Keeps up with the ledger, for ever.
    pub(crate) async fn keep_up(&self, ledger: Channel) {
        let mut ledger = StandingsClient::new(ledger).max_decoding_message_size(proto::limits::MESSAGE);
        loop {
            let status = match ledger.watch(WatchStandingsRequest {}).await {
                Ok(events) => self.listen(events.into_inner()).await,
                Err(status) => Some(status),
            };
            let why = status
                .map_or_else(|| "the ledger went away".to_owned(), |status| failure_of(&status).message);
            self.lose(&why);
            sleep(AGAIN).await;
        }
    }

    /// Listens until the ledger says no more; answers why, where it says so.
    async fn listen(&self, mut events: Streaming<v1::StandingsEvent>) -> Option<tonic::Status> {
        let mut said = self.refusals.news();
        let mut reckon = interval(RECKON);
        reckon.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.message() => match event {
                    Ok(Some(event)) => match StandingsEvent::try_from(event) {
                        Ok(event) => self.take(&event),
                        Err(failure) => tracing::warn!(%failure, "the ledger told what makes no sense"),
                    },
                    Ok(None) => return None,
                    Err(status) => return Some(status),
                },
                Ok(()) = said.changed() => self.reword(),
                _ = reckon.tick() => self.reckon(),
            }
        }
    }

    fn take(&self, event: &StandingsEvent) {
        let mut board = self.board();
        let news = board.take(event, &self.refusals, self.clock.now());
        if event.whole {
            self.feed.tell("whole", &board.whole());
        } else {
            let rows = news.fresh.iter().filter_map(|number| board.row(*number)).collect();
            self.tell(&board, rows, &news.changes, &news.gone);
        }
    }

    fn reckon(&self) {
        let mut board = self.board();
        let changes = board.reckon(self.clock.now());
        self.tell(&board, Vec::new(), &changes, &[]);
    }

    fn reword(&self) {
        let mut board = self.board();
        let changes = board.reword(&self.refusals);
        self.tell(&board, Vec::new(), &changes, &[]);
    }

    fn tell(&self, board: &Board, rows: Vec<&Row>, changes: &[Change], gone: &[u32]) {
        if !(rows.is_empty() && changes.is_empty() && gone.is_empty()) {
            self.feed.tell("change", &News { now: board.now(), rows, changes, gone });
        }
    }

    fn lose(&self, why: &str) {
        let mut board = self.board();
        if board.lose(why) {
            tracing::warn!(why, "the console is told nothing of accounts");
            self.feed.tell("away", &Away { away: why });
        }
    }

    fn whole(&self) -> Bytes {
        feed::event("whole", &self.board().whole())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
