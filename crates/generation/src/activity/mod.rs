//! What becomes of requests, noted while it happens: kept for those who watch, and counted.
//!
//! A request leaves a [`Trail`] and each attempt at a picture a [`Track`]; both only note. What they note stands in
//! `log`, which remembers the last requests; `watch` tells of it, `service` over gRPC. `metrics` counts it.

mod log;
mod metrics;
mod service;
mod track;
mod trail;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    Clock, Conversation, Dialect, GenerationRequest, Part, Timestamp,
    activity::{ActivityEvent, RequestRecord},
};
use tokio::sync::watch::{Receiver, Sender};

use self::{
    log::{Log, Number},
    metrics::Metrics,
};
pub(crate) use self::{
    metrics::{OPERATION, provider_name},
    service::server,
    track::{Over, Track},
    trail::Trail,
};

/// How much of a prompt is kept, in characters.
const PROMPT: usize = 1_000;

/// What became of requests lately. Clones share everything.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    keeps_prompts: bool,
    metrics: Metrics,
    log: Mutex<Log>,
    /// The log's revision, for those who wait for the next.
    revisions: Sender<u64>,
}

impl Activity {
    /// Nothing so far, at the times of this clock.
    pub(crate) fn new(clock: Arc<dyn Clock>, keeps_prompts: bool) -> Self {
        let (metrics, log, revisions) = (Metrics::new(), Mutex::default(), Sender::new(0));
        Self(Arc::new(Inner { clock, keeps_prompts, metrics, log, revisions }))
    }

    /// The trail of a request that has come.
    pub(crate) fn begin(
        &self,
        request: &GenerationRequest,
        dialect: Option<Dialect>,
        trace: Option<String>,
    ) -> Trail {
        let prompt = self.0.keeps_prompts.then(|| last_words(&request.conversation));
        let record = RequestRecord {
            id: request.id.clone(),
            trace,
            client: request.client.clone(),
            dialect,
            model: request.model.chars().take(80).collect(),
            spec: request.spec,
            count: request.count,
            prompt,
            begun_at: self.now(),
            end: None,
            pictures: Vec::new(),
        };
        let number = self.note(|log, _| log.begin(record));
        self.metrics().begun();
        Trail::new(self.clone(), number)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Notes something, and has it told.
    fn note<T>(&self, change: impl FnOnce(&mut Log, Timestamp) -> T) -> T {
        let now = self.now();
        let mut log = self.log();
        let noted = change(&mut log, now);
        // While the log is ours, so that no revision is told after a later one.
        self.0.revisions.send_replace(log.revision());
        noted
    }

    /// Notes something of one request, as long as it is remembered.
    fn note_of<T>(
        &self,
        number: Number,
        change: impl FnOnce(&mut RequestRecord, Timestamp) -> T,
    ) -> Option<T> {
        self.note(|log, now| log.change(number, |record| change(record, now)))
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn waits(&self, change: i32) {
        self.note(|log, _| log.wait(change));
        self.metrics().waits(change);
    }

    /// What changed after a revision, but not too much at once; and up to which revision that is everything.
    pub(crate) fn since(&self, told: Option<u64>) -> (u64, ActivityEvent) {
        let (now, log) = (self.now(), self.log());
        let after = told.unwrap_or_default();
        let (revision, requests) = log.since(after);
        let (whole, waiting, refusals) = (told.is_none(), log.waiting(), log.refusals_since(after));
        (revision, ActivityEvent { now, whole, waiting, requests, refusals })
    }

    fn revisions(&self) -> Receiver<u64> {
        self.0.revisions.subscribe()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of the last turn, cut short.
fn last_words(conversation: &Conversation) -> String {
    let parts = conversation.turns().last().map(|turn| turn.parts.iter()).into_iter().flatten();
    let texts = parts.filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n").chars().take(PROMPT).collect()
}
