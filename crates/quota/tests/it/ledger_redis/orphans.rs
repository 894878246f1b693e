//! Redis that was emptied while no service lives: those that hold its leases know that there was a ledger.

use std::sync::Arc;

use domain::{Fence, Limits};
use quota::store::{Acquisition, Candidate, Location, Store, StoreError, Wish, open};

use super::losses::Scene;
use crate::scene::{candidate, ids, one, refused, seconds, wish};

fn account() -> Candidate {
    candidate("a", "p", Limits::new(2, 9, 9, 9))
}

/// Asks for a lease, as one who was given this fence before.
async fn ask(store: &dyn Store, name: &str, known_fence: Option<Fence>) -> Result<Acquisition, StoreError> {
    store.acquire(&Wish { known_fence, ..wish(&ids(name, 1), &[account()]) }).await
}

fn is_granted(answer: &Result<Acquisition, StoreError>) -> bool {
    matches!(answer, Ok(Acquisition::Granted { .. }))
}

fn is_learning(answer: &Result<Acquisition, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Learning { retry_after }) if *retry_after > seconds(60))
}

impl Scene {
    /// A service that has only just begun.
    async fn newcomer(&self) -> Arc<dyn Store> {
        open(&Location::Redis(self.place.clone()), self.clock.clone()).await.unwrap()
    }
}

#[tokio::test]
async fn a_ledger_of_which_only_its_leases_are_left_grants_nothing_until_they_have_left_the_windows() {
    let mut scene = Scene::new().await;
    let old = one(&*scene.first, "old", &account()).await.fence;
    let lost = one(&*scene.second, "lost", &account()).await.fence;
    scene.clock.advance(seconds(1));
    scene.empty().await;
    let (first, second) = (scene.newcomer().await, scene.newcomer().await);

    assert!(is_learning(&ask(&*first, "told", Some(old)).await));
    assert!(is_learning(&ask(&*first, "later", Some(lost)).await));
    assert!(
        is_learning(&ask(&*second, "untold", None).await),
        "one that knows nothing was served all the same"
    );
    // Once more: what the services were told meanwhile is remembered like everything else.
    scene.empty().await;
    first.expire().await.unwrap();
    second.expire().await.unwrap();
    assert!(is_learning(&ask(&*second, "untold", None).await));
    scene.clock.advance(seconds(64));
    for store in [&first, &second] {
        store.expire().await.unwrap();
    }
    assert!(!is_granted(&ask(&*first, "untold", None).await));
    scene.clock.advance(seconds(2));
    for store in [&first, &second] {
        store.expire().await.unwrap();
    }
    assert!(is_granted(&ask(&*second, "told", Some(lost)).await));
    assert!(is_granted(&ask(&*first, "later", Some(lost)).await));
    refused(&*first, &ids("more", 1), &[account()]).await;
}

#[tokio::test]
async fn what_holders_of_leases_tell_changes_nothing_where_a_service_remembers_as_much() {
    let mut scene = Scene::new().await;
    let before = one(&*scene.second, "before", &account()).await.fence;
    scene.clock.advance(seconds(1));
    scene.empty().await;
    assert!(!is_granted(&ask(&*scene.first, "told", Some(before)).await), "the second has not spoken");
    scene.second.expire().await.unwrap();
    let answer = ask(&*scene.first, "told", Some(before)).await;
    assert!(is_granted(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_new_ledger_is_not_doubted_for_what_it_granted_itself() {
    let mut scene = Scene::new().await;
    scene.empty().await;
    let newcomer = scene.newcomer().await;
    scene.clock.advance(seconds(1));
    let fence = one(&*newcomer, "first", &account()).await.fence;
    assert!(is_granted(&ask(&*newcomer, "second", Some(fence)).await));
    let unheard_of = Fence(fence.0 + 1_000_000);
    assert!(
        is_learning(&ask(&*newcomer, "third", Some(unheard_of)).await),
        "a fence of a clock that was ahead"
    );
}
