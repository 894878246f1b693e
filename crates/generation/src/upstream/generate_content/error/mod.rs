//! What a bad answer means: for the account, and for whoever asked.
//!
//! `rpc` is how Google writes errors, `quota` what it says of quota; what every status means is decided here.

mod quota;
mod rpc;

use domain::{CallOutcome, Failure, FailureKind};
use reqwest::StatusCode;

use self::rpc::RpcError;
use crate::upstream::CallFailure;

/// The meaning of an answer with this status and body.
pub(crate) fn read(status: StatusCode, body: &[u8], model: &str) -> CallFailure {
    let error = RpcError::parse(body).unwrap_or_default();
    let outcome = outcome(status, &error);
    let failure = failure(status, &outcome, model);
    CallFailure::sent(outcome, failure, error.describe(status))
}

/// For the ledger.
fn outcome(status: StatusCode, error: &RpcError) -> CallOutcome {
    match status.as_u16() {
        402 => CallOutcome::BillingClosed,
        400 | 403 if closes_billing(error) => CallOutcome::BillingClosed,
        400 if blames_the_key(error) => CallOutcome::CredentialRejected,
        403 if error.mentions("VALIDATION_REQUIRED") => CallOutcome::Forbidden,
        401 | 403 => CallOutcome::CredentialRejected,
        404 => CallOutcome::Forbidden,
        429 => quota::outcome(error),
        499 | 504 => CallOutcome::Ambiguous,
        503 => CallOutcome::Overloaded,
        500..=599 | 408 => CallOutcome::Transient,
        _ => CallOutcome::Rejected,
    }
}

/// Missing billing may be told as a bad request, or as one that is forbidden.
fn closes_billing(error: &RpcError) -> bool {
    let in_words = || error.message.contains("billing") || error.message.contains("Billing");
    error.mentions("BILLING_DISABLED") || error.status == "FAILED_PRECONDITION" && in_words()
}

/// A bad key, and a place that is not served, are told as bad requests.
fn blames_the_key(error: &RpcError) -> bool {
    error.status == "FAILED_PRECONDITION"
        || error.mentions("API_KEY_INVALID")
        || error.message.starts_with("API key ")
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
        CallOutcome::BillingClosed => {
            (UpstreamRejected, "the provider is not paid for our calls any more; the operator must look")
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    const BARE: CallOutcome = CallOutcome::Throttled { window: None, retry_after: None, revealed: None };

    #[test]
    fn every_status_has_one_meaning() {
        let info = |reason: &str| format!(r#"{{"reason":"{reason}","domain":"googleapis.com"}}"#);
        let key = body("INVALID_ARGUMENT", "API key not valid.", &info("API_KEY_INVALID"));
        let place = body("FAILED_PRECONDITION", "User location is not supported for the API use.", "");
        let billing = body("FAILED_PRECONDITION", "Please enable billing on your project.", "");
        let disabled = body("PERMISSION_DENIED", "", &info("BILLING_DISABLED"));
        let validation = body("PERMISSION_DENIED", "", &info("VALIDATION_REQUIRED"));
        for (status, body, expected, kind) in [
            (400, key.as_str(), CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (400, &place, CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (400, &billing, CallOutcome::BillingClosed, FailureKind::UpstreamRejected),
            (400, "{}", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (401, "", CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (402, "", CallOutcome::BillingClosed, FailureKind::UpstreamRejected),
            (403, &disabled, CallOutcome::BillingClosed, FailureKind::UpstreamRejected),
            (403, "", CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            (403, &validation, CallOutcome::Forbidden, FailureKind::UpstreamRejected),
            (404, "", CallOutcome::Forbidden, FailureKind::UpstreamRejected),
            (413, "", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (302, "", CallOutcome::Rejected, FailureKind::UpstreamRejected),
            (429, "[]", BARE, FailureKind::QuotaExhausted),
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
