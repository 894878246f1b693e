//! How leases end: once, by whoever holds them, whatever is said again or against it.

use domain::lease::Closing;

use super::{
    Findings, Rule,
    leases::{Ending, Lease, Ledger},
};
use crate::trial::record::{Asker, Moment, Record};

/// Looks through every ending.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let ledger = Ledger::of(record);
    for lease in ledger.all() {
        check_once(record, lease, found);
        for ending in &lease.endings {
            check_answer(record, lease, ending, found);
        }
    }
}

/// Whether the ledger was made to forget since the lease was asked for, and with it perhaps how it ended.
fn is_forgotten(record: &Record, lease: &Lease<'_>) -> bool {
    record.forgotten.iter().any(|moment| *moment >= lease.asked.at)
}

fn check_once(record: &Record, lease: &Lease<'_>, found: &mut Findings) {
    let id = &lease.grant.id;
    let answers: Vec<_> = lease.endings.iter().filter_map(|ending| ending.answer).collect();
    let count = |wanted: Closing| answers.iter().filter(|(_, closing)| *closing == wanted).count();
    let (closed, late) = (count(Closing::Closed), count(Closing::Late));
    if (closed > 1 || (closed > 0 && late > 0)) && !is_forgotten(record, lease) {
        found.note(Rule::ClosedOnce, format!("{id} was closed {closed} times, and {late} times late"));
    }
    if late > 1 {
        found.note(Rule::LateOnce, format!("{id} was late {late} times"));
    }
    let early = |(moment, closing): &&(Moment, Closing)| {
        *closing == Closing::Late && moment.at < lease.may_expire_at(*moment)
    };
    if let Some((moment, _)) = answers.iter().find(early) {
        let held = moment.at.since(lease.asked.at).as_millis();
        found.note(Rule::LateOnce, format!("{id} was late after {held} ms"));
    }
}

/// What is said again, by strangers, or in contradiction, gets the one answer that changes nothing.
fn check_answer(record: &Record, lease: &Lease<'_>, ending: &Ending<'_>, found: &mut Findings) {
    let Some((_, closing)) = ending.answer else { return };
    let (rule, right) = match ending.by {
        Asker::Worker => return,
        Asker::Repeater => (Rule::Repetition, Closing::Duplicate),
        Asker::Contradictor => (Rule::Repetition, Closing::Conflict),
        Asker::Stranger => (Rule::Stranger, Closing::Fenced),
    };
    let excuses: &[Closing] = match ending.by {
        Asker::Stranger => &[Closing::Unknown],
        _ => &[Closing::Unknown, Closing::Closed, Closing::Late],
    };
    let is_excused = is_forgotten(record, lease) && excuses.contains(&closing);
    if closing != right && !is_excused {
        let what = format!("{}: a {:?} was told {closing:?}, not {right:?}", lease.grant.id, ending.by);
        found.note(rule, what);
    }
}

#[cfg(test)]
mod tests {
    use domain::CallOutcome;

    use super::super::scene::Scene;
    use super::*;

    #[test]
    fn a_lease_closed_twice_is_found() {
        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.settle(lease.clone(), CallOutcome::Cancelled);
        scene.settle(lease.clone(), CallOutcome::Cancelled);
        assert_eq!(scene.breaks(check), [Rule::ClosedOnce]);
        scene.record.forgotten.push(scene.now);
        assert_eq!(scene.breaks(check), []);
        scene.record.forgotten.clear();
        scene.told_last(Closing::Duplicate);
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn a_lease_is_late_after_its_term_and_once() {
        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.at(44_000).settle(lease.clone(), CallOutcome::Cancelled);
        scene.told_last(Closing::Late);
        assert_eq!(scene.breaks(check), [Rule::LateOnce]);

        let mut scene = Scene::default();
        let lease = scene.grant("r", 0, 0);
        scene.at(45_100).settle(lease.clone(), CallOutcome::Cancelled);
        scene.told_last(Closing::Late);
        assert_eq!(scene.breaks(check), []);
        scene.settle(lease, CallOutcome::Cancelled);
        scene.told_last(Closing::Late);
        assert_eq!(scene.breaks(check), [Rule::LateOnce]);
    }

    #[test]
    fn repeaters_contradictors_and_strangers_must_be_told_so() {
        for (by, right, rule) in [
            (Asker::Repeater, Closing::Duplicate, Rule::Repetition),
            (Asker::Contradictor, Closing::Conflict, Rule::Repetition),
            (Asker::Stranger, Closing::Fenced, Rule::Stranger),
        ] {
            let mut scene = Scene::default();
            let lease = scene.grant("r", 0, 0);
            scene.settle(lease, CallOutcome::Cancelled);
            scene.told_last(right);
            scene.record.exchanges[1].by = by;
            assert_eq!(scene.breaks(check), []);
            scene.told_last(Closing::Closed);
            assert_eq!(scene.breaks(check), [rule]);
            scene.told_last(Closing::Unknown);
            assert_eq!(scene.breaks(check), [rule]);
            scene.record.forgotten.push(scene.now);
            assert_eq!(scene.breaks(check), []);
            scene.told_last(if by == Asker::Stranger { Closing::Closed } else { Closing::Fenced });
            assert_eq!(scene.breaks(check), [rule]);
        }
    }
}
