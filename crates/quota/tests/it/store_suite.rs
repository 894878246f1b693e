//! What every store must do, stated once and proved of each.

use std::sync::Arc;

use domain::{
    CallOutcome, Limits, ManualClock,
    lease::{Closing, Renewal, Window, term},
};
use quota::store::{Acquisition, CoolingReason, Location, MOST_CANDIDATES, Store, open};

use crate::scene::{
    AMPLE, MIDNIGHT, NOON, ask, candidate, candidate_for, delivered, granted, id, ids, millis, one, other,
    refused, seconds, settle, standing, throttled,
};

/// Makes one test of each behaviour for each store.
macro_rules! every_store {
    ($($behaviour:ident,)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $behaviour() {
                let clock = Arc::new(ManualClock::at(NOON));
                let store = open(&Location::Memory, clock.clone()).await.unwrap();
                super::$behaviour(&*store, &clock).await;
            })*
        }

        mod embedded {
            use super::*;
            $(#[tokio::test]
            async fn $behaviour() {
                let directory = tempfile::tempdir().unwrap();
                let location = Location::Embedded(directory.path().join("ledger.redb"));
                let clock = Arc::new(ManualClock::at(NOON));
                let store = open(&location, clock.clone()).await.unwrap();
                super::$behaviour(&*store, &clock).await;
            })*
        }
    };
}

every_store! {
    a_wish_is_granted_whole_or_not_at_all,
    leases_of_a_wish_go_round_the_domains_in_rank_order,
    a_second_account_of_a_project_adds_no_quota,
    a_second_account_of_a_project_serves_while_the_first_is_refused,
    no_minute_holds_more_calls_than_are_allowed_and_none_is_wasted,
    no_minute_holds_more_pictures_than_are_allowed,
    a_day_holds_no_more_calls_than_allowed_and_ends_at_midnight_pacific,
    a_call_just_before_midnight_is_charged_to_both_days,
    a_settled_lease_frees_its_slot_and_keeps_its_charge,
    an_expired_lease_frees_its_slot_and_keeps_its_charge,
    a_released_lease_is_refunded_whole,
    a_released_lease_that_had_expired_is_not_refunded,
    a_lease_is_closed_once,
    a_settlement_after_expiry_is_late_once,
    a_stale_fence_changes_nothing,
    fences_rise_with_every_grant,
    a_repeated_wish_gets_the_same_leases_and_is_counted_once,
    a_wish_of_known_and_new_ids_is_refused_and_counts_nothing,
    a_repeated_wish_for_a_closed_lease_shows_that_nothing_may_be_sent,
    a_renewed_lease_goes_on_but_not_for_ever,
    what_is_long_past_is_forgotten,
    only_the_first_eight_candidates_are_looked_at,
    new_limits_hold_for_the_next_grant,
    a_throttled_domain_rests_as_long_as_the_provider_asks,
    a_day_that_is_used_up_rests_its_domain_until_midnight,
    a_capacity_shortage_rests_the_model_for_every_account,
    a_rejected_credential_rests_its_account_on_every_model,
    a_forbidden_model_rests_for_that_account_alone,
    five_failures_in_a_row_rest_the_domain,
    a_cooldown_is_never_shortened,
    a_late_settlement_still_tells_of_the_provider,
    a_refusal_says_when_a_minute_window_opens,
    a_refusal_says_when_the_day_opens,
    a_refusal_that_waits_for_calls_in_flight_asks_to_come_back_soon,
    a_refusal_says_the_most_that_could_ever_be_granted,
    a_clock_set_back_reopens_nothing,
}

async fn a_wish_is_granted_whole_or_not_at_all(store: &dyn Store, _: &ManualClock) {
    let both = [candidate("a", "p", Limits::new(2, 9, 9, 9)), candidate("b", "q", Limits::new(9, 9, 9, 1))];
    let untouched = store.standing(&both).await.unwrap();
    refused(store, &ids("four", 4), &both).await;
    assert_eq!(store.standing(&both).await.unwrap(), untouched);
    assert_eq!(granted(store, &ids("three", 3), &both).await.len(), 3);
    refused(store, &ids("one", 1), &both).await;
}

