//! What a store admits, and where it puts the leases.

use domain::{CallOutcome, Limits, ManualClock};
use quota::store::{Acquisition, MOST_CANDIDATES, Store};

use crate::scene::{AMPLE, NOON, ask, candidate, granted, id, ids, one, refused, seconds, settle, standing};

every_store! {
    a_wish_is_granted_whole_or_not_at_all,
    leases_of_a_wish_go_round_the_domains_in_rank_order,
    a_second_account_of_a_project_adds_no_quota,
    a_second_account_of_a_project_serves_while_the_first_is_refused,
    only_the_first_ten_candidates_are_looked_at,
    new_limits_hold_for_the_next_grant,
    fences_rise_with_every_grant,
    a_repeated_wish_gets_the_same_leases_and_is_counted_once,
    a_wish_of_known_and_new_ids_is_refused_and_counts_nothing,
    a_repeated_wish_for_a_closed_lease_shows_that_nothing_may_be_sent,
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

async fn only_the_first_ten_candidates_are_looked_at(store: &dyn Store, _: &ManualClock) {
    let narrow = Limits::new(1, 1, 1, 1);
    let many: Vec<_> = (0..=MOST_CANDIDATES)
        .map(|n| candidate(&format!("account{n}"), &format!("project{n}"), narrow))
        .collect();
    let (_, at_most) = refused(store, &ids("eleven", 11), &many).await;
    assert_eq!(at_most, 10);
    granted(store, &ids("ten", 10), &many).await;
    assert_eq!(standing(store, &many[MOST_CANDIDATES]).await.in_flight, 0);
}

async fn new_limits_hold_for_the_next_grant(store: &dyn Store, _: &ManualClock) {
    granted(store, &ids("generous", 5), &[candidate("a", "p", AMPLE)]).await;
    refused(store, &[id("strict")], &[candidate("a", "p", Limits::new(5, 9, 9, 9))]).await;
    granted(store, &[id("again")], &[candidate("a", "p", Limits::new(6, 9, 9, 9))]).await;
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
