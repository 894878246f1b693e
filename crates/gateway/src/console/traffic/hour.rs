//! The last hour: of everything, and of each model, client and account that had a part in it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, FailureKind, Timestamp,
    activity::{AttemptOutcome, AttemptRecord, RequestOutcome, RequestRecord},
};

use super::{
    Of,
    series::{Series, Tally},
};

/// The most models, clients and accounts of which an hour is kept; beyond that, those are forgotten of which nothing
/// was heard for the longest time. With what a series holds in a busy hour, 400 are about 50 MB, and usually 5.
const MOST: usize = 400;

/// What happened in the last hour, as far as it was seen.
#[derive(Debug)]
pub(crate) struct Hour {
    began: Timestamp,
    series: BTreeMap<Of, Series>,
}

impl Hour {
    /// An hour of which nothing was seen before this moment.
    pub(crate) const fn since(began: Timestamp) -> Self {
        Self { began, series: BTreeMap::new() }
    }

    /// Since when it is seen.
    pub(crate) const fn began(&self) -> Timestamp {
        self.began
    }

    /// Notes a request that is over.
    pub(crate) fn note(&mut self, record: &RequestRecord) {
        let Some(end) = record.end else { return };
        let whole = of_request(record, end.outcome);
        for of in [Of::Everything, Of::Model(record.model.clone()), Of::Client(record.client.clone())] {
            self.series(of).note(end.at, &whole);
        }
        for (account, tally) in of_accounts(record) {
            self.series(Of::Account(account.clone())).note(end.at, &tally);
        }
    }

    /// What happened of this; none where nothing did.
    pub(super) fn of(&self, of: &Of) -> Option<&Series> {
        self.series.get(of)
    }

    /// What there is to look at.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &Of> {
        self.series.keys()
    }

    /// How many requests were counted.
    #[cfg(test)]
    pub(crate) fn requests(&self) -> u64 {
        let everything = self.series.get(&Of::Everything);
        everything.map_or(0, |series| {
            series
                .of_hour(series.last().unwrap_or_default())
                .map(|(_, tally)| u64::from(tally.requests))
                .sum()
        })
    }

    fn series(&mut self, of: Of) -> &mut Series {
        if self.series.len() >= MOST && !self.series.contains_key(&of) {
            let oldest = self.series.iter().min_by_key(|(_, series)| series.last());
            if let Some(oldest) = oldest.map(|(of, _)| of.clone()) {
                self.series.remove(&oldest);
            }
        }
        self.series.entry(of).or_default()
    }
}

fn of_request(record: &RequestRecord, outcome: RequestOutcome) -> Tally {
    let mut tally = Tally { requests: 1, ..Tally::default() };
    for attempt in record.attempts() {
        tally.calls += u32::from(attempt.called_at.is_some());
        tally.cost_micro_usd += attempt.cost_micro_usd;
    }
    tally.pictures = u32::try_from(record.came()).unwrap_or(u32::MAX);
    let lost: BTreeSet<_> = match outcome {
        RequestOutcome::Failed(kind) => [kind.as_str()].into(),
        RequestOutcome::Abandoned => ["abandoned"].into(),
        RequestOutcome::Delivered => {
            record.pictures.iter().filter_map(|picture| picture.failure.map(FailureKind::as_str)).collect()
        }
    };
    tally.failed = u32::from(outcome != RequestOutcome::Delivered);
    tally.errors = lost.into_iter().map(|kind| (kind, 1)).collect();
    if let (RequestOutcome::Delivered, Some(end)) = (outcome, record.end) {
        tally.took.note(end.at.since(record.begun_at));
    }
    tally
}

/// Of each account the calls that were made with it.
fn of_accounts(record: &RequestRecord) -> BTreeMap<&AccountId, Tally> {
    let mut tallies = BTreeMap::<_, Tally>::new();
    for attempt in record.attempts() {
        if let (Some(lease), Some(called_at)) = (&attempt.lease, attempt.called_at) {
            tallies.entry(&lease.account).or_default().add(&of_call(attempt, called_at));
        }
    }
    tallies
}

fn of_call(attempt: &AttemptRecord, called_at: Timestamp) -> Tally {
    let mut tally =
        Tally { requests: 1, calls: 1, cost_micro_usd: attempt.cost_micro_usd, ..Tally::default() };
    match attempt.outcome {
        Some(AttemptOutcome::DELIVERED) => {
            tally.pictures = 1;
            if let Some(answered_at) = attempt.answered_at {
                tally.took.note(answered_at.since(called_at));
            }
        }
        Some(outcome) => {
            tally.failed = 1;
            tally.errors.insert(outcome.as_str(), 1);
        }
        None => {}
    }
    tally
}
