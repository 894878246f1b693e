//! Every kind of failure in every dialect.

use std::{fmt::Write as _, time::Duration};

use domain::{Failure, FailureKind};
use serde_json::Value;

use crate::stage::{SMALLEST, Stage, read};

#[tokio::test]
async fn every_failure_has_its_words_in_every_dialect() {
    let mut table = String::new();
    for kind in FailureKind::ALL {
        writeln!(table, "{kind}").unwrap();
        for (path, body) in SMALLEST {
            let stage = Stage::failing(Failure::new(kind, "what and why"));
            let (status, headers, text) = read(stage.post(path, body).await).await;
            let error: Value = serde_json::from_str(&text).unwrap();
            let column = |name: &str| error["error"][name].as_str().unwrap_or("-").to_owned();
            writeln!(
                table,
                "  {path:24} {} {:28} {:28} retry {:5} {}",
                status.as_u16(),
                column("type"),
                column("code"),
                headers["x-should-retry"].to_str().unwrap(),
                headers.get("x-tessera-possibly-billed").map_or("", |_| "possibly billed"),
            )
            .unwrap();
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn refusals_carry_the_whole_envelope() {
    let failure = Failure::invalid("size", "must be a string");
    for (path, body) in SMALLEST {
        let (_, headers, text) = read(Stage::failing(failure.clone()).post(path, body).await).await;
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["request-id"], headers["x-request-id"]);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        insta::with_settings!({ omit_expression => true, snapshot_suffix => path.replace('/', "_") }, {
            insta::assert_snapshot!("envelope", text);
        });
    }
}

#[tokio::test]
async fn short_waits_are_advised_and_long_ones_told() {
    let answer = |wait| async move {
        let failure = Failure::new(FailureKind::QuotaExhausted, "every account is busy").retry_after(wait);
        read(Stage::failing(failure).post(SMALLEST[0].0, SMALLEST[0].1).await).await
    };
    let (_, headers, _) = answer(Duration::from_millis(1_200)).await;
    assert_eq!(
        (&headers["retry-after"], &headers["x-should-retry"]),
        (&"2".parse().unwrap(), &"true".parse().unwrap())
    );
    let (_, headers, text) = answer(Duration::from_secs(11_041)).await;
    assert!(!headers.contains_key("retry-after"));
    assert_eq!(headers["x-should-retry"], "false");
    assert!(text.contains("every account is busy; ask again in about 3 h 5 min"), "{text}");
}

#[tokio::test]
async fn what_is_out_of_service_for_a_moment_says_in_every_dialect_when_it_is_back() {
    for (kind, statuses) in [
        (FailureKind::Unavailable, [503, 503, 503]),
        (FailureKind::UpstreamOverloaded, [503, 503, 529]),
        (FailureKind::QuotaExhausted, [429, 429, 429]),
    ] {
        for ((path, body), status) in SMALLEST.into_iter().zip(statuses) {
            for streams in [false, true] {
                let failure = Failure::new(kind, "busy").retry_after(Duration::from_secs(2));
                let body =
                    if streams { body.replacen('{', r#"{"stream":true,"#, 1) } else { body.to_owned() };
                let response = Stage::failing(failure).post(path, body).await;
                assert_eq!(response.status(), status, "{kind} {path}");
                assert_eq!(response.headers()["retry-after"], "2", "{kind} {path}");
                assert_eq!(response.headers()["x-should-retry"], "true", "{kind} {path}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_clients_limits_never_allow_is_not_worth_asking_for_again() {
    for (path, body) in SMALLEST {
        let failure = Failure::new(FailureKind::BeyondLimit, "ten pictures at once, and five a day");
        let response = Stage::failing(failure).post(path, body).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-should-retry"]),
            (429, &"false".parse().unwrap())
        );
        assert!(!response.headers().contains_key("retry-after"));
    }
}

#[tokio::test]
async fn a_failure_that_comes_before_the_first_picture_has_a_status_of_its_own() {
    let events = |failure| vec![Ok(domain::GenerationEvent::Started), Err(failure)];
    let stage = Stage::playing(events(Failure::new(FailureKind::ContentPolicy, "refused")));
    for (path, body) in SMALLEST {
        assert_eq!(stage.post(path, body).await.status(), 400);
    }
    let busy = Failure::new(FailureKind::QuotaExhausted, "busy");
    for stage in [Stage::failing(busy.clone()), Stage::playing(events(busy))] {
        for (path, body) in SMALLEST {
            let body = body.replacen('{', r#"{"stream":true,"#, 1);
            assert_eq!(stage.post(path, body).await.status(), 429);
        }
    }
}

#[tokio::test]
async fn a_panic_is_answered_in_the_dialects_shape() {
    let stage = Stage::with(gateway::Settings::default(), || panic!("a bug"));
    for (path, body) in SMALLEST {
        let (status, _, text) = read(stage.post(path, body).await).await;
        assert_eq!(status, 500);
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains("a fault of ours"), "{text}");
    }
}
