//! How many attempts may follow failures of the provider, for each model.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Pictures and further attempts are counted when they begin, over this long: longer than the longest call, so that
/// failures which take their time are seen beside the starts they belong to.
const WINDOW: Duration = Duration::from_mins(5);
/// They are counted together for as long as this.
const SPAN: Duration = Duration::from_secs(5);
/// One further attempt for so many pictures.
const SHARE: u32 = 10;
/// Further attempts that may always be made in a minute, however few pictures there are.
const FLOOR_PER_MINUTE: u32 = 3;

/// A budget for each model.
#[derive(Debug, Default)]
pub(crate) struct Budgets(Mutex<HashMap<String, Budget>>);

impl Budgets {
    /// Counts a picture that is begun.
    pub(crate) fn start(&self, model: &str, now: Instant) {
        self.with(model, |budget| budget.start(now));
    }

    /// Counts one more attempt, if there is room for it.
    pub(crate) fn retry(&self, model: &str, now: Instant) -> bool {
        self.with(model, |budget| budget.retry(now))
    }

    fn with<T>(&self, model: &str, act: impl FnOnce(&mut Budget) -> T) -> T {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get_mut(model) {
            return act(budget);
        }
        act(budgets.entry(model.to_owned()).or_default())
    }
}

/// The recent pictures and further attempts of one model.
#[derive(Debug, Default)]
struct Budget(VecDeque<Span>);

/// What began within one short span.
#[derive(Debug)]
struct Span {
    since: Instant,
    starts: u32,
    retries: u32,
}

impl Budget {
    fn start(&mut self, now: Instant) {
        self.present(now).starts += 1;
    }

    fn retry(&mut self, now: Instant) -> bool {
        self.present(now);
        let starts: u32 =
            self.0.iter().filter(|span| span.since + WINDOW > now).map(|span| span.starts).sum();
        let retries: u32 = self.0.iter().map(|span| span.retries).sum();
        let minutes = u32::try_from(WINDOW.as_secs() / 60).unwrap_or(u32::MAX);
        let room = retries < starts / SHARE + FLOOR_PER_MINUTE * minutes;
        self.present(now).retries += u32::from(room);
        room
    }

    /// The span that `now` is in. Those of which all is too long ago are dropped.
    fn present(&mut self, now: Instant) -> &mut Span {
        while self.0.front().is_some_and(|span| span.since + WINDOW + SPAN <= now) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|span| span.since + SPAN <= now) {
            self.0.push_back(Span { since: now, starts: 0, retries: 0 });
        }
        self.0.back_mut().expect("a span was just begun")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn granted(budget: &mut Budget, wishes: u32, now: Instant) -> usize {
        (0..wishes).filter(|_| budget.retry(now)).count()
    }

    #[test]
    fn a_quiet_model_has_its_floor_and_a_busy_one_a_tenth_more() {
        let now = Instant::now();
        let mut quiet = Budget::default();
        assert_eq!(granted(&mut quiet, 100, now), 15);
        let mut busy = Budget::default();
        (0..1_000).for_each(|_| busy.start(now));
        assert_eq!(granted(&mut busy, 1_000, now), 115);
    }

    #[test]
    fn what_began_counts_for_five_minutes() {
        let (mut budget, now) = (Budget::default(), Instant::now());
        (0..100).for_each(|_| budget.start(now));
        assert_eq!(granted(&mut budget, 100, now + Duration::from_secs(299)), 25);
        assert_eq!(granted(&mut budget, 100, now + Duration::from_secs(301)), 0);
        assert_eq!(granted(&mut budget, 100, now + Duration::from_secs(620)), 15);
    }

    #[test]
    fn models_have_budgets_of_their_own() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        while budgets.retry("pro", now) {}
        assert!(budgets.retry("flash", now));
    }

    proptest! {
        #[test]
        fn in_no_five_minutes_are_there_more_than_a_tenth_and_the_floor(
            events in prop::collection::vec((0_u64..20_000, prop::bool::weighted(0.6)), 1..600),
        ) {
            let (mut budget, mut now) = (Budget::default(), Instant::now());
            let (mut starts, mut retries) = (vec![], vec![]);
            for (pause, is_start) in events {
                now += Duration::from_millis(pause);
                if is_start {
                    budget.start(now);
                    starts.push(now);
                } else if budget.retry(now) {
                    retries.push(now);
                    let recent = |moments: &[Instant]| moments.iter().filter(|at| **at + WINDOW > now).count();
                    prop_assert!(recent(&retries) <= recent(&starts) / 10 + 15);
                }
            }
        }
    }
}
