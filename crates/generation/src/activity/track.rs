//! What one attempt at a picture leaves behind, from its lease to the ledger's last word.

use std::sync::Arc;

use domain::{
    FailureKind, Timestamp, Usage,
    activity::{AttemptOutcome, AttemptRecord, Refusal},
    catalog::Rate,
};

use super::Trail;
use crate::upstream::{CallFailure, Drawn, Ending};

/// Notes what becomes of one attempt that has a lease, on this model. Clones note in the same place.
#[derive(Clone)]
pub(crate) struct Track {
    model: Arc<str>,
    trail: Trail,
    /// Which picture, and which attempt at it.
    place: (u32, usize),
    rate: Rate,
}

/// How an attempt was over.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    outcome: AttemptOutcome,
    failure: Option<FailureKind>,
    /// The provider's, where it refused the account.
    words: Option<String>,
    usage: Usage,
}

impl Track {
    pub(super) const fn new(trail: Trail, model: Arc<str>, place: (u32, usize), rate: Rate) -> Self {
        Self { model, trail, place, rate }
    }

    /// The call is on the wire.
    pub(crate) fn called(&self) {
        self.trail.attempt(self.place, |attempt, now| {
            attempt.called_at.get_or_insert(now);
        });
    }

    /// The provider begins to answer.
    pub(crate) fn answers(&self) {
        self.trail.attempt(self.place, |attempt, now| attempt.first_byte_at = Some(now));
    }

    /// It is over. Only the first word on that counts.
    pub(crate) fn over(&self, over: Over) {
        let cost = over.cost(&self.rate);
        let refusal = self.trail.attempt(self.place, |attempt, now| {
            if attempt.outcome.is_some() {
                return None;
            }
            attempt.answered_at = Some(now);
            attempt.outcome = Some(over.outcome);
            attempt.failure = over.failure;
            attempt.words = over.words;
            attempt.tokens = over.usage;
            attempt.cost_micro_usd = cost;
            self.trail.metrics().attempted(&self.model, attempt);
            self.refusal(attempt, now)
        });
        if let Some(refusal) = refusal.flatten() {
            self.trail.refused(refusal);
        }
    }

    /// What its account is known by until it is refused again.
    fn refusal(&self, attempt: &AttemptRecord, at: Timestamp) -> Option<Refusal> {
        let (lease, outcome, words) = (attempt.lease.clone()?, attempt.outcome?, attempt.words.clone()?);
        let model = self.model.to_string();
        Some(Refusal {
            at,
            account: lease.account,
            project: lease.project,
            provider: lease.provider,
            model,
            outcome,
            words,
        })
    }

    /// The ledger has heard of it.
    pub(crate) fn settled(&self) {
        let delay = self.trail.attempt(self.place, |attempt, now| {
            attempt.settled_at = Some(now);
            attempt.answered_at.map(|answered| now.since(answered))
        });
        if let Some(delay) = delay.flatten() {
            self.trail.metrics().settled(delay);
        }
    }
}

impl Over {
    /// The caller went away; `sent` tells whether the provider had been asked.
    pub(crate) fn left(sent: bool) -> Self {
        let outcome = if sent { AttemptOutcome::CANCELLED } else { AttemptOutcome::UNSENT };
        Self { outcome, failure: None, words: None, usage: Usage::default() }
    }

    /// As the ledger reckons it.
    fn cost(&self, rate: &Rate) -> u64 {
        if self.outcome == AttemptOutcome::DELIVERED {
            rate.price(1, self.usage.output_image_tokens)
        } else if self.outcome.possibly_billed() {
            rate.price_micro_usd
        } else {
            0
        }
    }
}

impl From<&Result<Drawn, CallFailure>> for Over {
    fn from(result: &Result<Drawn, CallFailure>) -> Self {
        match result {
            Ok(drawn) => {
                let outcome = AttemptOutcome::DELIVERED;
                Self { outcome, failure: None, words: None, usage: drawn.usage }
            }
            Err(failed) => {
                let outcome = match &failed.ending {
                    Ending::Late => AttemptOutcome::LATE,
                    Ending::Unsent => AttemptOutcome::UNSENT,
                    Ending::Sent(outcome) => outcome.into(),
                };
                Self {
                    outcome,
                    failure: Some(failed.failure.kind),
                    words: failed.words(),
                    usage: failed.usage,
                }
            }
        }
    }
}
