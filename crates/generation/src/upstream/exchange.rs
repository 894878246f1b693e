//! One request and the head of its answer, and the ways in which a connection fails.

use std::{error::Error, fmt::Write as _, sync::Arc};

use domain::{CallOutcome, Failure, FailureKind, Usage};
use reqwest::{Body, RequestBuilder, Response};
use tokio::time::{Instant, sleep_until};

use super::{Call, CallFailure, Ending, dispatch::Gated, one_line};

/// How a connection failed; the same with every provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The call was not on the wire within the time its lease leaves.
    Late,
    /// No connection came about, so nothing was sent.
    Unreachable(String),
    /// The call was sent and no answer began in time.
    NoAnswer,
    /// The answer stopped half way.
    Stalled,
    /// The whole call took too long.
    Overtime,
    /// The connection broke after the call was sent.
    Interrupted(String),
    /// The answer is larger than this many bytes.
    TooLarge(usize),
}

/// Sends the call's body and waits for the head of the answer, at most until `first_byte`.
pub(crate) async fn exchange(
    request: RequestBuilder,
    call: &Call,
    first_byte: Instant,
) -> Result<Response, Broken> {
    let dispatch = &call.dispatch;
    let body = Body::wrap(Gated::new(call.body.clone(), Arc::clone(dispatch), call.track.clone()));
    let too_late = async {
        sleep_until(dispatch.start_by()).await;
        if !dispatch.revoke() {
            std::future::pending::<()>().await;
        }
    };
    let unanswered = async {
        sleep_until(first_byte).await;
        if dispatch.revoke() { Broken::Late } else { Broken::NoAnswer }
    };
    tokio::select! {
        // Time first: what is too late already is not even begun.
        biased;
        () = too_late => Err(Broken::Late),
        broken = unanswered => Err(broken),
        answer = request.body(body).send() => answer.map_err(|error| match dispatch.revoke() {
            true if Instant::now() > dispatch.start_by() => Broken::Late,
            true => Broken::Unreachable(causes(error)),
            false => Broken::Interrupted(causes(error)),
        }),
    }
}

/// An error and its causes on one line, without the address it is about.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    one_line(&line, 300)
}

impl From<Broken> for CallFailure {
    fn from(broken: Broken) -> Self {
        let ambiguous = |kind, message: &str, detail: String| {
            Self::sent(CallOutcome::Ambiguous, Failure::new(kind, message), detail)
        };
        match broken {
            Broken::Late => Self {
                ending: Ending::Late,
                failure: unreachable().into(),
                detail: "the call was not on the wire in time".to_owned(),
                usage: Usage::default(),
            },
            Broken::Unreachable(detail) => Self::unsent(unreachable(), detail),
            Broken::NoAnswer => timeout("the provider did not begin to answer in time"),
            Broken::Stalled => timeout("the provider's answer stopped half way"),
            Broken::Overtime => timeout("the provider's answer did not end in time"),
            Broken::Interrupted(detail) => ambiguous(
                FailureKind::UpstreamInterrupted,
                "the connection to the provider broke while it drew; the picture may have been paid for",
                detail,
            ),
            Broken::TooLarge(limit) => ambiguous(
                FailureKind::UpstreamMalformed,
                "the provider's answer is larger than any picture",
                format!("the answer exceeds {limit} bytes"),
            ),
        }
    }
}

fn unreachable() -> Failure {
    Failure::new(FailureKind::UpstreamOverloaded, "the provider cannot be reached; try again shortly")
}

fn timeout(what: &str) -> CallFailure {
    let message = format!("{what}; the picture may have been paid for");
    CallFailure::sent(CallOutcome::Ambiguous, Failure::new(FailureKind::UpstreamTimeout, message), what)
}
