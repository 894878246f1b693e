//! What happened in each step of the last hour.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use domain::Timestamp;

use super::latencies::Latencies;

/// How long a step is.
pub(crate) const STEP: Duration = Duration::from_secs(10);
/// The steps of an hour, the present one included.
pub(crate) const STEPS: usize = 361;

/// The number of the step that a moment is in.
pub(crate) const fn step_of(moment: Timestamp) -> u64 {
    moment.as_secs() / STEP.as_secs()
}

/// What happened, by step; those in which nothing did are not there.
#[derive(Debug, Default)]
pub(super) struct Series(VecDeque<(u64, Tally)>);

/// What happened together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests that ended; of an account, calls.
    pub(super) requests: u32,
    /// Of these, those that brought nothing.
    pub(super) failed: u32,
    /// Pictures that came.
    pub(super) pictures: u32,
    /// Calls that were made for them.
    pub(super) calls: u32,
    pub(super) cost_micro_usd: u64,
    /// What went wrong, by the name of its kind.
    pub(super) errors: BTreeMap<&'static str, u32>,
    /// How long those took that brought something.
    pub(super) took: Latencies,
}

impl Series {
    /// Notes what happened at a moment; what is older than an hour is forgotten.
    pub(super) fn note(&mut self, at: Timestamp, tally: &Tally) {
        let number = step_of(at);
        let after = self.0.iter().rposition(|(step, _)| *step <= number).map_or(0, |place| place + 1);
        match after.checked_sub(1).and_then(|place| self.0.get_mut(place)) {
            Some((step, known)) if *step == number => known.add(tally),
            _ => self.0.insert(after, (number, tally.clone())),
        }
        let last = self.last().unwrap_or_default();
        while self.0.front().is_some_and(|(step, _)| step + STEPS as u64 <= last) {
            self.0.pop_front();
        }
    }

    /// The number of the last step in which anything happened.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.back().map(|(step, _)| *step)
    }

    /// What happened in the hour of which this is the last step, each with its place in it from 0.
    pub(super) fn of_hour(&self, last: u64) -> impl Iterator<Item = (usize, &Tally)> {
        let first = (last + 1).saturating_sub(STEPS as u64);
        self.0
            .iter()
            .filter(move |(step, _)| (first..=last).contains(step))
            .filter_map(move |(step, tally)| Some((usize::try_from(step - first).ok()?, tally)))
    }
}

impl Tally {
    /// Adds what happened beside it.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.pictures += other.pictures;
        self.calls += other.calls;
        self.cost_micro_usd += other.cost_micro_usd;
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.took.add(&other.took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Tally {
        Tally { requests: 1, ..Tally::default() }
    }

    #[test]
    fn what_happened_is_found_in_its_step_though_it_is_told_late_and_is_forgotten_after_an_hour() {
        let mut series = Series::default();
        let at = |seconds: u64| Timestamp::from_millis(1_800_000_000_000 + seconds * 1_000);
        for seconds in [25, 3, 29, 11] {
            series.note(at(seconds), &one());
        }
        let last = step_of(at(25));
        let told = |series: &Series, last| -> Vec<_> {
            series.of_hour(last).map(|(place, tally)| (place, tally.requests)).collect()
        };
        assert_eq!(told(&series, last), [(358, 1), (359, 1), (360, 2)]);
        series.note(at(3_625), &one());
        assert_eq!(told(&series, step_of(at(3_625))), [(0, 2), (360, 1)]);
        assert_eq!(series.0.len(), 2);
    }
}
