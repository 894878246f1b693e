//! What a caller is told: partly, wholly, or not at all.

use domain::{FailureKind, GenerationRequest, PictureSpec};

use crate::stage::{Stage, cats};

const ONE_BLOCKED: &str = "[[rules]]\nfault = 'finish'\nreason = 'IMAGE_SAFETY'\nmatch = { nth = 2 }";

#[tokio::test]
async fn what_could_be_drawn_is_delivered_and_the_rest_is_named() {
    let stage = Stage::set(ONE_BLOCKED, &["a", "b"]).await;
    let answer = stage.ask(cats(3)).await;
    assert_eq!(answer.pictures.len(), 2);
    assert_eq!(answer.failures.len(), 1);
    let (index, kind) = answer.failures[0];
    assert_eq!(kind, FailureKind::ContentPolicy);
    assert!(!answer.pictures.contains_key(&index));
    assert!(answer.failure.is_none());
}

#[tokio::test]
async fn a_gathered_answer_says_first_how_many_pictures_there_are() {
    let stage = Stage::set(ONE_BLOCKED, &["a", "b"]).await;
    let answer = stage.ask(GenerationRequest { gather: true, ..cats(3) }).await;
    assert_eq!(answer.decided, Some(2));
    assert_eq!((answer.pictures.len(), answer.failures.len()), (2, 1));
}

#[tokio::test]
async fn if_nothing_can_be_drawn_the_request_itself_fails() {
    let stage = Stage::set("[[rules]]\nfault = 'blocked-prompt'", &["a"]).await;
    let answer = stage.ask(cats(3)).await;
    assert_eq!(answer.kind(), Some(FailureKind::ContentPolicy));
    assert!(answer.failures.is_empty() && answer.usage.is_none());
}

#[tokio::test]
async fn what_the_model_lacks_costs_no_lease() {
    let stage = Stage::set("", &["a"]).await;
    let spec = PictureSpec { aspect_ratio: "8:1".parse().unwrap(), resolution: "1K".parse().unwrap() };
    assert_eq!(
        stage.ask(GenerationRequest { spec, ..cats(1) }).await.kind(),
        Some(FailureKind::InvalidRequest)
    );
    let unknown = GenerationRequest { model: "dall-e-3".into(), ..cats(1) };
    assert_eq!(stage.ask(unknown).await.kind(), Some(FailureKind::UnknownModel));
    assert!(stage.ledger.log().is_empty());
}

#[tokio::test]
async fn who_waits_for_a_lease_is_told_so() {
    let stage = Stage::set("", &["a"]).await;
    stage.ledger.keep_waiting(1);
    let answer = stage.ask(cats(1)).await;
    assert_eq!((answer.queued, answer.pictures.len()), (1, 1));
}

#[tokio::test]
async fn without_an_account_the_request_fails_as_a_whole() {
    let stage = Stage::set("", &[]).await;
    assert_eq!(stage.ask(cats(2)).await.kind(), Some(FailureKind::NoAccount));
}