async fn leases_of_a_wish_go_round_the_domains_in_rank_order(store: &dyn Store, _: &ManualClock) {
    let narrow = Limits::new(9, 9, 9, 1);
    let ranked = [candidate("a", "p", AMPLE), candidate("b", "q", narrow), candidate("c", "r", AMPLE)];
    let leases = granted(store, &ids("wish", 6), &ranked).await;
    let accounts: Vec<_> = leases.iter().map(|lease| lease.account.as_str()).collect();
    assert_eq!(accounts, ["a", "b", "c", "a", "c", "a"]);
    assert_eq!(leases.iter().map(|lease| lease.id.clone()).collect::<Vec<_>>(), ids("wish", 6));
}

async fn a_second_account_of_a_project_adds_no_quota(store: &dyn Store, _: &ManualClock) {
    let limits = Limits::new(3, 9, 9, 9);
    let both = [candidate("a", "p", limits), candidate("b", "p", limits)];
    let (_, at_most) = refused(store, &ids("four", 4), &both).await;
    assert_eq!(at_most, 3);
    granted(store, &ids("three", 3), &both[..1]).await;
    refused(store, &[id("other")], &both[1..]).await;
}

async fn a_second_account_of_a_project_serves_while_the_first_is_refused(store: &dyn Store, _: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "p", AMPLE)];
    let lease = granted(store, &ids("first", 1), &both).await.remove(0);
    assert_eq!(lease.account.as_str(), "a");
    settle(store, &lease, CallOutcome::CredentialRejected).await;
    let lease = granted(store, &ids("second", 1), &both).await.remove(0);
    assert_eq!(lease.account.as_str(), "b");
}

/// Asks and settles ten times a second for five minutes; answers with the moments of the grants.
async fn greedy(store: &dyn Store, clock: &ManualClock, limits: Limits) -> Vec<domain::Timestamp> {
    let candidate = candidate("a", "p", limits);
    let mut grants = vec![];
    for round in 0..3_000 {
        let now = NOON + millis(100 * round);
        clock.set(now);
        if let Acquisition::Granted { leases, .. } =
            ask(store, &[id(round)], std::slice::from_ref(&candidate)).await
        {
            settle(store, &leases[0], delivered()).await;
            grants.push(now);
        }
    }
    grants
}

async fn no_minute_holds_more_calls_than_are_allowed_and_none_is_wasted(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let grants = greedy(store, clock, Limits::new(7, 100, 1_000, 5)).await;
    for (first, eighth) in grants.iter().zip(grants.iter().skip(7)) {
        assert!(eighth.since(*first) >= term::WINDOW, "8 calls from {first:?} to {eighth:?}");
    }
    assert_eq!(grants.len(), 5 * 7);
}

async fn no_minute_holds_more_pictures_than_are_allowed(store: &dyn Store, clock: &ManualClock) {
    let grants = greedy(store, clock, Limits::new(100, 3, 1_000, 5)).await;
    for (first, fourth) in grants.iter().zip(grants.iter().skip(3)) {
        assert!(fourth.since(*first) >= term::WINDOW, "4 pictures from {first:?} to {fourth:?}");
    }
    assert_eq!(grants.len(), 5 * 3);
}

async fn a_day_holds_no_more_calls_than_allowed_and_ends_at_midnight_pacific(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", Limits::new(9, 9, 3, 9));
    for call in 0..3 {
        one(store, call, &account).await;
        clock.advance(seconds(3_600));
    }
    clock.set(MIDNIGHT - seconds(6));
    refused(store, &[id("too-many")], std::slice::from_ref(&account)).await;
    clock.set(MIDNIGHT);
    granted(store, &ids("next-day", 3), std::slice::from_ref(&account)).await;
}

async fn a_call_just_before_midnight_is_charged_to_both_days(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(9, 9, 3, 9));
    clock.set(MIDNIGHT - millis(5_001));
    one(store, "before", &account).await;
    clock.set(MIDNIGHT - seconds(5));
    one(store, "edge", &account).await;
    assert_eq!(standing(store, &account).await.in_day, 2);
    clock.set(MIDNIGHT);
    assert_eq!(standing(store, &account).await.in_day, 1);
}

