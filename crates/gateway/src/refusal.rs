//! How a request is refused: what the client reads, which headers advise it, and what is logged.

use std::{borrow::Cow, time::Duration};

use axum::{
    Extension,
    response::{IntoResponse as _, Response},
};
use domain::{Failure, FailureKind, RequestId, failure::Retry};
use http::{HeaderMap, HeaderValue, header};

use crate::{dialect::Dialect, observe::Exchange};

/// Why a request gets no answer: a failure of the common vocabulary, or something that only HTTP knows.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A failure that any service may have met.
    Failure(Failure),
    /// Nothing is at this path.
    UnknownPath,
    /// The path does not take this method.
    WrongMethod,
    /// The body stood still for too long.
    SlowBody,
}

/// What a client is told about asking again.
struct Advice {
    again: bool,
    after: Option<Duration>,
}

/// The longest wait that is advised. Some SDKs sleep for exactly as long as they are told, others give up;
/// a longer wait is told to people instead.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Refusal {
    /// What happened and what helps, for people.
    pub(crate) fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Failure(failure) => match failure.retry_after.filter(|wait| *wait > LONGEST_WAIT) {
                Some(wait) => Cow::Owned(format!("{}; ask again in about {}", failure.message, spoken(wait))),
                None => Cow::Borrowed(&failure.message),
            },
            Self::UnknownPath => Cow::Borrowed(
                "nothing is at this path; try /v1/images/generations, /v1/chat/completions, /v1/messages or \
                 /v1/models (the base URL of OpenAI's SDKs ends in /v1, that of Anthropic's does not)",
            ),
            Self::WrongMethod => {
                Cow::Borrowed("this path does not take this method; the `allow` header names those it takes")
            }
            Self::SlowBody => Cow::Borrowed("the request body stood still for too long; send it again"),
        }
    }

    /// The field at fault, as the client spelled it.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Failure(failure) => failure.field.as_deref(),
            Self::UnknownPath | Self::WrongMethod | Self::SlowBody => None,
        }
    }

    /// One line where it is handled: the operator looks at what is not the client's own mistake.
    pub(crate) fn log(&self) {
        let field = self.field();
        match self {
            Self::Failure(Failure { kind, message: why, .. }) => match kind {
                FailureKind::Internal => tracing::error!(%kind, field, why, "request failed"),
                _ if kind.retry() == Retry::Never && *kind != FailureKind::UpstreamRejected => {
                    tracing::info!(%kind, field, why, "request refused");
                }
                _ => tracing::warn!(%kind, field, why, "request failed"),
            },
            other => tracing::info!(why = ?other, "request refused"),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Failure(failure) => {
                let after = failure.retry_after.filter(|wait| *wait <= LONGEST_WAIT);
                let bearable = after.is_some() || failure.retry_after.is_none();
                Advice { again: failure.kind.retry() == Retry::Later && bearable, after }
            }
            Self::SlowBody => Advice { again: true, after: None },
            Self::UnknownPath | Self::WrongMethod => Advice { again: false, after: None },
        }
    }

    fn possibly_billed(&self) -> bool {
        matches!(self, Self::Failure(failure) if failure.kind.possibly_billed())
    }
}

/// The refusal as `D` says it; logged.
pub(crate) fn refuse<D: Dialect>(refusal: &Refusal, id: &RequestId) -> Response {
    refusal.log();
    let (status, body) = D::error(refusal, id);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    advise(refusal, response.headers_mut());
    response
}

/// Answers a path that does not exist.
pub(crate) async fn unknown_path(Extension(exchange): Extension<Exchange>) -> Response {
    exchange.refuse(&Refusal::UnknownPath)
}

/// Answers a method that the path does not take.
pub(crate) async fn wrong_method(Extension(exchange): Extension<Exchange>) -> Response {
    exchange.refuse(&Refusal::WrongMethod)
}

fn advise(refusal: &Refusal, headers: &mut HeaderMap) {
    let Advice { again, after } = refusal.advice();
    headers.insert("x-should-retry", HeaderValue::from_static(if again { "true" } else { "false" }));
    if let Some(wait) = after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if refusal.possibly_billed() {
        headers.insert("x-tessera-possibly-billed", HeaderValue::from_static("true"));
    }
}

/// `3 h 5 min`, rounded up to the minute.
fn spoken(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
