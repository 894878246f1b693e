//! What follows failures of the provider: no more than the budget of a generation process has room for.

use std::{collections::BTreeMap, time::Duration};

use domain::{CallOutcome, LeaseId, RequestId, Timestamp};

use super::{
    Findings, Rule,
    leases::{Lease, Ledger},
};
use crate::trial::record::Record;

/// Over how long pictures and further attempts are counted.
const WINDOW: Duration = Duration::from_mins(5);
/// A picture counts a moment before its first lease was asked for, or after: as long as an answer may be on its way.
const LEEWAY: Duration = Duration::from_secs(10);
/// For so many pictures that are begun there may be one further attempt, and so many in any case, in each process.
const SHARE: usize = 10;
const FLOOR: usize = 15;

/// Holds the further attempts at every model against what was begun.
pub(super) fn check(record: &Record, found: &mut Findings) {
    for (model, Attempts { first, further }) in attempts(&Ledger::of(record)) {
        let most = |now: Timestamp| {
            within(&first, now, WINDOW + LEEWAY) / SHARE + FLOOR * record.generation_lives as usize
        };
        let beyond = further.iter().find(|now| within(&further, **now, WINDOW) > most(**now));
        if let Some(now) = beyond {
            let (count, most) = (within(&further, *now, WINDOW), most(*now));
            let what = format!("{model}: {count} attempts followed failures by {now}, {most} allowed");
            found.note(Rule::RetryBudget, what);
        }
    }
}

/// How many attempts followed failures of the provider.
pub(crate) fn count(record: &Record) -> usize {
    attempts(&Ledger::of(record)).into_values().map(|attempts| attempts.further.len()).sum()
}

/// When attempts at pictures of one model were asked for, oldest first: the first ones, and those that followed a
/// failure of the provider.
#[derive(Default)]
struct Attempts {
    first: Vec<Timestamp>,
    further: Vec<Timestamp>,
}

fn attempts<'a>(ledger: &Ledger<'a>) -> BTreeMap<&'a str, Attempts> {
    let mut models: BTreeMap<&str, Attempts> = BTreeMap::new();
    for lease in ledger.all() {
        let attempts = models.entry(&lease.grant.domain.model).or_default();
        match lease.attempt() {
            0 => attempts.first.push(lease.asked.at),
            attempt if follows_failure(ledger, lease, attempt) => attempts.further.push(lease.asked.at),
            _ => {}
        }
    }
    for Attempts { first, further } in models.values_mut() {
        first.sort_unstable();
        further.sort_unstable();
    }
    models
}

/// Whether the attempt before failed for reasons of the provider's own.
fn follows_failure(ledger: &Ledger<'_>, lease: &Lease<'_>, attempt: u32) -> bool {
    let (Ok(request), Ok(picture)) = (RequestId::new(lease.request()), lease.picture().parse()) else {
        return false;
    };
    let before = ledger.get(&LeaseId::for_attempt(&request, picture, attempt - 1));
    let failed = |outcome: &CallOutcome| matches!(outcome, CallOutcome::Transient | CallOutcome::Overloaded);
    before.is_some_and(|before| before.settlements().any(|(_, _, outcome)| failed(outcome)))
}

/// How many of these moments there were up to `now` within so long.
fn within(moments: &[Timestamp], now: Timestamp, length: Duration) -> usize {
    let leeway = length.saturating_sub(WINDOW);
    moments.iter().filter(|moment| **moment + length > now && **moment <= now + leeway).count()
}

#[cfg(test)]
mod tests {
    use super::super::scene::{DELIVERED, Scene};
    use super::*;

    /// A picture is tried, and once more after it ended so.
    fn tried_twice(scene: &mut Scene, request: &str, outcome: CallOutcome) {
        let first = scene.grant(request, 0, 0);
        scene.settle(first, outcome);
        let second = scene.grant(request, 0, 1);
        scene.settle(second, DELIVERED);
    }

    #[test]
    fn one_more_than_a_tenth_and_the_floor_of_each_process_is_found() {
        let mut scene = Scene::default();
        for number in 0..16 {
            tried_twice(&mut scene, &format!("r{number}"), CallOutcome::Transient);
        }
        assert_eq!(scene.breaks(check), [], "sixteen were begun");
        tried_twice(&mut scene, "s", CallOutcome::Overloaded);
        assert_eq!(scene.breaks(check), [Rule::RetryBudget]);
        scene.record.generation_lives = 2;
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn what_follows_a_refusal_is_free() {
        let mut scene = Scene::default();
        for number in 0..40 {
            let throttled = CallOutcome::Throttled { window: None, retry_after: None, revealed: None };
            tried_twice(&mut scene, &format!("r{number}"), throttled);
        }
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn what_was_begun_long_ago_makes_no_room() {
        let mut scene = Scene::default();
        for number in 0..100 {
            scene.grant(&format!("early{number}"), 0, 0);
        }
        scene.at(60_000);
        for number in 0..20 {
            tried_twice(&mut scene, &format!("r{number}"), CallOutcome::Transient);
        }
        assert_eq!(scene.breaks(check), []);
        scene.at(400_000);
        for number in 0..17 {
            tried_twice(&mut scene, &format!("late{number}"), CallOutcome::Transient);
        }
        assert_eq!(scene.breaks(check), [Rule::RetryBudget]);
    }
}
