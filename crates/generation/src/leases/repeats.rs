//! Words that the ledger did not hear, said again.
//!
//! One task says them, in rounds: at once when somebody else reaches the ledger, else after a pause that grows for as
//! long as nobody does.

use std::{
    convert::Infallible,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tracing::error;

use super::closings::{Closings, Reception};
use crate::{
    activity::Track,
    outbox::{LastWord, Ticket},
};

/// The pause between two rounds, which doubles for as long as nothing is heard.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Words said at once in a round.
const AT_ONCE: usize = 8;
/// How long a word is repeated that the ledger hears and makes nothing of: it may have lost its data, and still be
/// learning from others what it granted.
const LEARNING: Duration = Duration::from_mins(5);
/// How old a word can become. By then the ledger has long forgotten the lease.
const OLDEST: Duration = Duration::from_hours(2);

/// What is to be said again.
#[derive(Default)]
pub(super) struct Repeats(Mutex<Left>);

/// What was left behind.
#[derive(Default)]
struct Left {
    words: Vec<Unheard>,
    /// Whether somebody says it again.
    repeated: bool,
}

/// A word that the ledger has not acknowledged.
pub(super) struct Unheard {
    pub(super) ticket: Ticket,
    pub(super) word: LastWord,
    /// Since when the ledger hears it and makes nothing of it.
    disputed: Option<Instant>,
    /// Where it is noted that it was heard.
    track: Option<Track>,
    /// Dropped with the word, for who waits until it is heard.
    _until_heard: oneshot::Sender<Infallible>,
}

impl Unheard {
    /// A word that was put into the outbox, and what ends when it is heard.
    pub(super) fn new(
        ticket: Ticket,
        word: LastWord,
        track: Option<Track>,
    ) -> (Self, oneshot::Receiver<Infallible>) {
        let (until_heard, heard) = oneshot::channel();
        (Self { ticket, word, disputed: None, track, _until_heard: until_heard }, heard)
    }

    /// The ledger heard it.
    pub(super) fn heard(self) {
        if let Some(track) = &self.track {
            track.settled();
        }
    }

    /// The same, disputed from now on if it was not before.
    pub(super) fn disputed(self) -> Self {
        Self { disputed: Some(self.disputed.unwrap_or_else(Instant::now)), ..self }
    }
}

impl Repeats {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Closings {
    /// Leaves a word behind, to be said again.
    pub(super) fn leave(&self, unheard: Unheard) {
        let mut left = self.0.repeats.left();
        left.words.push(unheard);
        if !std::mem::replace(&mut left.repeated, true) {
            let closings = self.clone();
            self.spawn(async move { closings.repeat().await });
        }
    }

    /// Says everything that was left behind, until nothing is.
    async fn repeat(&self) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let _ = timeout(pause, self.0.back.notified()).await;
            let words = std::mem::take(&mut self.0.repeats.left().words);
            let said = words.len();
            let still = self.round(words).await;
            pause = if still.len() < said { SHORTEST_PAUSE } else { LONGEST_PAUSE.min(pause * 2) };
            let mut left = self.0.repeats.left();
            left.words.extend(still);
            if left.words.is_empty() {
                left.repeated = false;
                return;
            }
        }
    }

    /// Says these words again, unless the ledger turns out to be away; those that it still did not hear.
    async fn round(&self, words: Vec<Unheard>) -> Vec<Unheard> {
        let away = &AtomicBool::new(false);
        let again = |unheard| async move {
            if away.load(Ordering::SeqCst) { Some(unheard) } else { self.again(unheard, away).await }
        };
        let still = stream::iter(words).map(again).buffer_unordered(AT_ONCE);
        still.filter_map(std::future::ready).collect().await
    }

    async fn again(&self, unheard: Unheard, away: &AtomicBool) -> Option<Unheard> {
        let LastWord { lease, settlement, at, .. } = &unheard.word;
        if self.0.clock.now().since(*at) > OLDEST {
            error!(%lease, ?settlement, "the ledger was away for too long; the lease is given up unsettled");
            self.0.outbox.strike(unheard.ticket);
            return None;
        }
        match self.attempt(&unheard.word).await {
            Reception::Heard => {
                self.0.outbox.strike(unheard.ticket);
                unheard.heard();
                return None;
            }
            Reception::Away => {
                away.store(true, Ordering::SeqCst);
                return Some(unheard);
            }
            Reception::Disputed => {
                let since = unheard.disputed.unwrap_or_else(Instant::now);
                if since.elapsed() < LEARNING {
                    return Some(unheard.disputed());
                }
                error!(%lease, ?settlement, "the ledger does not know the lease; it is given up as an orphan");
            }
        }
        self.0.outbox.strike(unheard.ticket);
        None
    }
}
