//! How long a ledger that was lost waits for those that may know more of it.

use std::time::Duration;

use domain::{Limits, lease::term};
use quota::store::{Acquisition, Location, open};

use super::losses::{Scene, learning};
use crate::scene::{candidate, granted, ids, millis, one, refused, seconds, standing, wish};

/// How long a ledger learns at the most.
const LONGEST: Duration = term::WINDOW.saturating_add(Duration::from_secs(2));
/// How long one may grant after it was heard of.
const A_MOMENT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn while_one_that_knew_it_is_silent_the_ledger_grants_nothing_for_a_whole_window() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    one(&*scene.second, "1", &account).await;
    scene.empty().await;

    let longest = learning(&*scene.first, &ids("more", 2), &account).await;
    assert!(longest >= term::WINDOW, "{longest:?} is too short for what was granted to leave the window");
    scene.clock.advance(longest.saturating_sub(millis(1)));
    scene.first.expire().await.unwrap();
    assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, millis(1));
    scene.clock.advance(millis(1));
    granted(&*scene.first, &ids("more", 2), &[account]).await;
}

#[tokio::test]
async fn one_that_died_before_a_restart_is_still_waited_for_when_all_is_lost_after_it() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    one(&*scene.first, "before", &account).await;
    // The first service dies, and another begins that hears of the second alone once Redis has restarted.
    let anew = Location::Redis(scene.place.clone());
    scene.first = open(&anew, scene.clock.clone()).await.unwrap();
    for store in [&scene.first, &scene.second] {
        store.expire().await.unwrap();
    }
    scene.clock.advance(seconds(10));
    let whole = scene.copy().await;
    scene.restart_with(whole).await;
    for _ in 0..2 {
        scene.clock.advance(seconds(3));
        for store in [&scene.first, &scene.second] {
            store.expire().await.unwrap();
        }
    }
    scene.empty().await;
    for store in [&scene.first, &scene.second] {
        store.expire().await.unwrap();
    }
    scene.clock.advance(seconds(3));
    for store in [&scene.first, &scene.second] {
        store.expire().await.unwrap();
    }
    // It may have granted until Redis came back for the first time, thirteen seconds after it was last heard of.
    let left = (seconds(13) + LONGEST).saturating_sub(seconds(19));
    assert_eq!(learning(&*scene.first, &ids("after", 1), &account).await, left);
}

#[tokio::test]
async fn one_that_has_long_been_gone_is_waited_for_until_what_it_granted_has_left_the_windows() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    one(&*scene.second, "1", &account).await;
    scene.goes_on(30).await;
    scene.empty().await;
    let left = (A_MOMENT + LONGEST).saturating_sub(seconds(30));
    assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, left);
    scene.clock.advance(left);
    scene.first.expire().await.unwrap();
    granted(&*scene.first, &ids("more", 2), &[account]).await;
}

#[tokio::test]
async fn one_that_may_have_been_there_to_the_last_is_waited_for_from_when_the_ledger_was_lost() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    scene.goes_on(9).await;
    scene.empty().await;
    assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, LONGEST);
}

#[tokio::test]
async fn however_often_the_ledger_is_lost_it_learns_no_longer_than_since_it_last_granted() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    one(&*scene.second, "1", &account).await;
    for spent in [0, 15, 30, 45] {
        if spent % 2 == 0 {
            scene.empty().await;
        } else {
            let copy = scene.copy().await;
            scene.restart_with(copy).await;
        }
        let left = LONGEST.saturating_sub(seconds(spent));
        assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, left, "after {spent} s");
        scene.goes_on(15).await;
    }
    scene.empty().await;
    let left = LONGEST.saturating_sub(seconds(60));
    assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, left);
    scene.clock.advance(left);
    scene.first.expire().await.unwrap();
    granted(&*scene.first, &ids("more", 2), &[account]).await;
}

#[tokio::test]
async fn what_nobody_saw_may_have_been_granted_is_waited_for_anew() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    scene.empty().await;
    learning(&*scene.first, &ids("more", 2), &account).await;
    scene.clock.advance(seconds(5));
    // The second comes back, what it waited for being over, and grants what the first does not hear of.
    one(&*scene.second, "1", &account).await;
    scene.empty().await;
    assert_eq!(learning(&*scene.first, &ids("more", 2), &account).await, LONGEST);
}

#[tokio::test]
async fn what_is_whole_waits_for_nobody_that_was_gone_before() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(3, 9, 9, 9));
    one(&*scene.second, "1", &account).await;
    for _ in 0..4 {
        scene.clock.advance(seconds(1));
        scene.first.expire().await.unwrap();
    }
    let copy = scene.copy().await;
    scene.restart_with(copy).await;
    one(&*scene.first, "2", &account).await;
    assert_eq!(standing(&*scene.first, &account).await.in_minute, 2);
    // It was only silent, and goes on where the ledger is.
    one(&*scene.second, "3", &account).await;
    refused(&*scene.first, &ids("more", 1), &[account]).await;
}

#[tokio::test]
async fn a_ledger_that_is_lost_while_it_learns_still_waits_for_those_it_waited_for() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(3, 9, 9, 9));
    one(&*scene.first, "1", &account).await;
    one(&*scene.second, "2", &account).await;
    scene.empty().await;
    learning(&*scene.first, &ids("more", 1), &account).await;
    let copy = scene.copy().await;
    scene.restart_with(copy).await;
    learning(&*scene.first, &ids("more", 1), &account).await;
    one(&*scene.second, "3", &account).await;
    refused(&*scene.first, &ids("more", 1), &[account]).await;
}

#[tokio::test]
async fn one_that_comes_anew_grants_nothing_before_those_that_knew_the_ledger_have_spoken() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    one(&*scene.first, "1", &account).await;
    one(&*scene.second, "2", &account).await;
    scene.empty().await;
    scene.first.expire().await.unwrap();
    let third = open(&Location::Redis(scene.place.clone()), scene.clock.clone()).await.unwrap();
    learning(&*third, &ids("more", 1), &account).await;
    scene.second.expire().await.unwrap();
    assert!(matches!(
        third.acquire(&wish(&ids("more", 1), &[account])).await,
        Ok(Acquisition::Limited { .. })
    ));
}
