//! What the ledger grants: never too much, never by half, and under fences that rise.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{CallOutcome, Grant, LeaseId, lease::Acquired};

use super::{
    Findings, Rule,
    leases::{Lease, Ledger},
};
use crate::trial::record::{Asker, Exchange, Moment, Question, Record, Told};

/// Looks through every grant.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let ledger = Ledger::of(record);
    check_concurrent(record, &ledger, found);
    check_fences(&ledger, found);
    for exchange in &record.exchanges {
        check_wish(exchange, &ledger, found);
    }
    check_accounts(&ledger, found);
}

/// The leases that are active for certain: granted, not yet asked to be closed, and within their term.
fn check_concurrent(record: &Record, ledger: &Ledger<'_>, found: &mut Findings) {
    let mut domains: BTreeMap<_, Vec<&Lease<'_>>> = BTreeMap::new();
    for lease in ledger.all() {
        domains.entry(&lease.grant.domain).or_default().push(lease);
    }
    for (domain, mut leases) in domains {
        let Some(limits) = record.projects.get(domain.project.as_str()) else { continue };
        leases.sort_by_key(|lease| lease.granted);
        let active = |now: Moment| leases.iter().filter(|lease| is_active(lease, now)).count();
        let crowd = leases.iter().map(|lease| (active(lease.granted), lease)).max_by_key(|(count, _)| *count);
        if let Some((count, lease)) = crowd.filter(|(count, _)| *count > limits.concurrent as usize) {
            let what =
                format!("{domain}: {count} active with {}, {} allowed", lease.grant.id, limits.concurrent);
            found.note(Rule::Concurrent, what);
        }
    }
}

fn is_active(lease: &Lease<'_>, now: Moment) -> bool {
    let asked_to_close = lease.held().any(|ending| ending.asked <= now);
    lease.granted <= now && !asked_to_close && now.at < lease.may_expire_at(now)
}

