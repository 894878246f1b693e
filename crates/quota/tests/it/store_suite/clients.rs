//! What a client may use, checked in the same step as its leases.

use std::time::Duration;

use domain::{
    CallOutcome, Client, ClientId, ClientLimit, ClientLimits, Lease, Limits, ManualClock, RequestId, Usage,
    lease::term,
};
use quota::store::{Acquisition, Store, Wish};

use crate::scene::{
    AMPLE, MIDNIGHT, NOON, candidate, delivered, ids, millis, refused, seconds, settle, standing, wish,
};

every_store! {
    a_request_counts_once_however_many_leases_and_retries_it_takes,
    pictures_of_a_day_are_reserved_and_given_back_where_none_came,
    spending_is_reserved_and_corrected_by_what_came,
    what_may_have_been_billed_stays_spent_until_it_is_known,
    calls_at_once_are_those_of_the_client_on_whatever_account,
    a_wish_that_is_larger_than_a_limit_is_told_so,
    the_limit_that_lasts_longest_is_told,
    a_limited_client_writes_nothing_and_hears_its_own_reason_first,
    clients_are_counted_apart,
}

const PRICE: u64 = 134_000;

/// A wish of the client `studio` with these limits, for a request of this name.
fn by(limits: ClientLimits, request: &str, leases: usize) -> Wish {
    let client = Client { id: ClientId::new("studio").unwrap(), limits };
    let ids = ids(request, leases);
    let request = RequestId::new(request).unwrap();
    Wish { client, request, ..wish(&ids, &[candidate("a", "p", AMPLE)]) }
}

async fn granted(store: &dyn Store, wish: &Wish) -> Vec<Lease> {
    match store.acquire(wish).await.unwrap() {
        Acquisition::Granted { leases, .. } => leases,
        refused => panic!("expected grants, got {refused:?}"),
    }
}

async fn limited(store: &dyn Store, wish: &Wish) -> (ClientLimit, Option<Duration>) {
    match store.acquire(wish).await.unwrap() {
        Acquisition::ClientLimited { limit, retry_after } => (limit, retry_after),
        other => panic!("expected the client's limit, got {other:?}"),
    }
}

async fn a_request_counts_once_however_many_leases_and_retries_it_takes(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let limits = ClientLimits { requests_per_minute: Some(2), ..ClientLimits::NONE };
    granted(store, &by(limits, "first", 4)).await;
    clock.set(NOON + seconds(10));
    granted(store, &by(limits, "second", 1)).await;
    let again = Wish { ids: ids("retry", 2), ..by(limits, "first", 0) };
    granted(store, &again).await;
    let third = by(limits, "third", 1);
    assert_eq!(limited(store, &third).await, (ClientLimit::RequestsPerMinute, Some(seconds(50))));
    clock.set(NOON + seconds(60) - millis(1));
    assert_eq!(limited(store, &third).await, (ClientLimit::RequestsPerMinute, Some(millis(1))));
    clock.set(NOON + seconds(60));
    granted(store, &third).await;
    let late = Wish { ids: ids("late-retry", 1), ..by(limits, "first", 0) };
    granted(store, &late).await;
    limited(store, &by(limits, "fourth", 1)).await;
}

async fn pictures_of_a_day_are_reserved_and_given_back_where_none_came(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let limits = ClientLimits { images_per_day: Some(3), ..ClientLimits::NONE };
    let leases = granted(store, &by(limits, "first", 3)).await;
    let next = by(limits, "next", 1);
    assert_eq!(limited(store, &next).await, (ClientLimit::ImagesPerDay, Some(seconds(1))));
    settle(store, &leases[0], CallOutcome::Declined).await;
    settle(store, &leases[1], delivered()).await;
    granted(store, &next).await;
    assert_eq!(limited(store, &by(limits, "more", 1)).await.1, Some(seconds(1)));
    store.release(&leases[2].id, leases[2].fence).await.unwrap();
    for lease in granted(store, &by(limits, "last", 1)).await {
        settle(store, &lease, delivered()).await;
    }
    clock.set(NOON + seconds(100));
    store.expire().await.unwrap();
    let (limit, wait) = limited(store, &by(limits, "too-many", 1)).await;
    assert_eq!((limit, NOON + seconds(100) + wait.unwrap()), (ClientLimit::ImagesPerDay, MIDNIGHT));
    clock.set(MIDNIGHT);
    granted(store, &by(limits, "tomorrow", 3)).await;
}

async fn spending_is_reserved_and_corrected_by_what_came(store: &dyn Store, _: &ManualClock) {
    let limits = ClientLimits { spend_per_day_micro_usd: Some(2 * PRICE), ..ClientLimits::NONE };
    let leases = granted(store, &by(limits, "first", 2)).await;
    let next = by(limits, "next", 1);
    assert_eq!(limited(store, &next).await, (ClientLimit::SpendPerDay, Some(seconds(1))));
    let half = Usage { output_image_tokens: 560, ..Usage::default() };
    for lease in &leases {
        settle(store, lease, CallOutcome::Delivered { images: 1, usage: half }).await;
    }
    let lease = granted(store, &next).await.remove(0);
    let without_tokens = CallOutcome::Delivered { images: 1, usage: Usage::default() };
    settle(store, &lease, without_tokens).await;
    let (limit, wait) = limited(store, &by(limits, "more", 1)).await;
    assert_eq!((limit, NOON + wait.unwrap()), (ClientLimit::SpendPerDay, MIDNIGHT));
}

