//! Everything that can go wrong at the provider: what it means to the ledger and to the caller, and whether
//! another account is tried.

use std::time::Duration;

use domain::FailureKind::{
    self, ContentPolicy, NoImage, QuotaExhausted, UpstreamInterrupted, UpstreamMalformed, UpstreamOverloaded,
    UpstreamRejected, UpstreamTimeout,
};
use generation::Settings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::stage::{Stage, cats};

/// A fault of account `a`, what the ledger learns of it, and what the caller would.
const UNBILLED: [(&str, &str, FailureKind); 14] = [
    ("quota-minute", "throttled", QuotaExhausted),
    ("quota-images", "throttled", QuotaExhausted),
    ("quota-day", "throttled", QuotaExhausted),
    ("quota-day-zero-delay", "throttled", QuotaExhausted),
    ("quota-bare", "throttled", QuotaExhausted),
    ("limit-zero", "forbidden", UpstreamRejected),
    ("bad-key", "credential_rejected", UpstreamRejected),
    ("billing", "billing_closed", UpstreamRejected),
    ("credit", "billing_closed", UpstreamRejected),
    ("forbidden", "credential_rejected", UpstreamRejected),
    ("forbidden-validation", "forbidden", UpstreamRejected),
    ("not-found", "forbidden", UpstreamRejected),
    ("internal", "transient", UpstreamOverloaded),
    ("html-error", "transient", UpstreamOverloaded),
];

const FINAL: [(&str, &str, FailureKind); 11] = [
    ("blocked-prompt", "declined", ContentPolicy),
    ("finish", "declined", ContentPolicy),
    ("no-image", "empty", NoImage),
    ("hang", "ambiguous", UpstreamTimeout),
    ("reset", "ambiguous", UpstreamInterrupted),
    ("truncate", "ambiguous", UpstreamInterrupted),
    ("cut-json", "ambiguous", UpstreamMalformed),
    ("bad-base64", "ambiguous", UpstreamMalformed),
    ("not-a-picture", "ambiguous", UpstreamMalformed),
    ("slow'\nbytes_per_second = 1 #'", "ambiguous", UpstreamTimeout),
    ("huge'\nbytes = 3_000_000 #'", "ambiguous", UpstreamMalformed),
];

/// Too little time and room for what hangs and what is huge; ample for the rest.
fn tight(settings: &mut Settings) {
    settings.gemini.timeouts.first_byte = Duration::from_secs(2);
    settings.gemini.timeouts.total = Duration::from_secs(3);
    settings.gemini.answer_limit_bytes = 2_000_000;
}

async fn stage(fault: &str, accounts: &[&str]) -> Stage {
    let rule = format!("[[rules]]\nmatch = {{ key = 'key-a' }}\nfault = '{fault}'");
    Stage::set_with(&rule, accounts, tight).await
}

#[tokio::test]
async fn an_unbilled_fault_is_settled_and_another_account_draws() {
    for (fault, outcome, kind) in UNBILLED {
        let stage = stage(fault, &["a", "b"]).await;
        assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1, "{fault}");
        let settled = format!("settle req/0/0 {outcome}");
        assert_eq!(
            stage.ledger.log(),
            ["grant req/0/0 a", &settled, "grant req/0/1 b", "settle req/0/1 delivered"],
            "{fault}"
        );
        let alone = self::stage(fault, &["a"]).await;
        assert_eq!(alone.ask(cats(1)).await.kind(), Some(kind), "{fault}");
        assert_eq!(alone.calls(), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_fault_that_may_be_billed_or_would_repeat_is_final() {
    for (fault, outcome, kind) in FINAL {
        let stage = stage(fault, &["a", "b"]).await;
        let answer = stage.ask(cats(1)).await;
        assert_eq!(answer.kind(), Some(kind), "{fault}: {:?}", answer.failure);
        assert_eq!(stage.calls(), 1, "{fault}");
        assert_eq!(stage.ledger.log(), ["grant req/0/0 a", &format!("settle req/0/0 {outcome}")], "{fault}");
    }
}

#[tokio::test]
async fn a_model_short_of_capacity_is_asked_once_more_on_whichever_account() {
    for fault in ["capacity", "unavailable"] {
        let stage = stage(fault, &["a"]).await;
        assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamOverloaded), "{fault}");
        assert_eq!(stage.calls(), 2, "{fault}");
        let log = stage.ledger.log();
        let made =
            ["grant req/0/0 a", "settle req/0/0 overloaded", "grant req/0/1 a", "settle req/0/1 overloaded"];
        assert_eq!(log[..4], made, "{fault}");
        // The ledger was asked when there will be capacity, and had a lease to give.
        assert_eq!(log[4..], ["grant req/0/2 a", "release req/0/2"], "{fault}");
    }
}

