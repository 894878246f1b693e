//! What reached the simulator, and what became of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{AspectRatio, Provider, Resolution, Timestamp};
use tokio::sync::watch;

/// One call that reached `generateContent` or `streamGenerateContent`, refused ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Which call it was, counted from 1 since the simulator began.
    pub sequence: u64,
    /// When it arrived.
    pub at: Timestamp,
    /// Whose service it was meant for.
    pub provider: Provider,
    /// The name of its key or service account in the script, or the last four characters of what it brought;
    /// none when it brought nothing.
    pub key: Option<String>,
    /// Whose quota it spends; none until the key is accepted.
    pub project: Option<String>,
    /// The model it named.
    pub model: String,
    /// The shape asked for or followed; none until the request is accepted.
    pub aspect_ratio: Option<AspectRatio>,
    /// The resolution asked for or followed; none until the request is accepted.
    pub resolution: Option<Resolution>,
    /// The last text of the user's, at most [`Arrival::LONGEST_PROMPT`] characters of it.
    pub prompt: String,
    /// How many pictures the conversation showed.
    pub reference_images: usize,
    /// Whether people may be shown, in Vertex AI's own word; none where nothing is said.
    pub person_generation: Option<&'static str>,
    /// The HTTP status answered; none while nothing is decided, and where the fault is to answer nothing.
    pub status: Option<u16>,
    /// The fault that the script commanded.
    pub fault: Option<&'static str>,
    /// Whether a picture was drawn that Google would charge for, whether or not it reached the client.
    pub billed: bool,
    /// How far the exchange came.
    pub end: End,
}

impl Arrival {
    /// The most characters of a prompt that are remembered.
    pub const LONGEST_PROMPT: usize = 2_000;
}

/// How far an exchange came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is still going on.
    Open,
    /// All that was meant to be sent was handed to the connection.
    Answered,
    /// The client hung up before that.
    HungUp,
}

impl End {
    /// `open`, `answered` or `hung-up`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::HungUp => "hung-up",
        }
    }
}

/// The last arrivals, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct ArrivalLog {
    kept: Arc<Mutex<Kept>>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The sequence number of the last arrival.
    last: u64,
    arrivals: VecDeque<Arrival>,
}

/// How many arrivals are kept.
const CAPACITY: usize = 200_000;

impl ArrivalLog {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), changes: watch::Sender::new(()) }
    }

    /// Notes an arrival. Its entry says what becomes of it.
    pub(crate) fn open(&self, at: Timestamp, provider: Provider, key: Option<String>, model: &str) -> Entry {
        let mut kept = self.lock();
        kept.last += 1;
        let sequence = kept.last;
        if kept.arrivals.len() == CAPACITY {
            kept.arrivals.pop_front();
        }
        kept.arrivals.push_back(Arrival {
            sequence,
            at,
            provider,
            key,
            project: None,
            model: model.chars().take(200).collect(),
            aspect_ratio: None,
            resolution: None,
            prompt: String::new(),
            reference_images: 0,
            person_generation: None,
            status: None,
            fault: None,
            billed: false,
            end: End::Open,
        });
        drop(kept);
        self.changes.send_replace(());
        Entry { log: self.clone(), sequence }
    }

    pub(crate) fn all(&self) -> Vec<Arrival> {
        self.lock().arrivals.iter().cloned().collect()
    }

    /// Forgets every arrival; numbers go on counting.
    pub(crate) fn clear(&self) {
        self.lock().arrivals.clear();
        self.changes.send_replace(());
    }

    /// Waits until the arrivals satisfy `condition`, and returns them.
    pub(crate) async fn wait_until(&self, condition: impl Fn(&[Arrival]) -> bool) -> Vec<Arrival> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            let arrivals = self.all();
            if condition(&arrivals) {
                return arrivals;
            }
            changes.changed().await.expect("the log holds a sender itself");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open end of one arrival: where it is dropped before it is finished, the client hung up.
#[derive(Debug)]
pub(crate) struct Entry {
    log: ArrivalLog,
    sequence: u64,
}

impl Entry {
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Adds what has become known of the arrival.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Arrival)) {
        let mut kept = self.log.lock();
        // Numbers are consecutive, so the distance to the first kept one is the place; after a clear the
        // arrival may be gone.
        let place = kept.arrivals.front().and_then(|first| self.sequence.checked_sub(first.sequence));
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(arrival) = place.and_then(|place| kept.arrivals.get_mut(place)) {
            change(arrival);
        }
        drop(kept);
        self.log.changes.send_replace(());
    }

    /// Says that everything meant for the client was sent.
    pub(crate) fn finish(self) {
        self.note(|arrival| arrival.end = End::Answered);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.note(|arrival| {
            if arrival.end == End::Open {
                arrival.end = End::HungUp;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(log: &ArrivalLog) -> Vec<End> {
        log.all().iter().map(|arrival| arrival.end).collect()
    }

    #[test]
    fn an_entry_dropped_unfinished_is_a_client_that_hung_up() {
        let log = ArrivalLog::new();
        let [first, second, _third] =
            [1, 2, 3].map(|ms| log.open(Timestamp::from_millis(ms), Provider::Gemini, None, "model"));
        first.finish();
        drop(second);
        assert_eq!(ends(&log), [End::Answered, End::HungUp, End::Open]);
    }

    #[test]
    fn numbers_go_on_after_a_clear_and_old_entries_touch_nothing() {
        let log = ArrivalLog::new();
        let old = log.open(Timestamp::default(), Provider::Gemini, None, "model");
        log.clear();
        let _new = log.open(Timestamp::default(), Provider::Gemini, None, "model");
        old.finish();
        assert_eq!(log.all()[0].sequence, 2);
        assert_eq!(ends(&log), [End::Open]);
    }
}