async fn what_may_have_been_billed_stays_spent_until_it_is_known(store: &dyn Store, clock: &ManualClock) {
    let limits = ClientLimits { spend_per_day_micro_usd: Some(3 * PRICE), ..ClientLimits::NONE };
    let leases = granted(store, &by(limits, "first", 3)).await;
    settle(store, &leases[0], CallOutcome::Ambiguous).await;
    settle(store, &leases[1], CallOutcome::Cancelled).await;
    clock.advance(term::LEASE);
    let (_, wait) = limited(store, &by(limits, "unswept", 1)).await;
    assert_eq!(clock_now(clock) + wait.unwrap(), MIDNIGHT);
    store.expire().await.unwrap();
    let (_, wait) = limited(store, &by(limits, "swept", 1)).await;
    assert_eq!(clock_now(clock) + wait.unwrap(), MIDNIGHT);
    for _ in 0..2 {
        settle(store, &leases[2], CallOutcome::Transient).await;
    }
    granted(store, &by(limits, "corrected", 1)).await;
    limited(store, &by(limits, "once", 1)).await;
}

async fn calls_at_once_are_those_of_the_client_on_whatever_account(store: &dyn Store, clock: &ManualClock) {
    let limits = ClientLimits { concurrent: Some(2), ..ClientLimits::NONE };
    let first = granted(store, &by(limits, "first", 1)).await.remove(0);
    let other = Wish { candidates: vec![candidate("b", "q", AMPLE)], ..by(limits, "other", 1) };
    granted(store, &other).await;
    let next = by(limits, "next", 1);
    assert_eq!(limited(store, &next).await, (ClientLimit::Concurrent, Some(seconds(1))));
    settle(store, &first, delivered()).await;
    let next = granted(store, &next).await.remove(0);
    clock.set(NOON + term::LEASE - millis(300));
    store.renew(&next.id, next.fence).await.unwrap();
    let more = by(limits, "more", 1);
    assert_eq!(limited(store, &more).await, (ClientLimit::Concurrent, Some(millis(300))));
    clock.set(NOON + term::LEASE);
    granted(store, &more).await;
    limited(store, &by(limits, "one-too-many", 1)).await;
}

async fn a_wish_that_is_larger_than_a_limit_is_told_so(store: &dyn Store, _: &ManualClock) {
    for (limit, limits) in [
        (ClientLimit::RequestsPerMinute, ClientLimits { requests_per_minute: Some(0), ..ClientLimits::NONE }),
        (ClientLimit::ImagesPerDay, ClientLimits { images_per_day: Some(1), ..ClientLimits::NONE }),
        (
            ClientLimit::SpendPerDay,
            ClientLimits { spend_per_day_micro_usd: Some(2 * PRICE - 1), ..ClientLimits::NONE },
        ),
        (ClientLimit::Concurrent, ClientLimits { concurrent: Some(1), ..ClientLimits::NONE }),
    ] {
        assert_eq!(limited(store, &by(limits, "two", 2)).await, (limit, None));
    }
}

async fn the_limit_that_lasts_longest_is_told(store: &dyn Store, _: &ManualClock) {
    let limits = ClientLimits { requests_per_minute: Some(1), concurrent: Some(1), ..ClientLimits::NONE };
    let lease = granted(store, &by(limits, "first", 1)).await.remove(0);
    let next = by(limits, "next", 1);
    assert_eq!(limited(store, &next).await, (ClientLimit::RequestsPerMinute, Some(seconds(60))));
    let tighter = ClientLimits { images_per_day: Some(1), ..limits };
    settle(store, &lease, delivered()).await;
    assert_eq!(limited(store, &by(tighter, "next", 1)).await.0, ClientLimit::ImagesPerDay);
}

async fn a_limited_client_writes_nothing_and_hears_its_own_reason_first(store: &dyn Store, _: &ManualClock) {
    let narrow = candidate("a", "p", Limits::new(1, 1, 1, 1));
    let limits = ClientLimits { concurrent: Some(1), ..ClientLimits::NONE };
    let first = Wish { candidates: vec![narrow.clone()], ..by(limits, "first", 1) };
    let lease = granted(store, &first).await.remove(0);
    let before = standing(store, &narrow).await;
    let next = Wish { candidates: vec![narrow.clone()], ..by(limits, "next", 1) };
    assert_eq!(limited(store, &next).await.0, ClientLimit::Concurrent);
    assert_eq!(standing(store, &narrow).await, before);
    assert_eq!(granted(store, &first).await, std::slice::from_ref(&lease));
    settle(store, &lease, delivered()).await;
    refused(store, &next.ids, &[narrow]).await;
}

async fn clients_are_counted_apart(store: &dyn Store, _: &ManualClock) {
    let limits = ClientLimits { images_per_day: Some(1), ..ClientLimits::NONE };
    granted(store, &by(limits, "first", 1)).await;
    limited(store, &by(limits, "second", 1)).await;
    let other = Client { id: ClientId::new("press").unwrap(), limits };
    granted(store, &Wish { client: other, ..by(limits, "second", 1) }).await;
}

fn clock_now(clock: &ManualClock) -> domain::Timestamp {
    domain::Clock::now(clock)
}
