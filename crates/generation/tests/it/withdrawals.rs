//! Calls that are given up: by the caller, by a deadline, by a lease that is too old.

use std::time::Duration;

use domain::FailureKind;
use proto::v1::GenerateRequest;
use simulator::End;

use crate::stage::{Stage, cats};

#[tokio::test]
async fn a_caller_who_hangs_up_frees_the_call_and_settles_its_lease() {
    let stage = Stage::set("[[rules]]\nfault = 'hang'", &["a"]).await;
    let events = stage.begin(GenerateRequest::from(cats(3))).await.unwrap();
    stage.simulator.arrivals_until(|arrivals| arrivals.len() == 3).await;
    drop(events);
    stage.simulator.arrivals_until(|arrivals| arrivals.iter().all(|call| call.end == End::HungUp)).await;
    stage.rest().await;
    let cancelled = stage.ledger.log().iter().filter(|line| line.ends_with(" cancelled")).count();
    assert_eq!(cancelled, 3);
}

#[tokio::test]
async fn a_caller_who_hangs_up_between_chunks_leaves_nothing_behind() {
    let stage = Stage::set("[[rules]]\nfault = 'huge'\nbytes = 20_000_000", &["a"]).await;
    let mut events = stage.begin(GenerateRequest::from(cats(2))).await.unwrap();
    for _ in 0..5 {
        events.message().await.unwrap().unwrap();
    }
    drop(events);
    stage.rest().await;
}

#[tokio::test]
async fn a_callers_deadline_ends_the_call() {
    let stage = Stage::set("[[rules]]\nfault = 'hang'", &["a", "b"]).await;
    let mut request = tonic::Request::new(GenerateRequest::from(cats(1)));
    request.set_timeout(Duration::from_millis(500));
    let mut events = stage.begin(request).await.unwrap();
    let status = loop {
        match events.message().await {
            Ok(event) => assert!(event.is_some(), "the stream ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(proto::failure_of(&status).kind, FailureKind::UpstreamTimeout);
    stage.rest().await;
    assert_eq!(stage.ledger.log(), ["grant req/0/0 a", "settle req/0/0 ambiguous"]);
}

#[tokio::test]
async fn a_lease_too_old_to_start_on_is_given_back_for_a_fresh_one() {
    let stage = Stage::set("", &["a"]).await;
    stage.ledger.grant_stale(1);
    assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1);
    assert_eq!(
        stage.ledger.log(),
        ["grant req/0/0 a", "release req/0/0", "grant req/0/1 a", "settle req/0/1 delivered"]
    );
    assert_eq!(stage.calls(), 1);
}