async fn a_settled_lease_frees_its_slot_and_keeps_its_charge(store: &dyn Store, _: &ManualClock) {
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let lease = one(store, "first", &account).await;
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    assert_eq!(settle(store, &lease, CallOutcome::Rejected).await, Closing::Closed);
    let standing = standing(store, &account).await;
    assert_eq!((standing.in_minute, standing.in_day, standing.in_flight), (1, 1, 0));
    one(store, "second", &account).await;
}

async fn an_expired_lease_frees_its_slot_and_keeps_its_charge(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let lease = one(store, "first", &account).await;
    clock.set(lease.expires_at - millis(1));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    assert_eq!(store.expire().await, Ok(vec![]));
    clock.set(lease.expires_at);
    one(store, "second", &account).await;
    let standing = standing(store, &account).await;
    assert_eq!((standing.in_minute, standing.in_day, standing.in_flight), (2, 2, 1));
    assert_eq!(store.expire().await, Ok(vec![lease]));
    assert_eq!(store.expire().await, Ok(vec![]));
}

async fn a_released_lease_is_refunded_whole(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(2, 9, 9, 1));
    clock.set(MIDNIGHT - seconds(2));
    let fresh = standing(store, &account).await;
    let lease = one(store, "first", &account).await;
    assert_eq!(store.release(&lease.id, lease.fence).await, Ok(Closing::Closed));
    let after = standing(store, &account).await;
    assert_eq!((after.in_minute, after.in_day, after.in_flight), (0, 0, 0));
    assert_eq!(after.free_at, fresh.free_at);
    clock.set(MIDNIGHT);
    assert_eq!(standing(store, &account).await.in_day, 0);
    assert_eq!(store.release(&lease.id, lease.fence).await, Ok(Closing::Duplicate));
    assert_eq!(settle(store, &lease, delivered()).await, Closing::Conflict);
    assert_eq!(standing(store, &account).await.in_day, 0);
}

async fn a_released_lease_that_had_expired_is_not_refunded(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    clock.advance(term::LEASE);
    assert_eq!(store.release(&lease.id, lease.fence).await, Ok(Closing::Late));
    let standing = standing(store, &account).await;
    assert_eq!((standing.in_minute, standing.in_day, standing.in_flight), (1, 1, 0));
}

async fn a_lease_is_closed_once(store: &dyn Store, _: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    let settle = |outcome| settle(store, &lease, outcome);
    assert_eq!(settle(throttled(None, Some(seconds(5)))).await, Closing::Closed);
    let closed = standing(store, &account).await;
    assert_eq!(settle(throttled(None, Some(seconds(5)))).await, Closing::Duplicate);
    assert_eq!(settle(throttled(None, Some(seconds(600)))).await, Closing::Conflict);
    assert_eq!(settle(CallOutcome::CredentialRejected).await, Closing::Conflict);
    assert_eq!(store.release(&id("first"), lease.fence).await, Ok(Closing::Conflict));
    assert_eq!(store.renew(&id("first"), lease.fence).await, Ok(Renewal::Ended));
    assert_eq!(standing(store, &account).await, closed);
    assert_eq!(store.settle(&id("never-granted"), lease.fence, &delivered()).await, Ok(Closing::Unknown));
}

async fn a_settlement_after_expiry_is_late_once(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let unswept = one(store, "unswept", &account).await;
    let swept = one(store, "swept", &account).await;
    clock.advance(term::LEASE);
    let late = |lease: domain::Lease| async move {
        assert_eq!(settle(store, &lease, delivered()).await, Closing::Late);
        assert_eq!(settle(store, &lease, delivered()).await, Closing::Duplicate);
        assert_eq!(settle(store, &lease, CallOutcome::Empty).await, Closing::Conflict);
    };
    late(unswept).await;
    assert_eq!(store.expire().await, Ok(vec![swept.clone()]));
    late(swept).await;
    let standing = standing(store, &account).await;
    assert_eq!((standing.in_minute, standing.in_day, standing.in_flight), (2, 2, 0));
}

