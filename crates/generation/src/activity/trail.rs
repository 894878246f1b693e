//! What a request leaves behind while it is answered.

use std::ops::Range;

use domain::{
    FailureKind, Grant, Timestamp,
    activity::{
        AttemptOutcome, AttemptRecord, ImageFacts, LeaseFacts, PictureRecord, Refusal, RequestEnd,
        RequestOutcome, RequestRecord,
    },
    catalog::Rate,
};

use super::{Activity, Track, log::Number, metrics::Metrics};
use crate::{order::Order, upstream::TiledImage};

/// Notes what becomes of one request. Clones note in the same place.
#[derive(Clone)]
pub(crate) struct Trail {
    activity: Activity,
    number: Number,
}

/// That a wish waits, for as long as this is kept.
pub(crate) struct Waiting(Activity);

impl Trail {
    pub(super) const fn new(activity: Activity, number: Number) -> Self {
        Self { activity, number }
    }

    /// The catalog can serve it.
    pub(crate) fn accepted(&self, order: &Order) {
        self.note(|record| {
            record.model.clone_from(&order.model().name);
            record.pictures.resize_with(order.request().count.get() as usize, PictureRecord::default);
        });
    }

    /// Leases are asked for, to attempt these pictures.
    pub(crate) fn asked(&self, pictures: Range<u32>) {
        self.activity.note_of(self.number, |record, now| {
            for index in pictures {
                // What waits already goes on waiting: a wish that was too large is made again, smaller.
                if let Some(picture) = picture(record, index)
                    && picture.attempts.last().is_none_or(|last| last.outcome.is_some())
                {
                    picture.attempts.push(AttemptRecord::queued(now));
                }
            }
        });
    }

    /// The wish waits in the ledger's queue.
    pub(crate) fn waits(&self) -> Waiting {
        self.activity.waits(1);
        Waiting(self.activity.clone())
    }

    /// There is a lease for a picture, which at this rate may cost so much.
    pub(crate) fn leased(&self, index: u32, grant: &Grant, rate: Rate) -> Track {
        let leased = self.activity.note_of(self.number, |record, now| {
            let picture = picture(record, index)?;
            let attempt = picture.attempts.len().checked_sub(1)?;
            picture.attempts[attempt].lease = Some(lease_facts(grant, now));
            Some((attempt, now.since(picture.attempts[attempt].queued_at)))
        });
        let (attempt, waited) = leased.flatten().unwrap_or_default();
        self.activity.metrics().leased(waited);
        Track::new(self.clone(), grant.domain.model.as_str().into(), (index, attempt), rate)
    }

    /// A picture came.
    pub(crate) fn drawn(&self, index: u32, image: &TiledImage) {
        let facts = ImageFacts { media_type: image.media_type, size: image.size, length: image.length() };
        let model = self.note(|record| {
            if let Some(picture) = picture(record, index) {
                picture.image = Some(facts);
            }
            record.model.clone()
        });
        if let Some(model) = model {
            self.activity.metrics().drawn(&model, facts.length);
        }
    }

    /// A picture will not come.
    pub(crate) fn lost(&self, index: u32, kind: FailureKind) {
        self.activity.note_of(self.number, |record, now| {
            if let Some(picture) = picture(record, index) {
                picture.failure = Some(kind);
                give_up(picture, RequestEnd { at: now, outcome: RequestOutcome::Failed(kind) });
            }
        });
    }

    /// The last word was said.
    pub(crate) fn end(&self, outcome: RequestOutcome) {
        self.activity.note_of(self.number, |record, at| {
            let end = RequestEnd { at, outcome };
            record.pictures.iter_mut().for_each(|picture| give_up(picture, end));
            record.end = Some(end);
            self.activity.metrics().ended(record, outcome, at);
        });
    }

    /// No further attempt may be made, for want of a budget.
    pub(crate) fn retry_refused(&self, order: &Order) {
        self.activity.metrics().retry_refused(&order.model().name);
    }

    /// A provider refused an account.
    pub(super) fn refused(&self, refusal: Refusal) {
        self.activity.note(|log, _| log.refuse(refusal));
    }

    /// Notes something of one attempt at a picture.
    pub(super) fn attempt<T>(
        &self,
        (index, attempt): (u32, usize),
        change: impl FnOnce(&mut AttemptRecord, Timestamp) -> T,
    ) -> Option<T> {
        let changed = self.activity.note_of(self.number, |record, now| {
            Some(change(picture(record, index)?.attempts.get_mut(attempt)?, now))
        });
        changed.flatten()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        self.activity.metrics()
    }

    #[cfg(test)]
    pub(super) const fn number(&self) -> Number {
        self.number
    }

    fn note<T>(&self, change: impl FnOnce(&mut RequestRecord) -> T) -> Option<T> {
        self.activity.note_of(self.number, |record, _| change(record))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waits(-1);
    }
}

fn lease_facts(grant: &Grant, now: Timestamp) -> LeaseFacts {
    LeaseFacts {
        at: now,
        id: grant.id.clone(),
        account: grant.account.clone(),
        project: grant.domain.project.clone(),
        provider: grant.domain.provider,
    }
}

fn picture(record: &mut RequestRecord, index: u32) -> Option<&mut PictureRecord> {
    record.pictures.get_mut(index as usize)
}

/// Whatever still waits for a lease waits no more; a call goes on until its own end.
fn give_up(picture: &mut PictureRecord, end: RequestEnd) {
    let open = picture.attempts.last_mut().filter(|last| last.outcome.is_none() && last.lease.is_none());
    if let Some(attempt) = open {
        attempt.outcome = Some(AttemptOutcome::NO_LEASE);
        attempt.answered_at = Some(end.at);
        attempt.failure = match end.outcome {
            RequestOutcome::Failed(kind) => Some(kind),
            RequestOutcome::Delivered | RequestOutcome::Abandoned => None,
        };
    }
}
