//! What a refusal says about when to come back, and with how much.

use domain::{CallOutcome, Limits, ManualClock, lease::term};
use quota::store::Store;

use crate::scene::{
    MIDNIGHT, NOON, candidate, delivered, granted, id, ids, millis, one, refused, seconds, settle,
};

every_store! {
    a_refusal_says_when_a_minute_window_opens,
    a_refusal_says_when_the_day_opens,
    a_refusal_that_waits_for_calls_in_flight_asks_to_come_back_soon,
    a_refusal_says_the_most_that_could_ever_be_granted,
}

async fn a_refusal_says_when_a_minute_window_opens(store: &dyn Store, clock: &ManualClock) {
    let both = [candidate("a", "p", Limits::new(2, 9, 99, 9)), candidate("b", "q", Limits::new(9, 1, 99, 9))];
    for (name, account) in [("1", &both[0]), ("2", &both[0]), ("3", &both[1])] {
        let lease = one(store, name, account).await;
        settle(store, &lease, CallOutcome::Ambiguous).await;
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