async fn a_stale_fence_changes_nothing(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    let stale = other(lease.fence);
    clock.advance(seconds(10));
    let before = standing(store, &account).await;
    assert_eq!(store.settle(&lease.id, stale, &CallOutcome::Transient).await, Ok(Closing::Fenced));
    assert_eq!(store.release(&lease.id, stale).await, Ok(Closing::Fenced));
    assert_eq!(store.renew(&lease.id, stale).await, Ok(Renewal::Ended));
    assert_eq!(standing(store, &account).await, before);
    clock.set(lease.expires_at);
    assert_eq!(store.settle(&lease.id, stale, &delivered()).await, Ok(Closing::Fenced));
    assert_eq!(settle(store, &lease, delivered()).await, Closing::Late);
}

async fn fences_rise_with_every_grant(store: &dyn Store, _: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let mut leases = granted(store, &ids("first", 5), &both).await;
    leases.extend(granted(store, &ids("second", 5), &both).await);
    assert!(leases.is_sorted_by(|one, next| one.fence < next.fence));
}

async fn a_repeated_wish_gets_the_same_leases_and_is_counted_once(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", Limits::new(2, 2, 2, 2)), candidate("b", "q", Limits::new(1, 1, 1, 1))];
    let leases = granted(store, &ids("wish", 3), &both).await;
    clock.advance(seconds(10));
    assert_eq!(granted(store, &ids("wish", 3), &both).await, leases);
    assert_eq!(granted(store, &ids("wish", 3)[1..2], &both[..1]).await, leases[1..2]);
    assert_eq!(standing(store, &both[0]).await.in_flight, 2);
    assert_eq!(standing(store, &both[1]).await.in_flight, 1);
}

async fn a_wish_of_known_and_new_ids_is_refused_and_counts_nothing(store: &dyn Store, _: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    one(store, "known", &account).await;
    let mixed = ask(store, &[id("new"), id("known")], std::slice::from_ref(&account)).await;
    assert_eq!(mixed, Acquisition::Mixed { known: id("known") });
    assert_eq!(standing(store, &account).await.in_flight, 1);
    one(store, "new", &account).await;
}

async fn a_repeated_wish_for_a_closed_lease_shows_that_nothing_may_be_sent(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    clock.advance(seconds(1));
    store.release(&lease.id, lease.fence).await.unwrap();
    let closed_at = NOON + seconds(1);
    let again = one(store, "first", &account).await;
    assert_eq!((again.start_by, again.expires_at), (closed_at, closed_at));
    assert_eq!(again.fence, lease.fence);
}

async fn a_renewed_lease_goes_on_but_not_for_ever(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let lease = one(store, "first", &account).await;
    for round in 1..=13 {
        clock.set(NOON + term::RENEWAL * round);
        let left = (NOON + term::LONGEST).since(NOON + term::RENEWAL * round);
        let renewal = store.renew(&lease.id, lease.fence).await;
        assert_eq!(renewal, Ok(Renewal::Active { expires_in: term::LEASE.min(left) }));
    }
    clock.set(NOON + term::LONGEST - millis(1));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    clock.set(NOON + term::LONGEST);
    assert_eq!(store.renew(&lease.id, lease.fence).await, Ok(Renewal::Ended));
    one(store, "second", &account).await;
    assert_eq!(settle(store, &lease, delivered()).await, Closing::Late);
}

async fn what_is_long_past_is_forgotten(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let closed = one(store, "closed", &account).await;
    let expired = one(store, "expired", &account).await;
    settle(store, &closed, delivered()).await;
    let settle = |lease| settle(store, lease, delivered());
    clock.set(NOON + seconds(15 * 60 - 1));
    store.expire().await.unwrap();
    assert_eq!(settle(&closed).await, Closing::Duplicate);
    clock.set(NOON + seconds(15 * 60));
    store.expire().await.unwrap();
    assert_eq!(settle(&closed).await, Closing::Unknown);
    clock.set(expired.expires_at + seconds(60 * 60 - 1));
    store.expire().await.unwrap();
    assert_eq!(settle(&expired).await, Closing::Late);
    clock.set(expired.expires_at + seconds(60 * 60));
    store.expire().await.unwrap();
    assert_eq!(settle(&expired).await, Closing::Unknown);
    assert_eq!(standing(store, &account).await.in_day, 2);
}

