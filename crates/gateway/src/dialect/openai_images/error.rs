//! Words a refusal.

use domain::{FailureKind, RequestId};
use http::StatusCode;

use crate::{
    dialect::{openai_error::Wording, output},
    refusal::Refusal,
};

/// The status and body of a refusal.
pub(super) fn error(refusal: &Refusal, _: &RequestId) -> (StatusCode, Vec<u8>) {
    let wording = wording(refusal);
    (wording.status(), output::document(&wording.envelope(refusal)))
}

/// The dialect's words for a refusal.
pub(super) const fn wording(refusal: &Refusal) -> Wording {
    match refusal {
        Refusal::Failure(failure) => words_for(failure.kind),
        Refusal::UnknownPath => Wording::new(404, "invalid_request_error", None),
        Refusal::WrongMethod => Wording::new(405, "invalid_request_error", None),
        Refusal::SlowBody => Wording::new(408, "invalid_request_error", None),
    }
}

const fn words_for(kind: FailureKind) -> Wording {
    let (status, kind, code) = match kind {
        FailureKind::InvalidRequest => (400, "invalid_request_error", Some("invalid_value")),
        FailureKind::MissingField => (400, "invalid_request_error", Some("missing_required_parameter")),
        FailureKind::Unauthenticated => (401, "invalid_request_error", Some("invalid_api_key")),
        FailureKind::UnknownModel => (404, "invalid_request_error", Some("model_not_found")),
        FailureKind::PayloadTooLarge => (413, "invalid_request_error", None),
        FailureKind::UnsupportedMediaType => (415, "invalid_request_error", None),
        FailureKind::ContentPolicy => (400, "image_generation_user_error", Some("moderation_blocked")),
        FailureKind::QuotaExhausted => (429, "requests", Some("rate_limit_exceeded")),
        FailureKind::BeyondLimit => (429, "insufficient_quota", Some("insufficient_quota")),
        FailureKind::NoAccount => (503, "server_error", Some("no_account")),
        FailureKind::UpstreamOverloaded => (503, "server_error", Some("server_is_overloaded")),
        FailureKind::UpstreamRejected => (502, "server_error", Some("upstream_rejected")),
        FailureKind::UpstreamMalformed => (502, "server_error", Some("upstream_malformed")),
        FailureKind::NoImage => (502, "server_error", Some("no_image")),
        FailureKind::UpstreamTimeout => (504, "server_error", Some("upstream_timeout")),
        FailureKind::UpstreamInterrupted => (502, "server_error", Some("upstream_interrupted")),
        FailureKind::Unavailable => (503, "service_unavailable_error", Some("unavailable")),
        FailureKind::Internal => (500, "server_error", None),
    };
    Wording::new(status, kind, code)
}