/// Whoever is granted a lease after another was told of his has the higher fence.
fn check_fences(ledger: &Ledger<'_>, found: &mut Findings) {
    let mut holders: HashMap<u64, &LeaseId> = HashMap::new();
    let mut moments: Vec<(Moment, Option<u64>, &Lease<'_>)> = Vec::new();
    for lease in ledger.all() {
        let (fence, id) = (lease.grant.fence.0, &lease.grant.id);
        if let Some(other) = holders.insert(fence, id) {
            found.note(Rule::Fences, format!("{id} and {other} have the same fence, {fence}"));
        }
        moments.push((lease.asked, None, lease));
        moments.push((lease.granted, Some(fence), lease));
    }
    moments.sort_by_key(|(moment, ..)| *moment);
    let (mut highest, mut floors) = (0, HashMap::new());
    for (_, granted, lease) in moments {
        let id = &lease.grant.id;
        match granted {
            None => {
                floors.insert(id, highest);
            }
            Some(fence) => {
                if floors.get(id).is_some_and(|floor| fence <= *floor) {
                    found.note(Rule::Fences, format!("{id} has the fence {fence}, after one of {highest}"));
                }
                highest = highest.max(fence);
            }
        }
    }
}

/// A wish is granted as a whole, and again as it was the first time.
fn check_wish(exchange: &Exchange, ledger: &Ledger<'_>, found: &mut Findings) {
    let Question::Acquire(wish) = &exchange.question else { return };
    match &exchange.answer {
        Some((_, Told::Acquired(Acquired::Granted(grants)))) => {
            if !grants.iter().map(|grant| &grant.id).eq(&wish.ids) {
                let (granted, wished) = (grants.len(), wish.ids.len());
                found.note(
                    Rule::WholeWishes,
                    format!("{granted} of {wished} leases for {:?}", wish.ids.first()),
                );
            }
            let differs = |grant: &&Grant| {
                let first = ledger.get(&grant.id).map(|lease| (&lease.grant.account, lease.grant.fence));
                first != Some((&grant.account, grant.fence))
            };
            if let Some(grant) = grants.iter().find(differs) {
                found.note(Rule::Repetition, format!("{} was granted twice, and differently", grant.id));
            }
        }
        Some((_, answer)) if exchange.by == Asker::Repeater => {
            found.note(Rule::Repetition, format!("{:?} was granted, and then {answer:?}", wish.ids));
        }
        _ => {}
    }
}

/// Once a call was made for a picture, none follows on the same account.
fn check_accounts(ledger: &Ledger<'_>, found: &mut Findings) {
    let mut tried = HashSet::new();
    for lease in ledger.all().filter(|lease| lease.settlements().next().is_some()) {
        let whose = (lease.request(), lease.picture(), lease.account());
        if tried.contains(&whose) {
            found.note(Rule::AnotherAccount, format!("{} met {} once more", lease.grant.id, lease.account()));
        }
        // A model that is short of capacity is so on every account: whoever waited may ask the same again.
        let to_blame = |(_, _, outcome): (_, _, &CallOutcome)| !matches!(outcome, CallOutcome::Overloaded);
        if lease.settlements().any(to_blame) {
            tried.insert(whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, CallOutcome, Fence, Limits, lease::Shortage};

    use super::super::scene::Scene;
    use super::*;

    #[test]
    fn one_active_lease_too_many_is_found_and_closed_or_expired_ones_do_not_count() {
        let mut scene = Scene::with_limits(Limits::new(99, 99, 99, 2));
        let first = scene.grant("r", 0, 0);
        scene.grant("r", 1, 0);
        scene.settle(first, CallOutcome::Cancelled);
        scene.grant("s", 0, 0);
        assert_eq!(scene.breaks(check), []);
        scene.grant("s", 1, 0);
        assert_eq!(scene.breaks(check), [Rule::Concurrent]);

        let mut scene = Scene::with_limits(Limits::new(99, 99, 99, 1));
        scene.grant("r", 0, 0);
        scene.at(46_000).grant("s", 0, 0);
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn a_renewed_lease_holds_its_slot() {
        let mut scene = Scene::with_limits(Limits::new(99, 99, 99, 1));
        let lease = scene.grant("r", 0, 0);
        scene.at(30_000).renew(&lease);
        scene.at(46_000).grant("s", 0, 0);
        assert_eq!(scene.breaks(check), [Rule::Concurrent]);
    }

    #[test]
    fn fences_that_repeat_or_fall_are_found() {
        for fence in [1, 0] {
            let mut scene = Scene::default();
            scene.grant("r", 0, 0);
            scene.grant("s", 0, 0);
            scene.edit_grant("s/0/0", |grant| grant.fence = Fence(fence));
            assert!(scene.breaks(check).contains(&Rule::Fences), "{fence}");
        }
    }

    #[test]
    fn half_a_wish_and_another_answer_to_the_same_are_found() {
        let mut scene = Scene::default();
        scene.grant("r", 0, 0);
        let Question::Acquire(wish) = &mut scene.record.exchanges[0].question else { unreachable!() };
        wish.ids.push(LeaseId::new("r/1/0").unwrap());
        assert_eq!(scene.breaks(check), [Rule::WholeWishes]);

        let mut scene = Scene::default();
        scene.grant("r", 0, 0);
        scene.grant("r", 0, 0);
        assert_eq!(scene.breaks(check), [Rule::Repetition]);
        let shortage = Shortage::NoAccount;
        scene.record.exchanges[1].by = Asker::Repeater;
        scene.record.exchanges[1].answer =
            Some((scene.moment(), Told::Acquired(Acquired::Refused(shortage))));
        assert_eq!(scene.breaks(check), [Rule::Repetition]);
    }

    #[test]
    fn a_picture_that_meets_an_account_twice_is_found_unless_nothing_was_sent() {
        let mut scene = Scene::default();
        let first = scene.grant("r", 0, 0);
        scene.release(first);
        for attempt in [1, 2] {
            let lease = scene.grant("r", 0, attempt);
            scene.edit_grant(lease.id.as_str(), |grant| grant.account = AccountId::new("a").unwrap());
            scene.settle(lease, CallOutcome::Transient);
        }
        assert_eq!(scene.breaks(check), [Rule::AnotherAccount]);
    }

    #[test]
    fn where_the_model_was_short_of_capacity_the_same_account_may_be_asked_again() {
        let mut scene = Scene::default();
        for (attempt, outcome) in [CallOutcome::Overloaded, CallOutcome::Transient].into_iter().enumerate() {
            let lease = scene.grant("r", 0, u32::try_from(attempt).unwrap());
            scene.settle(lease, outcome);
        }
        assert_eq!(scene.breaks(check), []);
        let lease = scene.grant("r", 0, 2);
        scene.settle(lease, CallOutcome::Transient);
        assert_eq!(scene.breaks(check), [Rule::AnotherAccount]);
    }
}
