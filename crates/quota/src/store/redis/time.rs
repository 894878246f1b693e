//! What is known of the server's time. No other machine's clock is compared with it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{Clock, Timestamp, lease::term};

use super::link::CALL;
use crate::store::StoreError;

/// By how much a server's clock may differ from what it was expected to show.
const STEP: Duration = Duration::from_secs(1);

/// The time of a ledger in Redis, as far as its answers told.
pub(super) struct Time {
    /// In place of the server's clock, for tests.
    handed: Option<Arc<dyn Clock>>,
    /// The latest moment of the ledger that an answer told of, in milliseconds.
    seen: AtomicU64,
    /// The server's clock when it was last told.
    server: Mutex<Option<Reading>>,
    /// Until when nothing may be granted, since the server's clock was set.
    quarantine: Mutex<Option<Instant>>,
}

/// What a server's clock showed, and between which moments here that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) shown: Timestamp,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
}

impl Time {
    pub(super) fn new(handed: Option<Arc<dyn Clock>>) -> Self {
        Self { handed, seen: AtomicU64::new(0), server: Mutex::new(None), quarantine: Mutex::new(None) }
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
    ///
    /// Where that clock was set forward, units seem to have left windows that they are still in at the provider:
    /// from then on nothing is granted for a whole window. Where it was set back, the ledger's time stands still
    /// until the clock has caught up, and nothing else is needed.
    pub(super) fn note(&self, now: Timestamp, reading: Reading) {
        self.seen.fetch_max(now.as_millis(), Ordering::SeqCst);
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let step = server.map(|before| before.step_to(&reading)).unwrap_or_default();
        // Answers may overtake one another.
        if server.is_none_or(|before| before.answered < reading.answered) {
            *server = Some(reading);
        }
        drop(server);
        if self.handed.is_none() && step > STEP {
            let step_ms = step.as_millis();
            tracing::error!(step_ms, "the clock of Redis was set forward; nothing is granted for a window");
            let until = reading.answered + term::WINDOW;
            *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
    }

    /// Refuses while the ledger may take units to have left their windows that have not.
    pub(super) fn is_trusted(&self) -> Result<(), StoreError> {
        let quarantine = *self.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        let left = quarantine.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(retry_after) if !retry_after.is_zero() => Err(StoreError::Learning { retry_after }),
            _ => Ok(()),
        }
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
        server.map(|reading| reading.shown + reading.answered.elapsed())
    }
}

impl Reading {
    /// By how much the clock was surely set forward from this reading to that one: however long each question and
    /// each answer were on their way, and however long this process was halted meanwhile.
    fn step_to(&self, next: &Self) -> Duration {
        let at_most = next.answered.saturating_duration_since(self.asked);
        next.shown.since(self.shown).saturating_sub(at_most)
    }
}

#[cfg(test)]
mod tests {
    use domain::ManualClock;

    use super::*;

    /// A clock that is asked at some moment, and answers after some time; all in milliseconds.
    fn reading(shown: u64, start: Instant, asked: u64, took: u64) -> Reading {
        let asked = start + Duration::from_millis(asked);
        Reading { shown: Timestamp::from_millis(shown), asked, answered: asked + Duration::from_millis(took) }
    }

    fn told(time: &Time, readings: &[Reading]) {
        for reading in readings {
            time.note(reading.shown, *reading);
        }
    }

    #[test]
    fn a_clock_that_is_set_forward_is_believed_again_after_a_window() {
        let (time, start) = (Time::new(None), Instant::now());
        told(&time, &[reading(10_000, start, 0, 1), reading(15_000, start, 5_000, 1)]);
        assert_eq!(time.is_trusted(), Ok(()));
        told(&time, &[reading(21_500, start, 10_000, 1)]);
        let Err(StoreError::Learning { retry_after }) = time.is_trusted() else { panic!("it is believed") };
        assert!(retry_after >= term::WINDOW, "{retry_after:?} is less than a window");
        let long_ago = Instant::now().checked_sub(term::WINDOW * 2).unwrap();
        told(&time, &[reading(90_000, long_ago, 0, 0), reading(190_000, long_ago, 1, 0)]);
        assert_eq!(time.is_trusted(), Ok(()));
    }

    #[test]
    fn slow_answers_a_clock_set_back_and_the_clock_of_tests_are_no_step() {
        let (time, start) = (Time::new(None), Instant::now());
        let slow = [reading(10_000, start, 0, 1), reading(10_001, start, 2, 9_000)];
        told(&time, &slow);
        // What was asked before the halt is answered after it, and then the clock goes on.
        told(&time, &[reading(19_100, start, 9_100, 1), reading(9_200, start, 9_200, 1)]);
        assert_eq!(time.is_trusted(), Ok(()));
        let time = Time::new(Some(Arc::new(ManualClock::default())));
        told(&time, &[reading(10_000, start, 0, 1), reading(99_000, start, 5, 1)]);
        assert_eq!(time.is_trusted(), Ok(()));
    }
}
