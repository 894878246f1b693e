//! Words a refusal.

use domain::{FailureKind, RequestId};
use http::StatusCode;
use serde::Serialize;

use crate::{dialect::output, refusal::Refusal};

/// Anthropic's error envelope, alike in answers and in streams.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Body,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

/// The status and body of a refusal.
pub(super) fn error(refusal: &Refusal, id: &RequestId) -> (StatusCode, Vec<u8>) {
    let (status, _) = wording(refusal);
    let status = StatusCode::from_u16(status).expect("the table holds HTTP statuses");
    (status, output::document(&body(refusal, id)))
}

/// The body of a refusal.
pub(super) fn body<'a>(refusal: &Refusal, id: &'a RequestId) -> Envelope<'a> {
    let (_, kind) = wording(refusal);
    let error = Body { kind, message: refusal.message().into_owned() };
    Envelope { kind: "error", error, request_id: id.as_str() }
}

/// The dialect's words for a refusal: HTTP status, Anthropic's `type`.
const fn wording(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::Failure(failure) => words_for(failure.kind),
        Refusal::UnknownPath => (404, "not_found_error"),
        Refusal::WrongMethod => (405, "invalid_request_error"),
        Refusal::SlowBody => (408, "invalid_request_error"),
    }
}

const fn words_for(kind: FailureKind) -> (u16, &'static str) {
    match kind {
        FailureKind::InvalidRequest | FailureKind::MissingField | FailureKind::ContentPolicy => {
            (400, "invalid_request_error")
        }
        FailureKind::Unauthenticated => (401, "authentication_error"),
        FailureKind::UnknownModel => (404, "not_found_error"),
        FailureKind::PayloadTooLarge => (413, "request_too_large"),
        FailureKind::UnsupportedMediaType => (415, "invalid_request_error"),
        FailureKind::QuotaExhausted | FailureKind::BeyondLimit => (429, "rate_limit_error"),
        FailureKind::UpstreamOverloaded => (529, "overloaded_error"),
        FailureKind::UpstreamTimeout => (504, "timeout_error"),
        FailureKind::NoAccount | FailureKind::Unavailable => (503, "api_error"),
        FailureKind::UpstreamRejected
        | FailureKind::UpstreamMalformed
        | FailureKind::NoImage
        | FailureKind::UpstreamInterrupted => (502, "api_error"),
        FailureKind::Internal => (500, "api_error"),
    }
}
