//! How what rested for a reason that time alone does not mend proves itself, one real request at a time.

use domain::{CallOutcome, Limits, ManualClock, lease::term};
use quota::store::{CoolingReason, Store};

use crate::scene::{
    AMPLE, NOON, candidate, candidate_for, delivered, granted, id, ids, millis, one, refused, seconds,
    settle, standing, throttled,
};

const QUARTER: u64 = 15 * 60;

every_store! {
    after_its_rest_an_account_is_tried_by_one_lease_until_a_call_succeeds,
    a_probe_that_is_given_back_or_expires_lets_the_next_one_try,
    a_probe_that_fails_rests_the_scope_again_and_longer,
    a_call_that_was_leased_before_the_failure_proves_nothing,
    what_ends_by_time_alone_has_nothing_to_prove,
    a_batch_takes_at_most_one_lease_of_what_is_on_probation,
    an_account_on_probation_leaves_several_leases_to_another_of_its_project,
    what_nobody_tried_for_a_day_is_as_good_as_new,
}

async fn reject(store: &dyn Store, name: &str, account: &quota::store::Candidate) {
    let lease = one(store, name, account).await;
    settle(store, &lease, CallOutcome::CredentialRejected).await;
}

async fn after_its_rest_an_account_is_tried_by_one_lease_until_a_call_succeeds(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", AMPLE);
    reject(store, "first", &account).await;
    clock.set(NOON + seconds(QUARTER));
    let rested = standing(store, &account).await;
    assert_eq!((rested.cooling, rested.probation), (None, Some(CoolingReason::CredentialRejected)));
    let probe = one(store, "probe", &account).await;
    let other_model = candidate_for("flash", "a", "p", AMPLE);
    assert_eq!(refused(store, &[id("meanwhile")], std::slice::from_ref(&account)).await, (seconds(1), 1));
    refused(store, &[id("meanwhile")], &[other_model]).await;
    assert_eq!(standing(store, &account).await.free_at, probe.expires_at);
    settle(store, &probe, CallOutcome::Rejected).await;
    assert_eq!(standing(store, &account).await.probation, None);
    granted(store, &ids("afterwards", 5), std::slice::from_ref(&account)).await;
}

async fn a_probe_that_is_given_back_or_expires_lets_the_next_one_try(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    reject(store, "first", &account).await;
    clock.set(NOON + seconds(QUARTER));
    let released = one(store, "released", &account).await;
    store.release(&released.id, released.fence).await.unwrap();
    let unknown = one(store, "unknown", &account).await;
    settle(store, &unknown, CallOutcome::Ambiguous).await;
    let renewed = one(store, "renewed", &account).await;
    clock.set(renewed.expires_at - millis(1));
    store.renew(&renewed.id, renewed.fence).await.unwrap();
    clock.set(renewed.expires_at);
    refused(store, &[id("busy")], std::slice::from_ref(&account)).await;
    clock.advance(term::LEASE);
    one(store, "next", &account).await;
    refused(store, &[id("busy")], &[account]).await;
}

async fn a_probe_that_fails_rests_the_scope_again_and_longer(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    for lease in granted(store, &ids("burst", 7), std::slice::from_ref(&account)).await {
        settle(store, &lease, CallOutcome::Transient).await;
    }
    for rest in [30, 60, 120] {
        let cooling = standing(store, &account).await.cooling.unwrap();
        let now = domain::Clock::now(clock);
        assert_eq!((cooling.until, cooling.reason), (now + seconds(rest), CoolingReason::Failing));
        clock.set(cooling.until);
        let probe = one(store, format!("probe-{rest}"), &account).await;
        settle(store, &probe, CallOutcome::Transient).await;
    }
    clock.advance(seconds(240));
    let probe = one(store, "good", &account).await;
    settle(store, &probe, delivered()).await;
    for lease in granted(store, &ids("again", 5), std::slice::from_ref(&account)).await {
        settle(store, &lease, CallOutcome::Transient).await;
    }
    let cooling = standing(store, &account).await.cooling.unwrap();
    assert_eq!(cooling.until, domain::Clock::now(clock) + seconds(30));
}

async fn a_call_that_was_leased_before_the_failure_proves_nothing(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let early = one(store, "early", &account).await;
    reject(store, "first", &account).await;
    clock.advance(seconds(1));
    settle(store, &early, delivered()).await;
    clock.set(NOON + seconds(QUARTER));
    one(store, "probe", &account).await;
    refused(store, &[id("meanwhile")], &[account]).await;
}

async fn what_ends_by_time_alone_has_nothing_to_prove(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    for outcome in [throttled(None, Some(seconds(5))), CallOutcome::Overloaded] {
        let lease = one(store, outcome.as_str(), &account).await;
        settle(store, &lease, outcome).await;
        clock.advance(seconds(5));
        assert_eq!(standing(store, &account).await.probation, None);
        granted(store, &ids(domain::Clock::now(clock), 3), std::slice::from_ref(&account)).await;
    }
}

async fn a_batch_takes_at_most_one_lease_of_what_is_on_probation(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", Limits::new(9, 9, 99, 2))];
    reject(store, "first", &both[0]).await;
    clock.set(NOON + seconds(QUARTER));
    assert_eq!(refused(store, &ids("four", 4), &both).await, (seconds(0), 3));
    let leases = granted(store, &ids("three", 3), &both).await;
    let accounts: Vec<_> = leases.iter().map(|lease| lease.account.as_str()).collect();
    assert_eq!(accounts, ["a", "b", "b"]);
}

async fn an_account_on_probation_leaves_several_leases_to_another_of_its_project(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "p", AMPLE)];
    reject(store, "first", &both[0]).await;
    clock.set(NOON + seconds(QUARTER));
    let several = granted(store, &ids("several", 3), &both).await;
    assert!(several.iter().all(|lease| lease.account.as_str() == "b"));
    assert_eq!(granted(store, &ids("single", 1), &both).await[0].account.as_str(), "a");
    assert_eq!(granted(store, &ids("next", 1), &both).await[0].account.as_str(), "b");
}

async fn what_nobody_tried_for_a_day_is_as_good_as_new(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    reject(store, "first", &account).await;
    clock.set(NOON + seconds(24 * 3_600) - millis(1));
    store.expire().await.unwrap();
    refused(store, &ids("both", 2), std::slice::from_ref(&account)).await;
    clock.set(NOON + seconds(24 * 3_600));
    store.expire().await.unwrap();
    granted(store, &ids("both", 2), &[account]).await;
}
