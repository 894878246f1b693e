//! What a bad answer means: for the account, and for whoever asked.

use std::time::Duration;

use domain::{CallOutcome, Failure, FailureKind, lease::Window};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::upstream::{CallFailure, one_line};

/// The meaning of an answer with this status and body.
pub(crate) fn read(status: StatusCode, body: &[u8], model: &str) -> CallFailure {
    let error = RpcError::parse(body).unwrap_or_default();
    let outcome = error.outcome(status);
    let failure = failure(status, &outcome, model);
    CallFailure::sent(outcome, failure, error.describe(status))
}

/// For the caller: never the provider's words, and nothing of the account.
fn failure(status: StatusCode, outcome: &CallOutcome, model: &str) -> Failure {
    use FailureKind::{
        Internal, QuotaExhausted, UpstreamInterrupted, UpstreamOverloaded, UpstreamRejected, UpstreamTimeout,
    };
    let (kind, message) = match outcome {
        CallOutcome::Throttled { retry_after, .. } => {
            let failure = Failure::new(QuotaExhausted, "the provider's quota is used up for now");
            return retry_after.map_or(failure.clone(), |wait| failure.retry_after(wait));
        }
        CallOutcome::Overloaded => (UpstreamOverloaded, "the provider is short of capacity for this model"),
        CallOutcome::Transient => {
            (UpstreamOverloaded, "the provider failed before drawing; try again shortly")
        }
        CallOutcome::CredentialRejected => {
            (UpstreamRejected, "the provider refused our credentials; the operator must look")
        }
        CallOutcome::Forbidden if status == StatusCode::NOT_FOUND => {
            let message = format!("the provider has no model `{model}`; the operator must mend the catalog");
            return Failure::new(UpstreamRejected, message);
        }
        CallOutcome::Forbidden => {
            (UpstreamRejected, "the provider does not let us use this model; the operator must look")
        }
        CallOutcome::Rejected => {
            (UpstreamRejected, "the provider refused the request as invalid; the operator must look")
        }
        CallOutcome::Ambiguous if status == StatusCode::GATEWAY_TIMEOUT => {
            (UpstreamTimeout, "the provider did not finish in time; the picture may have been paid for")
        }
        CallOutcome::Ambiguous => {
            (UpstreamInterrupted, "the provider gave up the call; the picture may have been paid for")
        }
        CallOutcome::Delivered { .. }
        | CallOutcome::Declined
        | CallOutcome::Empty
        | CallOutcome::Cancelled => (Internal, "the provider's refusal makes no sense"),
    };
    Failure::new(kind, message)
}

/// A `google.rpc.Status`, read as leniently as it is written.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RpcError {
    message: String,
    status: String,
    #[serde(skip)]
    details: Vec<Detail>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    /// `ErrorInfo`
    reason: String,
    /// `QuotaFailure`; a `BadRequest` calls its own otherwise.
    violations: Vec<Violation>,
    /// `RetryInfo`
    retry_delay: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Violation {
    quota_id: String,
}