async fn only_the_first_eight_candidates_are_looked_at(store: &dyn Store, _: &ManualClock) {
    let narrow = Limits::new(1, 1, 1, 1);
    let many: Vec<_> = (0..=MOST_CANDIDATES)
        .map(|n| candidate(&format!("account{n}"), &format!("project{n}"), narrow))
        .collect();
    let (_, at_most) = refused(store, &ids("nine", 9), &many).await;
    assert_eq!(at_most, 8);
    granted(store, &ids("eight", 8), &many).await;
    assert_eq!(standing(store, &many[MOST_CANDIDATES]).await.in_flight, 0);
}

async fn new_limits_hold_for_the_next_grant(store: &dyn Store, _: &ManualClock) {
    granted(store, &ids("generous", 5), &[candidate("a", "p", AMPLE)]).await;
    refused(store, &[id("strict")], &[candidate("a", "p", Limits::new(5, 9, 9, 9))]).await;
    granted(store, &[id("again")], &[candidate("a", "p", Limits::new(6, 9, 9, 9))]).await;
}

async fn a_throttled_domain_rests_as_long_as_the_provider_asks(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let lease = one(store, "first", &both[0]).await;
    let asked = throttled(Some(Window::Minute), Some(seconds(7)));
    settle(store, &lease, asked).await;
    let cooling = standing(store, &both[0]).await.cooling.unwrap();
    assert_eq!((cooling.until, cooling.reason), (NOON + seconds(7), CoolingReason::Throttled));
    clock.advance(millis(6_999));
    let elsewhere = granted(store, &ids("meanwhile", 2), &both).await;
    assert!(elsewhere.iter().all(|lease| lease.account.as_str() == "b"));
    clock.advance(millis(1));
    assert_eq!(standing(store, &both[0]).await.cooling, None);
    one(store, "afterwards", &both[0]).await;
}

async fn a_day_that_is_used_up_rests_its_domain_until_midnight(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    let used_up = throttled(Some(Window::Day), Some(seconds(0)));
    settle(store, &lease, used_up).await;
    let (wait, _) = refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    assert_eq!(NOON + wait, MIDNIGHT);
    clock.set(MIDNIGHT - millis(1));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    clock.set(MIDNIGHT);
    one(store, "second", &account).await;
}

async fn a_capacity_shortage_rests_the_model_for_every_account(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let lease = one(store, "first", &both[0]).await;
    settle(store, &lease, CallOutcome::Overloaded).await;
    let (wait, _) = refused(store, &[id("second")], &both).await;
    assert_eq!(wait, seconds(2));
    one(store, "other-model", &candidate_for("flash", "a", "p", AMPLE)).await;
    clock.advance(wait);
    granted(store, &ids("second", 2), &both).await;
}

async fn a_rejected_credential_rests_its_account_on_every_model(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    settle(store, &lease, CallOutcome::CredentialRejected).await;
    let other_model = candidate_for("flash", "a", "p", AMPLE);
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    refused(store, &[id("second")], &[other_model]).await;
    one(store, "same-project", &candidate("b", "p", AMPLE)).await;
    clock.advance(seconds(15 * 60));
    one(store, "probe", &account).await;
}

async fn a_forbidden_model_rests_for_that_account_alone(store: &dyn Store, _: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    settle(store, &lease, CallOutcome::Forbidden).await;
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    one(store, "other-model", &candidate_for("flash", "a", "p", AMPLE)).await;
    one(store, "other-account", &candidate("b", "p", AMPLE)).await;
}

async fn five_failures_in_a_row_rest_the_domain(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let fail = |name: &'static str| {
        let account = account.clone();
        async move {
            let lease = one(store, name, &account).await;
            settle(store, &lease, CallOutcome::Transient).await;
        }
    };
    for name in ["1", "2", "3", "4"] {
        fail(name).await;
    }
    let success = one(store, "success", &account).await;
    assert_eq!(standing(store, &account).await.setbacks, 4);
    settle(store, &success, delivered()).await;
    assert_eq!(standing(store, &account).await.setbacks, 0);
    for name in ["5", "6", "7", "8", "9"] {
        assert_eq!(standing(store, &account).await.cooling, None);
        fail(name).await;
    }
    let cooling = standing(store, &account).await.cooling.unwrap();
    assert_eq!((cooling.until, cooling.reason), (NOON + seconds(30), CoolingReason::Failing));
    clock.advance(seconds(30));
    one(store, "afterwards", &account).await;
}

