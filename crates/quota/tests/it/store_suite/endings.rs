//! How leases go on, how they end, and what that gives back.

use domain::{
    CallOutcome, Limits, ManualClock,
    lease::{Closing, Renewal, term},
};
use quota::store::Store;

use crate::scene::{
    AMPLE, MIDNIGHT, NOON, candidate, delivered, id, millis, one, other, refused, seconds, settle, standing,
    throttled,
};

every_store! {
    a_settled_lease_frees_its_slot_and_keeps_its_charge,
    an_expired_lease_frees_its_slot_and_keeps_its_charge,
    a_released_lease_is_refunded_whole,
    a_released_lease_that_had_expired_is_not_refunded,
    a_lease_is_closed_once,
    a_settlement_after_expiry_is_late_once,
    a_stale_fence_changes_nothing,
    a_renewed_lease_goes_on_but_not_for_ever,
    what_is_long_past_is_forgotten,
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
    assert_eq!(
        store.settle(&id("never-granted"), lease.fence, &delivered().into()).await,
        Ok(Closing::Unknown)
    );
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
    assert_eq!(store.settle(&lease.id, stale, &CallOutcome::Transient.into()).await, Ok(Closing::Fenced));
    assert_eq!(store.release(&lease.id, stale).await, Ok(Closing::Fenced));
    assert_eq!(store.renew(&lease.id, stale).await, Ok(Renewal::Ended));
    assert_eq!(standing(store, &account).await, before);
    clock.set(lease.expires_at);
    assert_eq!(store.settle(&lease.id, stale, &delivered().into()).await, Ok(Closing::Fenced));
    assert_eq!(settle(store, &lease, delivered()).await, Closing::Late);
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