impl RpcError {
    /// Reads an error, which may be wrapped in an array of one.
    fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            error: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Details<'a> {
            #[serde(borrow, default)]
            details: Vec<&'a RawValue>,
        }
        let envelope: Envelope<'_> = match body.trim_ascii_start().first()? {
            b'[' => serde_json::from_slice::<Vec<_>>(body).ok()?.into_iter().next()?,
            _ => serde_json::from_slice(body).ok()?,
        };
        let raw = envelope.error.get();
        let mut error: Self = serde_json::from_str(raw).ok()?;
        // One detail of an unknown shape must not hide the others.
        let details = serde_json::from_str::<Details<'_>>(raw).map(|list| list.details).unwrap_or_default();
        error.details = details.into_iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
        Some(error)
    }

    fn outcome(&self, status: StatusCode) -> CallOutcome {
        match status.as_u16() {
            400 if self.blames_the_key() => CallOutcome::CredentialRejected,
            403 if self.mentions("VALIDATION_REQUIRED") => CallOutcome::Forbidden,
            401..=403 => CallOutcome::CredentialRejected,
            404 => CallOutcome::Forbidden,
            429 => self.quota(),
            499 | 504 => CallOutcome::Ambiguous,
            503 => CallOutcome::Overloaded,
            500..=599 | 408 => CallOutcome::Transient,
            _ => CallOutcome::Rejected,
        }
    }

    /// A bad key and missing billing are told as bad requests.
    fn blames_the_key(&self) -> bool {
        self.status == "FAILED_PRECONDITION"
            || self.mentions("API_KEY_INVALID")
            || self.message.starts_with("API key ")
    }

    fn mentions(&self, reason: &str) -> bool {
        self.details.iter().any(|detail| detail.reason == reason) || self.message.contains(reason)
    }

    /// Which quota first, since it never lies; the delay second; the prose last.
    fn quota(&self) -> CallOutcome {
        if self.mentions("MODEL_CAPACITY_EXHAUSTED") {
            return CallOutcome::Overloaded;
        }
        if has_zero_limit(&self.message) {
            return CallOutcome::Forbidden;
        }
        let any = |name: &str| {
            self.details.iter().flat_map(|detail| &detail.violations).any(|v| v.quota_id.contains(name))
        };
        let (window, retry_after) = if any("PerDay") {
            // The delay that comes with a day's quota is a minute's, or zero.
            (Some(Window::Day), None)
        } else if any("PerMinute") {
            (Some(Window::Minute), self.delay())
        } else {
            (None, self.delay())
        };
        CallOutcome::Throttled { window, retry_after, revealed: None }
    }

    fn delay(&self) -> Option<Duration> {
        let told = self.details.iter().find_map(|detail| duration(&detail.retry_delay));
        let prose = || duration(self.message.split_once("Please retry in ")?.1);
        told.or_else(prose)
    }

    /// For the log, without what the caller asked for.
    fn describe(&self, status: StatusCode) -> String {
        let reasons = self.details.iter().map(|detail| detail.reason.as_str());
        let violations = self.details.iter().flat_map(|detail| &detail.violations);
        let quotas = violations.map(|violation| violation.quota_id.as_str());
        let words = [self.status.as_str()].into_iter().chain(reasons).chain(quotas).chain([&*self.message]);
        words.fold(status.as_u16().to_string(), |line, word| format!("{line} {}", one_line(word, 200)))
    }
}

