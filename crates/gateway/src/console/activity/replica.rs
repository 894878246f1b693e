//! One of the services that tell of requests: its clock beside ours, and how far it told.

use std::time::Duration;

use domain::{
    Timestamp,
    activity::{AttemptRecord, RequestRecord},
};

/// What a message may take on its way: clocks that differ by less are taken for the same.
const ON_THE_WAY: Duration = Duration::from_millis(500);

/// What is known of a service.
#[derive(Debug, Default)]
pub(super) struct Replica {
    /// Its moment when it began to tell, and ours then.
    began: Option<(Timestamp, Timestamp)>,
    /// Its moment when it told last before it began to tell again, and in this telling.
    told: [Option<Timestamp>; 2],
    /// Why it tells nothing.
    away: Option<String>,
}

impl Replica {
    /// It begins to tell everything.
    pub(super) fn begin(&mut self, there: Timestamp, here: Timestamp) {
        let same = there.since(here).max(here.since(there)) < ON_THE_WAY;
        self.began = Some(if same { (here, here) } else { (there, here) });
        self.told[0] = self.told[1];
        self.away = None;
    }

    /// It told so far, at this moment of its own.
    pub(super) fn heard(&mut self, there: Timestamp) {
        self.told[1] = Some(self.here(there));
    }

    /// It tells nothing any more; answers whether that is new.
    pub(super) fn lose(&mut self, why: &str) -> bool {
        self.away.replace(why.to_owned()).as_deref() != Some(why)
    }

    /// Why it tells nothing at present; none where it does.
    pub(super) fn away(&self) -> Option<&str> {
        match &self.began {
            None => Some(self.away.as_deref().unwrap_or("it has told nothing yet")),
            Some(_) => self.away.as_deref(),
        }
    }

    /// Whether what was over at this moment of ours had been told before it began to tell again.
    pub(super) fn told_before(&self, at: Timestamp) -> bool {
        self.told[0].is_some_and(|told| at <= told)
    }

    /// Writes its times as ours.
    pub(super) fn translate(&self, record: &mut RequestRecord) {
        if self.began.is_none_or(|(there, here)| there == here) {
            return;
        }
        record.begun_at = self.here(record.begun_at);
        if let Some(end) = &mut record.end {
            end.at = self.here(end.at);
        }
        let attempts = record.pictures.iter_mut().flat_map(|picture| &mut picture.attempts);
        attempts.for_each(|attempt| self.translate_attempt(attempt));
    }

    fn translate_attempt(&self, attempt: &mut AttemptRecord) {
        attempt.queued_at = self.here(attempt.queued_at);
        if let Some(lease) = &mut attempt.lease {
            lease.at = self.here(lease.at);
        }
        let AttemptRecord { called_at, first_byte_at, answered_at, settled_at, .. } = attempt;
        for moment in [called_at, first_byte_at, answered_at, settled_at].into_iter().flatten() {
            *moment = self.here(*moment);
        }
    }

    /// A moment of its own as ours.
    pub(super) fn here(&self, moment: Timestamp) -> Timestamp {
        let Some((there, here)) = self.began else { return moment };
        if moment >= there { here + moment.since(there) } else { here - there.since(moment) }
    }
}
