//! The catalog and the paths beside the dialects.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::stage::{KEY, Stage, read};

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("x-goog-api-key", KEY).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn one_page_of_models_reads_in_both_families_of_sdks() {
    let (status, _, text) = read(Stage::simple().send(get("/v1/models")).await).await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_model_is_found_with_its_suffixes_and_a_strange_one_is_not() {
    let stage = Stage::simple();
    for name in ["gemini-3-pro-image", "gemini-3-pro-image-preview-16-9-4k"] {
        let (status, _, text) = read(stage.send(get(&format!("/v1/models/{name}"))).await).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains(r#""id":"gemini-3-pro-image""#), "{text}");
    }
    for name in ["dall-e-3", "%ff", "a%2fb"] {
        let (status, _, text) = read(stage.send(get(&format!("/v1/models/{name}"))).await).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        assert!(text.contains(r#""code":"model_not_found""#), "{text}");
    }
}

#[tokio::test]
async fn models_need_a_key_and_health_does_not() {
    let stage = Stage::simple();
    let bare = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(stage.send(bare("/v1/models")).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(stage.send(bare("/healthz")).await.status(), StatusCode::OK);
    assert_eq!(stage.send(bare("/readyz")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_refused_in_the_shape_of_whoever_asks() {
    let stage = Stage::simple();
    let anthropic = |path: &str| {
        Request::get(path).header("anthropic-version", "2026-10-21").body(Body::empty()).unwrap()
    };
    let (status, _, text) = read(stage.send(get("/v1/embeddings")).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.starts_with(r#"{"error":{"message":"nothing is at this path"#), "{text}");
    let (status, _, text) = read(stage.send(anthropic("/v1/embeddings")).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.starts_with(r#"{"type":"error","error":{"type":"not_found_error""#), "{text}");
    let (status, headers, text) = read(stage.send(get("/v1/images/generations")).await).await;
    assert_eq!((status, &headers["allow"]), (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap()));
    assert!(text.contains("invalid_request_error"), "{text}");
    let (status, _, text) = read(stage.send(get("/v1/messages")).await).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(text.contains(r#""type":"error""#), "{text}");
}

#[tokio::test]
async fn tokens_are_estimated_without_asking_the_generator() {
    let stage = Stage::simple();
    let body = include_str!("../fixtures/claude_messages/history.json");
    let (status, _, text) = read(stage.post("/v1/messages/count_tokens", body).await).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"input_tokens":2266}"#));
    assert!(stage.asked().is_empty());
}
