//! Judges a record of a trial: pure, so that it is itself tried on records that break each rule.

mod accounting;
mod answers;
mod calls;
mod cooling;
mod endings;
mod grants;
mod leases;
mod retries;
#[cfg(test)]
mod scene;
mod service;
mod usage;

use std::fmt;

use super::record::Record;

pub(crate) use retries::count as retries;

/// Something that must never happen, and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The rule that was broken.
    pub(crate) rule: Rule,
    /// How.
    pub(crate) what: String,
}

/// What must hold, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// In any 60 seconds no more calls reach the provider than a project may make with one model.
    RequestsPerMinute,
    /// Nor more pictures.
    ImagesPerMinute,
    /// From midnight Pacific time to the next no more calls than a project may make with one model.
    RequestsPerDay,
    /// No more leases are active than a project may make calls at once.
    Concurrent,
    /// A lease is closed once.
    ClosedOnce,
    /// A lease is settled late at most once, and only after its term.
    LateOnce,
    /// Every call that reaches the provider has a lease of its own.
    CallWithoutLease,
    /// A call that was answered reached the provider.
    SettledUnseen,
    /// The ledger hears of every picture that came.
    SettlementLost,
    /// Fences are unique and rise.
    Fences,
    /// Who does not hold a lease changes nothing.
    Stranger,
    /// What is said again is answered as before and changes nothing; a contradiction is told so.
    Repetition,
    /// A wish is granted as a whole or not at all.
    WholeWishes,
    /// A project or an account that rests is not called.
    Rest,
    /// At most three calls are made for a picture.
    Attempts,
    /// No picture is tried twice on the same account.
    AnotherAccount,
    /// Calls that follow failures of the provider are a tenth of those that were begun, and a few.
    RetryBudget,
    /// Every request is answered in time.
    InTime,
    /// Every call that came to an end is in the usage log once, as it was settled, and the sums are those of the log.
    Usage,
    /// The ledger soon grants again, whatever happened to it.
    Returns,
    /// Every picture that came was paid for once, and every one that was paid for came, unless the client was warned.
    Bill,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Everything in the record that must not have happened.
pub(crate) fn check(record: &Record) -> Vec<Violation> {
    let mut found = Findings::default();
    calls::check(record, &mut found);
    answers::check(record, &mut found);
    retries::check(record, &mut found);
    grants::check(record, &mut found);
    endings::check(record, &mut found);
    accounting::check(record, &mut found);
    cooling::check(record, &mut found);
    service::check(record, &mut found);
    usage::check(record, &mut found);
    found.0
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn note(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.push(Violation { rule, what: what.into() });
    }
}

#[cfg(test)]
mod tests {
    use domain::Limits;

    use super::{scene::Scene, *};
    use crate::trial::record::End;

    #[test]
    fn a_trial_in_which_all_is_well_breaks_nothing_and_each_part_is_asked() {
        let mut scene = Scene::with_limits(Limits::new(2, 2, 9, 2));
        scene.leased_call("r");
        scene.answer("r", 1, 1, End::Finished(vec![]));
        assert_eq!(check(&scene.record), []);

        scene.record.projects.insert("p".into(), Limits::new(0, 9, 9, 0));
        scene.record.answers[0].delivered = 0;
        let lease = scene.grant("s", 0, 0);
        scene.settle(lease.clone(), super::scene::DELIVERED);
        scene.settle(lease, super::scene::DELIVERED);
        let broken: Vec<Rule> = check(&scene.record).into_iter().map(|violation| violation.rule).collect();
        let expected =
            [Rule::RequestsPerMinute, Rule::Bill, Rule::Concurrent, Rule::ClosedOnce, Rule::SettledUnseen];
        assert_eq!(broken, expected);
    }
}
