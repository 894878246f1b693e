//! What a provider tells of its limits when it refuses.

use domain::{
    CallOutcome, Learned, Limits, ManualClock,
    lease::{Quota, Revealed, Window},
};
use quota::store::Store;

use crate::scene::{NOON, candidate, candidate_for, delivered, one, seconds, settle, standing};

every_store! {
    a_limit_that_a_refusal_reveals_is_told_with_its_moment,
    a_learned_limit_is_believed_for_a_day_after_it_was_told_last,
    a_candidate_stands_as_what_was_learned_allows,
}

fn refusal(quota: Quota, limit: u32) -> CallOutcome {
    let revealed = Some(Revealed { quota, limit });
    CallOutcome::Throttled { window: Some(Window::Minute), retry_after: Some(seconds(1)), revealed }
}

async fn a_limit_that_a_refusal_reveals_is_told_with_its_moment(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(20, 20, 200, 9));
    let first = one(store, "first", &account).await;
    settle(store, &first, refusal(Quota::RequestsPerMinute, 10)).await;
    clock.advance(seconds(10));
    let second = one(store, "second", &account).await;
    settle(store, &second, refusal(Quota::RequestsPerDay, 100)).await;
    let third = one(store, "third", &candidate_for("flash", "a", "p", account.limits)).await;
    settle(store, &third, delivered()).await;
    let told = |learned: Learned, quota| learned.get(quota).map(|told| (told.limit, told.since));
    let learned = standing(store, &account).await.learned;
    assert_eq!(told(learned, Quota::RequestsPerMinute), Some((10, NOON)));
    assert_eq!(told(learned, Quota::RequestsPerDay), Some((100, NOON + seconds(10))));
    assert_eq!(told(learned, Quota::ImagesPerMinute), None);
    let elsewhere = standing(store, &candidate_for("flash", "a", "p", account.limits)).await;
    assert_eq!(elsewhere.learned, Learned::NOTHING);
}

async fn a_learned_limit_is_believed_for_a_day_after_it_was_told_last(
    store: &dyn Store,
    clock: &ManualClock,
) {
    let account = candidate("a", "p", Limits::new(20, 20, 200, 9));
    for (name, limit, after) in [("first", 5, 0), ("second", 7, 3_600)] {
        clock.set(NOON + seconds(after));
        let lease = one(store, name, &account).await;
        settle(store, &lease, refusal(Quota::ImagesPerMinute, limit)).await;
    }
    let told_last = NOON + seconds(3_600);
    clock.set(told_last + Learned::BELIEVED - seconds(1));
    let learned = standing(store, &account).await.learned.get(Quota::ImagesPerMinute).unwrap();
    assert_eq!((learned.limit, learned.since), (7, told_last));
    clock.set(told_last + Learned::BELIEVED);
    assert_eq!(standing(store, &account).await.learned, Learned::NOTHING);
}

async fn a_candidate_stands_as_what_was_learned_allows(store: &dyn Store, clock: &ManualClock) {
    let account = candidate("a", "p", Limits::new(20, 20, 200, 9));
    let lease = one(store, "first", &account).await;
    settle(store, &lease, refusal(Quota::RequestsPerMinute, 1)).await;
    clock.advance(seconds(10));
    assert_eq!(standing(store, &account).await.free_at, NOON + seconds(60));
}
