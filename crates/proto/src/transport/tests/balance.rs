//! Who is asked while all is well, and while replicas come and go.

use std::time::Duration;

use tokio::time::sleep;
use tonic::Code;

use super::town::{Town, ask};

#[tokio::test(start_paused = true)]
async fn an_answer_counts_until_its_end_and_the_less_busy_replica_is_asked() {
    let town = Town::default();
    let (one, other) = (town.paint(1), town.paint(2));
    let service = town.channel(&[1, 2]);
    ask(&service).await.unwrap();
    sleep(Duration::from_millis(50)).await; // both are connected, and nothing is in flight
    let before = (one.begun(), other.begun());
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(ask(&service).await.unwrap());
    }
    assert_eq!((one.begun() - before.0, other.begun() - before.1), (5, 5));
    one.brush.add_permits(6);
    for answer in &mut answers {
        let _ends_if_it_is_of_the_first =
            tokio::time::timeout(Duration::from_millis(1), answer.message()).await;
    }
    for answer in &mut answers {
        let _its_end = tokio::time::timeout(Duration::from_millis(1), answer.message()).await;
    }
    let waiting = one.begun();
    for _ in 0..5 {
        answers.push(ask(&service).await.unwrap());
    }
    assert_eq!(one.begun() - waiting, 5, "five more went to the one that had finished five");
}

#[tokio::test(start_paused = true)]
async fn a_new_replica_gets_its_share_within_seconds() {
    let town = Town::default();
    let one = town.paint(1);
    let service = town.channel(&[1]);
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(ask(&service).await.unwrap());
    }
    let new = town.paint(2);
    town.name(&[1, 2]);
    for _ in 0..60 {
        sleep(Duration::from_millis(100)).await;
        answers.push(ask(&service).await.unwrap());
    }
    assert_eq!(one.begun() + new.begun(), 70);
    assert!(new.begun() >= 9, "only {} requests in the second that was left", new.begun());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_named_no_more_finishes_what_it_has_and_gets_nothing_new() {
    let town = Town::default();
    let old = town.paint(1);
    let service = town.channel(&[1]);
    let mut answer = ask(&service).await.unwrap();
    let new = town.paint(2);
    town.name(&[2]);
    sleep(Duration::from_secs(6)).await;
    for _ in 0..20 {
        ask(&service).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    assert!(old.begun() <= 2, "what was asked while the name was resolved");
    assert!(new.begun() >= 19);
    old.brush.add_permits(9);
    assert!(answer.message().await.unwrap().is_some(), "its answer was not cut");
    assert!(answer.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_known_for_a_while_stands_for_what_it_stood_for() {
    let town = Town::default();
    let replica = town.paint(1);
    let service = town.channel(&[1]);
    ask(&service).await.unwrap();
    town.forget_name();
    for _ in 0..20 {
        sleep(Duration::from_secs(1)).await;
        ask(&service).await.unwrap();
    }
    assert_eq!(replica.begun(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_never_was_known_is_unavailable_until_it_is() {
    let town = Town::default();
    let service = town.channel(&[1]);
    town.forget_name();
    let status = ask(&service).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let _replica = town.paint(1);
    town.name(&[1]);
    sleep(Duration::from_secs(1)).await;
    ask(&service).await.unwrap();
}