async fn a_cooldown_is_never_shortened(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let leases = granted(store, &ids("wish", 3), std::slice::from_ref(&account)).await;
    let long = throttled(Some(Window::Minute), Some(seconds(40)));
    settle(store, &leases[0], long).await;
    clock.advance(seconds(1));
    let short = throttled(Some(Window::Minute), Some(seconds(2)));
    settle(store, &leases[1], short).await;
    settle(store, &leases[2], delivered()).await;
    assert_eq!(standing(store, &account).await.cooling.unwrap().until, NOON + seconds(40));
}

async fn a_late_settlement_still_tells_of_the_provider(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", AMPLE);
    let lease = one(store, "first", &account).await;
    clock.advance(term::LEASE);
    let settled = store.settle(&lease.id, lease.fence, &CallOutcome::CredentialRejected).await;
    assert_eq!(settled, Ok(Closing::Late));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
}

async fn a_refusal_says_when_a_minute_window_opens(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", Limits::new(2, 9, 99, 9)), candidate("b", "q", Limits::new(9, 1, 99, 9))];
    for (name, account) in [("1", &both[0]), ("2", &both[0]), ("3", &both[1])] {
        let lease = one(store, name, account).await;
        settle(store, &lease, delivered()).await;
        clock.advance(seconds(10));
    }
    let opens = |calls| {
        let both = &both;
        async move { refused(store, &ids("next", calls), both).await.0 }
    };
    assert_eq!(opens(1).await + seconds(30), term::WINDOW);
    assert_eq!(opens(2).await + seconds(20), term::WINDOW);
    assert_eq!(opens(3).await + seconds(10), term::WINDOW);
    clock.set(NOON + term::WINDOW - millis(1));
    assert_eq!(opens(1).await, millis(1));
    clock.set(NOON + term::WINDOW);
    granted(store, &ids("now", 1), &both).await;
}

async fn a_refusal_says_when_the_day_opens(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(9, 9, 2, 9));
    clock.set(MIDNIGHT - seconds(600));
    for lease in granted(store, &ids("today", 2), std::slice::from_ref(&account)).await {
        settle(store, &lease, delivered()).await;
    }
    let (wait, _) = refused(store, &[id("next")], std::slice::from_ref(&account)).await;
    assert_eq!(wait, seconds(600));
}

async fn a_refusal_that_waits_for_calls_in_flight_asks_to_come_back_soon(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", Limits::new(9, 9, 9, 1));
    let lease = one(store, "first", &account).await;
    let soon = || async { refused(store, &[id("second")], std::slice::from_ref(&account)).await.0 };
    assert_eq!(soon().await, seconds(1));
    clock.set(lease.expires_at - millis(300));
    assert_eq!(soon().await, millis(300));
}

async fn a_refusal_says_the_most_that_could_ever_be_granted(store: &dyn Store, _: &ManualClock) {
    let both = [candidate("a", "p", Limits::new(9, 2, 9, 9)), candidate("b", "q", Limits::new(9, 9, 9, 3))];
    assert_eq!(refused(store, &ids("six", 6), &both).await, (seconds(0), 5));
    granted(store, &ids("five", 5), &both).await;
    assert_eq!(refused(store, &ids("six", 6), &both).await.1, 5);
}

async fn a_clock_set_back_reopens_nothing(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(1, 9, 9, 9));
    let lease = one(store, "first", &account).await;
    clock.set(lease.expires_at);
    assert_eq!(store.expire().await.unwrap().len(), 1);
    clock.set(NOON - seconds(3_600));
    assert_eq!(store.renew(&lease.id, lease.fence).await, Ok(Renewal::Ended));
    let (wait, _) = refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    assert_eq!(term::LEASE + wait, term::WINDOW);
    clock.set(NOON + term::WINDOW - millis(1));
    refused(store, &[id("second")], std::slice::from_ref(&account)).await;
    clock.set(NOON + term::WINDOW);
    one(store, "second", &account).await;
}
