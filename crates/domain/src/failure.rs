//! The one vocabulary of failure.
//!
//! [`FailureKind`] is all that crosses a service. Status codes appear in four exhaustive matches over it: one
//! for gRPC and one for each dialect. A kind says what the caller can do about it; who was at fault upstream,
//! and what becomes of the account, is in [`CallOutcome`](crate::CallOutcome) instead.

use std::{fmt, time::Duration};

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A value is wrong: type, range or meaning. The caller mends the named field.
    InvalidRequest,
    /// A required value is missing.
    MissingField,
    /// No key, or one that opens nothing.
    Unauthenticated,
    /// The catalog has no such model.
    UnknownModel,
    /// The body is larger than the edge takes.
    PayloadTooLarge,
    /// The body is not of the media type that the path takes.
    UnsupportedMediaType,
    /// The provider's safety system refused the prompt or the picture.
    ContentPolicy,
    /// Every account that could serve is at a limit now.
    QuotaExhausted,
    /// More was asked for than the caller's own limits ever allow.
    BeyondLimit,
    /// No enabled account serves this model at all.
    NoAccount,
    /// The provider is short of capacity, or failing before it takes on work.
    UpstreamOverloaded,
    /// The provider refused our credentials or our request; the operator must look.
    UpstreamRejected,
    /// The provider's answer is unusable: broken, cut short or too large.
    UpstreamMalformed,
    /// The provider answered well and drew nothing.
    NoImage,
    /// The provider did not answer in time.
    UpstreamTimeout,
    /// The connection to the provider broke after the request was sent.
    UpstreamInterrupted,
    /// A part of Tessera that is needed cannot be reached.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// When asking again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail the same way.
    Never,
    /// Later, and nothing was paid so far.
    Later,
    /// Possibly, but the first try may have been paid for.
    AtOwnCost,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::InvalidRequest,
        Self::MissingField,
        Self::Unauthenticated,
        Self::UnknownModel,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ContentPolicy,
        Self::QuotaExhausted,
        Self::BeyondLimit,
        Self::NoAccount,
        Self::UpstreamOverloaded,
        Self::UpstreamRejected,
        Self::UpstreamMalformed,
        Self::NoImage,
        Self::UpstreamTimeout,
        Self::UpstreamInterrupted,
        Self::Unavailable,
        Self::Internal,
    ];

    /// A stable name for logs, metrics and the `code` of partial failures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::MissingField => "missing_field",
            Self::Unauthenticated => "unauthenticated",
            Self::UnknownModel => "unknown_model",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::ContentPolicy => "content_policy",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BeyondLimit => "beyond_limit",
            Self::NoAccount => "no_account",
            Self::UpstreamOverloaded => "upstream_overloaded",
            Self::UpstreamRejected => "upstream_rejected",
            Self::UpstreamMalformed => "upstream_malformed",
            Self::NoImage => "no_image",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamInterrupted => "upstream_interrupted",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// When asking again makes sense.
    pub const fn retry(self) -> Retry {
        match self {
            Self::InvalidRequest
            | Self::MissingField
            | Self::Unauthenticated
            | Self::UnknownModel
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::ContentPolicy
            | Self::BeyondLimit
            | Self::NoAccount
            | Self::UpstreamRejected => Retry::Never,
            Self::QuotaExhausted | Self::UpstreamOverloaded | Self::Unavailable => Retry::Later,
            Self::UpstreamMalformed
            | Self::NoImage
            | Self::UpstreamTimeout
            | Self::UpstreamInterrupted
            | Self::Internal => Retry::AtOwnCost,
        }
    }

    /// Whether the provider may have charged for the call that failed.
    pub const fn possibly_billed(self) -> bool {
        matches!(
            self,
            Self::UpstreamMalformed | Self::NoImage | Self::UpstreamTimeout | Self::UpstreamInterrupted
        )
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as its caller may read it: no secret, no account, no provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// What happened and what helps, in words for the caller.
    pub message: String,
    /// The field of the request at fault, as the caller spelled it.
    pub field: Option<String>,
    /// How long until asking again can succeed, where that is known.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, retry_after: None }
    }

    /// A value that cannot be used, and the field it stands in.
    pub fn invalid(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let field = field.into();
        let message = format!("{field}: {message}");
        Self { field: Some(field), ..Self::new(FailureKind::InvalidRequest, message) }
    }

    /// A required field that is absent.
    pub fn missing(field: impl Into<String>) -> Self {
        let field = field.into();
        let message = format!("{field}: is required");
        Self { field: Some(field), ..Self::new(FailureKind::MissingField, message) }
    }

    /// The same failure with a time after which asking again can succeed.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}
