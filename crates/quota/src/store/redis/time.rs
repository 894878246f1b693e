//! What is known of the server's time. No other machine's clock is compared with it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use domain::{Clock, Timestamp};

use super::link::CALL;

/// The time of a ledger in Redis, as far as its answers told.
pub(super) struct Time {
    /// In place of the server's clock, for tests.
    handed: Option<Arc<dyn Clock>>,
    /// The latest moment of the ledger that an answer told of, in milliseconds.
    seen: AtomicU64,
    /// The server's clock when it was last told, and when that was here.
    server: Mutex<Option<(Timestamp, Instant)>>,
}

impl Time {
    pub(super) fn new(handed: Option<Arc<dyn Clock>>) -> Self {
        Self { handed, seen: AtomicU64::new(0), server: Mutex::new(None) }
    }

    /// The moment that scripts take for the present in place of the server's.
    pub(super) fn handed(&self) -> Option<Timestamp> {
        self.handed.as_ref().map(|clock| clock.now())
    }

    /// The latest moment of the ledger that was told here: it never falls behind it, even if nothing that
    /// happened then was worth writing.
    pub(super) fn seen(&self) -> Timestamp {
        Timestamp::from_millis(self.seen.load(Ordering::SeqCst))
    }

    /// Notes the ledger's moment and the server's clock as an answer tells them.
    pub(super) fn note(&self, now: Timestamp, server: Timestamp) {
        self.seen.fetch_max(now.as_millis(), Ordering::SeqCst);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some((server, Instant::now()));
    }

    /// What the ledger's present is about.
    pub(super) fn estimate(&self) -> Timestamp {
        let present = self.handed().or_else(|| self.server()).unwrap_or_default();
        present.max(self.seen())
    }

    /// The server's time from which on nobody waits for what is asked now. It is never too late, since an answer
    /// takes its time to come; where that makes it too early, the answer says so and brings the right time.
    pub(super) fn not_after(&self) -> Option<Timestamp> {
        if self.handed.is_some() { None } else { self.server().map(|present| present + CALL) }
    }

    fn server(&self) -> Option<Timestamp> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.map(|(told, at)| told + at.elapsed())
    }
}
