//! Who is let in, and with what: the first reason to refuse is the one that is told.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use gateway::Settings;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;

use crate::stage::{KEY, SMALLEST, Stage, one_picture, post, read};

const PATH: &str = "/v1/images/generations";

fn small_limit() -> Stage {
    let settings = Settings { body_limit_bytes: 64, ..Settings::default() };
    Stage::with(settings, || Ok(stream::iter(one_picture("")).boxed()))
}

#[tokio::test]
async fn a_key_is_taken_from_any_header_that_sdks_use() {
    let stage = Stage::simple();
    let (path, body) = SMALLEST[0];
    for (name, value) in [
        ("authorization", "Bearer key"),
        ("authorization", "bearer  key "),
        ("x-api-key", KEY),
        ("x-goog-api-key", KEY),
    ] {
        let mut request = post(path, body);
        request.headers_mut().remove("authorization");
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(stage.send(request).await.status(), StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_missing_and_a_wrong_key_get_the_same_answer() {
    for (path, body) in SMALLEST {
        let stage = Stage::simple();
        let mut texts = Vec::new();
        for value in [None, Some(""), Some("Bearer "), Some("Bearer wrong"), Some("Basic a2V5"), Some("key")]
        {
            let mut request = post(path, body);
            request.headers_mut().remove("authorization");
            if let Some(value) = value {
                request.headers_mut().insert("authorization", value.parse().unwrap());
            }
            let (status, _, text) = read(stage.send(request).await).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            texts.push(text);
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(stage.asked().is_empty());
    }
}

#[tokio::test]
async fn the_key_comes_before_the_content_type_and_that_before_the_length() {
    let request = |key: &str, kind: &str| {
        Request::post(PATH)
            .header("x-api-key", key)
            .header("content-type", kind)
            .body(Body::from(vec![b'x'; 100]))
            .unwrap()
    };
    let stage = small_limit();
    let status = |key, kind| {
        let answer = stage.send(request(key, kind));
        async { answer.await.status() }
    };
    assert_eq!(status("wrong", "text/plain").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(KEY, "text/plain").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(status(KEY, "Application/JSON; charset=utf-8").await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn no_content_type_is_the_wrong_content_type() {
    let request = Request::post(PATH).header("x-api-key", KEY).body(Body::from(SMALLEST[0].1)).unwrap();
    assert_eq!(Stage::simple().send(request).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_that_name_and_in_the_dialects_shape() {
    for (path, body) in SMALLEST {
        let stage = Stage::simple();
        let encoded = |encoding: &'static str| {
            let mut request = post(path, body);
            request.headers_mut().insert("content-encoding", http::HeaderValue::from_static(encoding));
            stage.send(request)
        };
        let (status, _, text) = read(encoded("gzip").await).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{text}");
        assert!(text.contains("content encoding") && text.contains("invalid_request_error"), "{text}");
        assert!(stage.asked().is_empty());
        assert_eq!(encoded("Identity").await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_body_of_undeclared_length_is_cut_off_at_the_limit() {
    let endless = stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 32])));
    let (status, _, text) = read(small_limit().post(PATH, Body::from_stream(endless)).await).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("larger than 64 bytes"), "{text}");
    let (path, body) = SMALLEST[0];
    assert!(body.len() <= 64);
    assert_eq!(small_limit().post(path, body).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_without_waiting_for_the_body() {
    let mut request = post(PATH, Body::from_stream(stream::empty::<Result<Bytes, std::io::Error>>()));
    request.headers_mut().insert("content-length", "1000000000000".parse().unwrap());
    assert_eq!(small_limit().send(request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_given_up() {
    let begun = tokio::time::Instant::now();
    let half = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
    let body = Body::from_stream(half.chain(stream::pending()));
    let response = Stage::simple().post(PATH, body).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(response.headers()["x-should-retry"], "true");
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn a_large_body_is_read_like_a_small_one() {
    let padding = "x".repeat(1 << 20);
    let body = format!(r#"{{"prompt":"a fox","ignored":"{padding}"}}"#);
    let stage = Stage::simple();
    let response = stage.post(PATH, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap();
    assert_eq!(stage.asked().len(), 1);
}
