//! Replicas that can be reached and cannot serve.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::Code;

use super::town::{Painter, Town, Trouble, ask};
use crate::{transport::Channel, v1::generation_client::GenerationClient};

const ASKED: usize = 300;

/// Asks every so often for a picture, which takes a moment, and counts those that come to nothing.
async fn shop(service: &GenerationClient<Channel>, times: usize) -> usize {
    let mut failed = 0;
    for _ in 0..times {
        let answer = match ask(service).await {
            Ok(mut answer) => answer.message().await.map(drop),
            Err(status) => Err(status),
        };
        if let Err(status) = answer {
            assert_eq!((status.code(), status.message()), (Code::Unavailable, "quota cannot be reached"));
            failed += 1;
        }
        sleep(Duration::from_millis(10)).await;
    }
    failed
}

/// Two that serve, of whom both are connected.
async fn two(town: &Town) -> ([Painter; 2], GenerationClient<Channel>) {
    let painters = [town.paint(1), town.paint(2)];
    for painter in &painters {
        painter.brush.add_permits(10 * ASKED);
    }
    let service = town.channel(&[1, 2]);
    assert_eq!(shop(&service, 20).await, 0);
    (painters, service)
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_fails_at_once_draws_few_requests_and_none_is_sent_twice() {
    for trouble in [Trouble::AtOnce, Trouble::AtTheEnd] {
        let town = Town::default();
        let ([good, bad], service) = two(&town).await;
        let before = good.begun() + bad.begun();
        bad.suffer(Some(trouble));
        let failed = shop(&service, ASKED).await;
        assert!((3..=12).contains(&failed), "{failed} of {ASKED} failed with {trouble:?}");
        assert_eq!(good.begun() + bad.begun() - before, ASKED, "each was sent once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_serves_again_is_found_by_one_request_and_gets_its_share() {
    let town = Town::default();
    let ([good, bad], service) = two(&town).await;
    bad.suffer(Some(Trouble::AtOnce));
    shop(&service, ASKED).await;
    bad.suffer(None);
    sleep(Duration::from_secs(3)).await;
    let before = (good.begun(), bad.begun());
    assert_eq!(shop(&service, ASKED).await, 0);
    let share = bad.begun() - before.1;
    assert!(share > ASKED / 3, "{share} went to it and {} to the other", good.begun() - before.0);
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_they_are_asked_all_the_same_and_at_once() {
    let town = Town::default();
    let (painters, service) = two(&town).await;
    for painter in &painters {
        painter.suffer(Some(Trouble::AtOnce));
    }
    let began = Instant::now();
    for _ in 0..ASKED {
        assert_eq!(ask(&service).await.unwrap_err().message(), "quota cannot be reached");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waited");
    for painter in &painters {
        painter.suffer(None);
    }
    assert_eq!(shop(&service, ASKED).await, 0);
}
