//! How many wishes for accounts wait, at present and at the most in every step of the last hour.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use domain::Timestamp;

use crate::console::traffic::{STEPS, step_of};

/// What waits at each service, and the most that waited at all of them.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    waiting: BTreeMap<Arc<str>, u32>,
    /// A step in which nothing changed is not there.
    steps: VecDeque<Step>,
}

#[derive(Debug)]
struct Step {
    number: u64,
    most: u32,
    /// How many waited at its end.
    at_last: u32,
}

impl Gauge {
    /// So many wait at a service now.
    pub(super) fn set(&mut self, service: &Arc<str>, waiting: u32, now: Timestamp) {
        let before = self.waiting.insert(Arc::clone(service), waiting);
        if before != Some(waiting) {
            self.note(before.unwrap_or_default().max(waiting), waiting, now);
        }
    }

    /// What waits there is not known any more.
    pub(super) fn forget(&mut self, service: &str, now: Timestamp) {
        if let Some(before) = self.waiting.remove(service) {
            self.note(before, 0, now);
        }
    }

    /// All that wait.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.values().sum()
    }

    /// The most that waited in each of so many steps, of which the last has this number.
    pub(crate) fn most(&self, last: u64, count: u64) -> Vec<u32> {
        let mut steps = self.steps.iter().peekable();
        let mut waiting = 0;
        let each = (last + 1).saturating_sub(count)..=last;
        each.map(|number| {
            let mut most = waiting;
            while let Some(step) = steps.next_if(|step| step.number <= number) {
                most = if step.number == number { step.most } else { step.at_last };
                waiting = step.at_last;
            }
            most
        })
        .collect()
    }

    fn note(&mut self, before: u32, after: u32, now: Timestamp) {
        let others = self.waiting().saturating_sub(after);
        let (number, most, at_last) = (step_of(now), others + before.max(after), others + after);
        match self.steps.back_mut() {
            Some(step) if step.number == number => {
                (step.most, step.at_last) = (most.max(step.most), at_last);
            }
            _ => self.steps.push_back(Step { number, most, at_last }),
        }
        while self.steps.len() > STEPS {
            self.steps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_every_step_the_most_that_waited_at_all_services_is_known_also_while_nothing_changes() {
        let mut gauge = Gauge::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let at = |step: u64| Timestamp::from_millis(step * 10_000);
        gauge.set(&one, 2, at(3));
        gauge.set(&other, 5, at(3));
        gauge.set(&one, 1, at(3));
        gauge.set(&other, 0, at(6));
        gauge.forget("one", at(8));
        assert_eq!(gauge.waiting(), 0);
        assert_eq!(gauge.most(9, 8), [0, 7, 6, 6, 6, 1, 1, 0]);
    }
}
