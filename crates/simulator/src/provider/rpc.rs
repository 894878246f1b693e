//! Errors in the form of `google.rpc`.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use serde::Serialize;

/// A refusal as every Google service words it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) details: Vec<Detail>,
    /// Whether it is sent as a list of one.
    listed: bool,
}

/// What every service says to those who did not log in.
pub(super) const NO_LOGIN: &str = "Request had invalid authentication credentials. Expected OAuth 2 access \
    token, login cookie or other valid authentication credential. See \
    https://developers.google.com/identity/sign-in/web/devconsole-project.";

/// The canonical codes in use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    InvalidArgument,
    /// Billing is off; the one code with a status of its own.
    PaymentRequired,
    Unauthenticated,
    PermissionDenied,
    NotFound,
    ResourceExhausted,
    Internal,
    Unavailable,
}

/// Machine-readable particulars.
#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all_fields = "camelCase")]
pub(super) enum Detail {
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest")]
    BadRequest { field_violations: Vec<FieldViolation> },
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo { reason: &'static str, domain: &'static str, metadata: BTreeMap<&'static str, String> },
    #[serde(rename = "type.googleapis.com/google.rpc.LocalizedMessage")]
    LocalizedMessage { locale: &'static str, message: String },
    #[serde(rename = "type.googleapis.com/google.rpc.QuotaFailure")]
    QuotaFailure { violations: Vec<QuotaViolation> },
    #[serde(rename = "type.googleapis.com/google.rpc.Help")]
    Help { links: Vec<Link> },
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo")]
    RetryInfo { retry_delay: String },
}

impl Detail {
    /// An `ErrorInfo` of Google's own.
    pub(super) fn info<const N: usize>(reason: &'static str, metadata: [(&'static str, String); N]) -> Self {
        Self::ErrorInfo { reason, domain: "googleapis.com", metadata: BTreeMap::from(metadata) }
    }
}

/// A field that is wrong, and why; without a field where the whole request is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldViolation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    pub(super) description: String,
}

/// A quota that is spent.
#[derive(Debug, Serialize)]
pub(super) struct QuotaViolation {
    #[serde(rename = "quotaMetric")]
    pub(super) metric: &'static str,
    #[serde(rename = "quotaId")]
    pub(super) id: &'static str,
    #[serde(rename = "quotaDimensions")]
    pub(super) dimensions: BTreeMap<&'static str, String>,
    /// Left out where it is zero, as in all of proto3's JSON.
    #[serde(rename = "quotaValue", skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
}

/// Where to read on.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) description: &'static str,
    pub(super) url: &'static str,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), listed: false }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub(super) fn with(mut self, detail: Detail) -> Self {
        self.details.push(detail);
        self
    }

    /// The same as a list of one.
    pub(super) fn in_list(self) -> Self {
        Self { listed: true, ..self }
    }

    /// The refusal of a body that is not the message it should be.
    pub(super) fn bad_request(violations: Vec<FieldViolation>) -> Self {
        let sentences: Vec<&str> =
            violations.iter().map(|violation| violation.description.as_str()).collect();
        Self::invalid(sentences.join("\n")).with(Detail::BadRequest { field_violations: violations })
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.code.http().0
    }

    /// The body of the answer.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let (status, name) = self.code.http();
        let error =
            Error { code: status.as_u16(), message: &self.message, status: name, details: &self.details };
        let envelope = Envelope { error };
        let json = if self.listed { serde_json::to_vec(&[envelope]) } else { serde_json::to_vec(&envelope) };
        json.expect("an error has text keys only")
    }
}

impl Code {
    /// Its HTTP status and its name.
    const fn http(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidArgument => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
            Self::PaymentRequired => (StatusCode::PAYMENT_REQUIRED, "FAILED_PRECONDITION"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            Self::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        }
    }
}

/// A duration as proto3's JSON writes it: `12.3s`.
pub(super) fn duration(duration: Duration) -> String {
    let fraction = format!("{:03}", duration.subsec_millis());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}s", duration.as_secs())
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_no_needless_digits() {
        for (millis, text) in
            [(0, "0s"), (12_300, "12.3s"), (59_953, "59.953s"), (20_000, "20s"), (5, "0.005s")]
        {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
