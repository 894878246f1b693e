//! No window ever holds more than is allowed, whatever the clock does.

use domain::{
    CallOutcome, Limits, ManualClock, Settlement,
    lease::{Renewal, term},
};
use quota::store::{Acquisition, Store};

use crate::scene::{
    MIDNIGHT, NOON, ask, candidate, delivered, granted, id, ids, millis, one, refused, seconds, settle,
    standing,
};

every_store! {
    no_minute_holds_more_calls_than_are_allowed_and_none_is_wasted,
    no_minute_holds_more_pictures_than_are_allowed,
    a_call_leaves_the_minute_sixty_seconds_after_it_was_surely_counted,
    a_call_that_nobody_answered_stays_for_the_whole_window,
    a_day_holds_no_more_calls_than_allowed_and_ends_at_midnight_pacific,
    a_call_just_before_midnight_is_charged_to_both_days,
    a_clock_set_back_reopens_nothing,
    a_standing_tells_until_when_it_holds,
}

async fn no_minute_holds_more_calls_than_are_allowed_and_none_is_wasted(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let grants = greedy(store, clock, Limits::new(7, 100, 1_000, 5)).await;
    for (first, eighth) in grants.iter().zip(grants.iter().skip(7)) {
        assert!(eighth.since(*first) >= term::MINUTE, "8 calls from {first:?} to {eighth:?}");
    }
    assert_eq!(grants.len(), 5 * 7);
}

async fn no_minute_holds_more_pictures_than_are_allowed(store: &dyn Store, clock: &ManualClock) {
    let grants = greedy(store, clock, Limits::new(100, 3, 1_000, 5)).await;
    for (first, fourth) in grants.iter().zip(grants.iter().skip(3)) {
        assert!(fourth.since(*first) >= term::MINUTE, "4 pictures from {first:?} to {fourth:?}");
    }
    assert_eq!(grants.len(), 5 * 3);
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

async fn a_call_leaves_the_minute_sixty_seconds_after_it_was_surely_counted(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", Limits::new(2, 9, 99, 9));
    let sent_soon = Settlement { outcome: delivered(), sent_after: Some(millis(50)) };
    let (prompt, slow) = (one(store, "prompt", &account).await, one(store, "slow", &account).await);
    clock.set(NOON + millis(700));
    settle(store, &prompt, delivered()).await;
    clock.set(NOON + seconds(20));
    store.settle(&slow.id, slow.fence, &sent_soon).await.unwrap();
    for (leaves_at, left) in [(NOON + millis(60_700), 1), (NOON + millis(61_050), 0)] {
        clock.set(leaves_at - millis(1));
        assert_eq!(standing(store, &account).await.in_minute, left + 1);
        clock.set(leaves_at);
        assert_eq!(standing(store, &account).await.in_minute, left);
    }
}

async fn a_call_that_nobody_answered_stays_for_the_whole_window(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(3, 9, 99, 9));
    let given_up = one(store, "given-up", &account).await;
    let late = one(store, "late", &account).await;
    one(store, "lost", &account).await;
    settle(store, &given_up, CallOutcome::Cancelled).await;
    clock.set(late.expires_at);
    settle(store, &late, delivered()).await;
    clock.set(NOON + term::WINDOW - millis(1));
    refused(store, &[id("next")], std::slice::from_ref(&account)).await;
    clock.set(NOON + term::WINDOW);
    granted(store, &ids("next", 3), std::slice::from_ref(&account)).await;
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

async fn a_standing_tells_until_when_it_holds(store: &dyn Store, clock: &ManualClock) {
    let candidate = candidate("a", "p", Limits::new(10, 10, 100, 10));
    assert_eq!(standing(store, &candidate).await.steady_until, MIDNIGHT);
    let first = one(store, 1, &candidate).await;
    clock.advance(seconds(1));
    one(store, 2, &candidate).await;
    let both = standing(store, &candidate).await;
    assert_eq!((both.in_minute, both.in_flight, both.steady_until), (2, 2, NOON + term::LEASE));
    assert_eq!(both.minute_clears_at, NOON + seconds(1) + term::WINDOW);

    store.release(&first.id, first.fence).await.unwrap();
    clock.set(NOON + seconds(1) + term::LEASE);
    let one_left = standing(store, &candidate).await;
    assert_eq!((one_left.in_minute, one_left.in_flight), (1, 0));
    assert_eq!(one_left.steady_until, one_left.minute_clears_at);
}