#[tokio::test]
async fn no_more_than_three_accounts_are_tried() {
    let stage = Stage::set("[[rules]]\nfault = 'bad-key'", &["a", "b", "c", "d", "e"]).await;
    assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamRejected));
    assert_eq!(stage.calls(), 3);
}

#[tokio::test]
async fn a_provider_that_fails_everywhere_is_asked_twice() {
    let stage = Stage::set("[[rules]]\nfault = 'internal'", &["a", "b", "c"]).await;
    assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamOverloaded));
    assert_eq!(stage.calls(), 2);
}

#[tokio::test]
async fn the_caller_reads_nothing_of_keys_accounts_or_the_providers_words() {
    for (fault, ..) in UNBILLED {
        let answer = stage(fault, &["a"]).await.ask(cats(1)).await;
        let message = answer.failure.unwrap().message;
        for secret in ["key-a", "API key", "quota metric", "http", "googleapis", "<"] {
            assert!(!message.contains(secret), "{fault}: {message}");
        }
    }
}

#[tokio::test]
async fn a_throttled_caller_learns_when_to_come_back() {
    let stage = Stage::set("[[rules]]\nfault = 'quota-minute'\nretry_after = '7s'", &["a"]).await;
    let failure = stage.ask(cats(1)).await.failure.unwrap();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn an_unreachable_provider_costs_no_quota() {
    // Bound and dropped: nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let stage = Stage::set_with("", &["a", "b"], |settings| settings.gemini.base_url = nowhere).await;
    assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamOverloaded));
    assert_eq!(
        stage.ledger.log(),
        ["grant req/0/0 a", "release req/0/0", "grant req/0/1 b", "release req/0/1"]
    );
}

/// A provider that answers every call with these bytes, and then keeps silent on the open connection.
async fn provider_that_says(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(answer.as_bytes()).await;
                while connection.read(&mut request).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    address
}

#[tokio::test]
async fn an_answer_that_stops_half_way_or_promises_too_much_is_given_up() {
    for (answer, kind) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{", UpstreamTimeout),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n", UpstreamTimeout),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2000000001\r\n\r\n{", UpstreamMalformed),
    ] {
        let address = provider_that_says(answer).await;
        let stage = Stage::set_with("", &["a", "b"], |settings| {
            settings.gemini.base_url = address;
            settings.gemini.timeouts.idle = Duration::from_millis(300);
        });
        let stage = stage.await;
        assert_eq!(stage.ask(cats(1)).await.kind(), Some(kind), "{answer:?}");
        assert_eq!(stage.ledger.log(), ["grant req/0/0 a", "settle req/0/0 ambiguous"]);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_broken_refusal_is_still_a_refusal() {
    for (answer, kind) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            UpstreamRejected,
        ),
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 1000\r\n\r\n{\"error\":", UpstreamRejected),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 1\r\n\r\n?", UpstreamOverloaded),
    ] {
        let address = provider_that_says(answer).await;
        let stage = Stage::set_with("", &["a"], |settings| {
            settings.gemini.base_url = address;
            settings.max_attempts = 1;
            settings.gemini.timeouts.idle = Duration::from_millis(300);
        });
        assert_eq!(stage.await.ask(cats(1)).await.kind(), Some(kind), "{answer:?}");
    }
}