/// Whether the text says `limit: 0`, and not `limit: 05`: this key may not use the model at all.
fn has_zero_limit(text: &str) -> bool {
    text.match_indices("limit: 0")
        .any(|(at, found)| !text[at + found.len()..].starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

/// Reads `59.95s`, `1m2s` or `250ms` at the start of a text; nothing for nothing.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start();
    let mut seconds = None;
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0) {
        let (number, after) = rest.split_at(end);
        let Ok(number) = number.parse::<f64>() else { break };
        let units = [("ms", 0.001), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];
        let Some((unit, scale)) = units.into_iter().find(|(unit, _)| after.starts_with(unit)) else { break };
        seconds = Some(seconds.unwrap_or(0.0) + number * scale);
        rest = &after[unit.len()..];
    }
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Ending;

    fn body(status: &str, message: &str, details: &str) -> String {
        format!(r#"{{"error":{{"code":0,"message":"{message}","status":"{status}","details":[{details}]}}}}"#)
    }

    fn outcome(status: u16, body: &str) -> CallOutcome {
        let failure = read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), "m");
        match failure.ending {
            Ending::Sent(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn throttled(window: Option<Window>, millis: Option<u64>) -> CallOutcome {
        CallOutcome::Throttled { window, retry_after: millis.map(Duration::from_millis), revealed: None }
    }

    fn quota(ids: &[&str], delay: &str, message: &str) -> CallOutcome {
        let violations: Vec<_> =
            ids.iter().map(|id| format!(r#"{{"quotaId":"{id}","quotaValue":"5"}}"#)).collect();
        let details = format!(
            r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{}]}},
               {{"@type":"type.googleapis.com/google.rpc.Help","links":[{{"url":"x"}}]}},17,
               {{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}"#,
            violations.join(",")
        );
        outcome(429, &body("RESOURCE_EXHAUSTED", message, &details))
    }

    const DAY: &str = "GenerateRequestsPerDayPerProjectPerModel";
    const MINUTE: &str = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";

    #[test]
    fn a_429_is_read_in_full() {
        assert_eq!(quota(&[MINUTE], "59.95s", ""), throttled(Some(Window::Minute), Some(59_950)));
        assert_eq!(quota(&[DAY], "0s", ""), throttled(Some(Window::Day), None));
        assert_eq!(quota(&[MINUTE, DAY], "2s", ""), throttled(Some(Window::Day), None));
        assert_eq!(quota(&["Tokens"], "2s", ""), throttled(None, Some(2_000)));
        assert_eq!(
            quota(&[MINUTE], "", "Please retry in 1m2.5s."),
            throttled(Some(Window::Minute), Some(62_500))
        );
        assert_eq!(quota(&[], "", "Please retry in 250ms."), throttled(None, Some(250)));
        assert_eq!(quota(&[], "", "Resource exhausted. Please try again later."), throttled(None, None));
        assert_eq!(quota(&[DAY], "1s", "metric: x, limit: 0, model: y"), CallOutcome::Forbidden);
        assert_eq!(quota(&[DAY], "1s", "metric: x, limit: 05"), throttled(Some(Window::Day), None));
        let capacity =
            r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"MODEL_CAPACITY_EXHAUSTED"}"#;
        assert_eq!(outcome(429, &body("RESOURCE_EXHAUSTED", "", capacity)), CallOutcome::Overloaded);
    }

    #[test]
    fn every_status_has_one_meaning() {
        let info = |reason: &str| format!(r#"{{"reason":"{reason}","domain":"googleapis.com"}}"#);
        let key = body("INVALID_ARGUMENT", "API key not valid.", &info("API_KEY_INVALID"));
        let billing = body("FAILED_PRECONDITION", "Billing is off", "");
        let validation = body("PERMISSION_DENIED", "", &info("VALIDATION_REQUIRED"));
        for (status, body, expected, kind) in [
            (400, key.as_str(), CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (400, &billing, CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (400, "{}", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (401, "", CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (402, "", CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (403, "", CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (403, &validation, CallOutcome::Forbidden, FailureKind::UpstreamRejected),
            (404, "", CallOutcome::Forbidden, FailureKind::UpstreamRejected),
            (413, "", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (302, "", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (429, "[]", throttled(None, None), FailureKind::QuotaExhausted),
            (499, "", CallOutcome::Ambiguous, FailureKind::UpstreamInterrupted),
            (500, "", CallOutcome::Transient, FailureKind::UpstreamOverloaded),
            (502, "<html>Bad Gateway</html>", CallOutcome::Transient, FailureKind::UpstreamOverloaded),
            (503, "", CallOutcome::Overloaded, FailureKind::UpstreamOverloaded),
            (504, "", CallOutcome::Ambiguous, FailureKind::UpstreamTimeout),
        ] {
            assert_eq!(outcome(status, body), expected, "{status} {body}");
            let failure = read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), "m").failure;
            assert_eq!(failure.kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn an_error_in_an_array_of_one_is_the_same_error() {
        let bare = body("INVALID_ARGUMENT", "API key expired", "");
        assert_eq!(outcome(400, &bare), CallOutcome::CredentialRejected);
        assert_eq!(outcome(400, &format!(" [{bare}]")), CallOutcome::CredentialRejected);
    }

    #[test]
    fn the_caller_reads_our_words_and_the_log_the_providers() {
        let failure = read(
            StatusCode::NOT_FOUND,
            body("NOT_FOUND", "models/x is not\\n found", "").as_bytes(),
            "gemini-x",
        );
        assert_eq!(
            failure.failure.message,
            "the provider has no model `gemini-x`; the operator must mend the catalog"
        );
        assert_eq!(failure.detail, "404 NOT_FOUND models/x is not found");
    }

    #[test]
    fn a_throttled_caller_learns_how_long_to_wait() {
        let body = body("RESOURCE_EXHAUSTED", "Please retry in 7s.", "");
        let failure = read(StatusCode::TOO_MANY_REQUESTS, body.as_bytes(), "m").failure;
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }
}
