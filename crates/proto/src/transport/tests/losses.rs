//! What becomes of requests when replicas refuse, drain or die.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use h2::Reason;
use tokio::{io::DuplexStream, sync::mpsc, task::JoinSet, time::sleep};
use tonic::{Code, Request};

use super::town::{Town, ask};
use crate::v1::GenerateRequest;

#[tokio::test(start_paused = true)]
async fn a_replica_that_refuses_costs_no_request_and_is_asked_again_when_it_is_back() {
    let town = Town::default();
    let steady = town.paint(1);
    let service = town.channel(&[1, 2]);
    for _ in 0..300 {
        ask(&service).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(steady.begun(), 300);
    assert!(town.dialled() < 20, "{} attempts in half a minute", town.dialled());
    let back = town.paint(2);
    for _ in 0..40 {
        ask(&service).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(back.begun() >= 5, "only {} of the requests of four seconds", back.begun());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_drains_finishes_what_it_has_and_no_request_is_lost_on_it() {
    let town = Town::default();
    let (mut one, mut other) = (town.paint(1), town.paint(2));
    let service = town.channel(&[1, 2]);
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let service = service.clone();
        clients.spawn(async move {
            for _ in 0..100 {
                let mut answer = ask(&service).await.unwrap();
                while answer.message().await.unwrap().is_some() {}
            }
        });
    }
    let paint = |painter: &super::town::Painter| painter.brush.add_permits(1_000_000);
    paint(&one);
    paint(&other);
    for _ in 0..10 {
        for (number, painter) in [(1, &mut one), (2, &mut other)] {
            sleep(Duration::from_millis(2)).await;
            painter.stop();
            tokio::task::yield_now().await;
            let next = town.paint(number);
            paint(&next);
            std::mem::replace(painter, next).stopped().await;
            sleep(Duration::from_millis(200)).await;
        }
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no request fails");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_never_repeated() {
    let town = Town::default();
    let doomed = town.paint(1);
    let service = town.channel(&[1, 2]);
    ask(&service).await.unwrap();
    let steady = town.paint(2);
    let mut answer = ask(&service).await.unwrap();
    assert_eq!(doomed.begun(), 2, "the other is not connected yet");
    town.cut(1);
    assert!(answer.message().await.is_err());
    assert_eq!(steady.begun(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_connections_and_says_nothing_is_not_waited_for_where_another_serves() {
    let town = Town::default();
    let _backlog = town.listen(1);
    let steady = town.paint(2);
    let service = town.channel(&[1, 2]);
    for _ in 0..100 {
        ask(&service).await.unwrap();
    }
    assert_eq!(steady.begun(), 100);

    let alone = town.channel(&[1]);
    let mut patient = Request::new(GenerateRequest::default());
    patient.set_timeout(Duration::from_millis(700));
    let status = alone.clone().generate(patient).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
    assert_eq!(ask(&alone).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_a_replica_did_not_begin_goes_to_another_and_one_that_it_broke_off_does_not() {
    for (reason, elsewhere) in [(Reason::REFUSED_STREAM, true), (Reason::INTERNAL_ERROR, false)] {
        let town = Town::default();
        let refused = Arc::<AtomicUsize>::default();
        tokio::spawn(refuse(town.listen(1), reason, Arc::clone(&refused)));
        let service = town.channel(&[1, 2]);
        let served = ask(&service).await;
        // Alone it is asked again and again, though not for ever.
        assert_eq!(served.unwrap_err().code(), if elsewhere { Code::Unavailable } else { Code::Internal });
        let steady = town.paint(2);
        let mut answers = Vec::new();
        for _ in 0..100 {
            sleep(Duration::from_millis(100)).await;
            answers.push(ask(&service).await);
        }
        assert_eq!(answers.iter().all(Result::is_ok), elsewhere);
        assert_eq!(steady.begun(), answers.iter().filter(|answer| answer.is_ok()).count());
        assert!(refused.load(Ordering::SeqCst) > 10, "it was asked all the same");
    }
}

/// Takes streams, and resets each for this reason.
async fn refuse(
    mut visitors: mpsc::UnboundedReceiver<DuplexStream>,
    reason: Reason,
    refused: Arc<AtomicUsize>,
) {
    while let Some(visitor) = visitors.recv().await {
        let refused = Arc::clone(&refused);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(visitor).await.unwrap();
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                refused.fetch_add(1, Ordering::SeqCst);
                answer.send_reset(reason);
            }
        });
    }
}
