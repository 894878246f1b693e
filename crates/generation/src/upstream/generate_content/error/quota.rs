//! What a 429 says: which quota is used up, how much it is and for how long, or that no quota is at all.
//!
//! The quota's name comes first, since it never lies; the delay second; the prose last.

use std::time::Duration;

use domain::{
    CallOutcome,
    lease::{Quota, Revealed, Window},
};

use super::rpc::{RpcError, Violation};

/// What a refusal for want of quota means.
pub(super) fn outcome(error: &RpcError) -> CallOutcome {
    if error.mentions("MODEL_CAPACITY_EXHAUSTED") {
        return CallOutcome::Overloaded;
    }
    if credit_is_gone(&error.message) {
        return CallOutcome::BillingClosed;
    }
    if has_zero_limit(error) {
        return CallOutcome::Forbidden;
    }
    let window = error.violations().filter_map(window).max_by_key(|window| *window == Window::Day);
    let retry_after = match window {
        // The delay that comes with a day's quota is a minute's, or zero.
        Some(Window::Day) => None,
        Some(Window::Minute) | None => delay(error),
    };
    CallOutcome::Throttled { window, retry_after, revealed: revealed(error, window) }
}

/// The tightest limit that is told for the window that counts.
fn revealed(error: &RpcError, of: Option<Window>) -> Option<Revealed> {
    let told = error.violations().filter(|violation| window(violation) == of).filter_map(|violation| {
        let limit = violation.limit.parse().ok()?;
        Some(Revealed { quota: quota(violation)?, limit })
    });
    told.min_by_key(|revealed| revealed.limit)
}

fn window(violation: &Violation) -> Option<Window> {
    if violation.names("PerDay", "per_day") {
        Some(Window::Day)
    } else if violation.names("PerMinute", "per_minute") {
        Some(Window::Minute)
    } else {
        None
    }
}

/// Which of the limits that we keep; tokens are none of them.
fn quota(violation: &Violation) -> Option<Quota> {
    match window(violation)? {
        Window::Day if violation.names("Requests", "requests") => Some(Quota::RequestsPerDay),
        Window::Minute if violation.names("Images", "images") => Some(Quota::ImagesPerMinute),
        Window::Minute if violation.names("Requests", "requests") => Some(Quota::RequestsPerMinute),
        Window::Day | Window::Minute => None,
    }
}

impl Violation {
    /// Whether this word is in its name, or without one in its metric's.
    fn names(&self, in_id: &str, in_metric: &str) -> bool {
        if self.id.is_empty() { self.metric.contains(in_metric) } else { self.id.contains(in_id) }
    }
}

/// Whether no money is left for any call of the project. That billing is mentioned is not enough: every message on
/// quota mentions it.
fn credit_is_gone(message: &str) -> bool {
    ["credits are depleted", "spending cap"].iter().any(|words| message.contains(words))
}

/// Whether the limit is told to be zero, and not `05`: this key may not use the model at all.
fn has_zero_limit(error: &RpcError) -> bool {
    let in_prose = |(at, found): (usize, &str)| {
        !error.message[at + found.len()..].starts_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    error.violations().any(|violation| violation.limit == "0")
        || error.message.match_indices("limit: 0").any(in_prose)
}

fn delay(error: &RpcError) -> Option<Duration> {
    let told = error.details.iter().find_map(|detail| duration(&detail.retry_delay));
    let prose = || duration(error.message.split_once("Please retry in ")?.1);
    told.or_else(prose)
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

    const MINUTE: &str = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
    const IMAGES: &str = "GenerateImagesPerMinutePerProjectPerModel";
    const DAY: &str = "GenerateRequestsPerDayPerProjectPerModel";
    const TOKENS: &str = "GenerateContentInputTokensPerModelPerMinute";

    /// The meaning of these violations, each with its limit, this delay and this message.
    fn refused(violations: &[(&str, &str)], delay: &str, message: &str) -> CallOutcome {
        let violation = |(id, value): &(&str, &str)| Violation {
            id: (*id).to_owned(),
            limit: (*value).to_owned(),
            ..Violation::default()
        };
        let violations = violations.iter().map(violation).collect();
        told(violations, delay, message)
    }

    fn told(violations: Vec<Violation>, delay: &str, message: &str) -> CallOutcome {
        let details = [
            super::super::rpc::Detail { violations, ..Default::default() },
            super::super::rpc::Detail { retry_delay: delay.to_owned(), ..Default::default() },
        ];
        outcome(&RpcError { message: message.to_owned(), details: details.into(), ..RpcError::default() })
    }

    fn throttled(window: Option<Window>, millis: Option<u64>) -> CallOutcome {
        CallOutcome::Throttled { window, retry_after: millis.map(Duration::from_millis), revealed: None }
    }

    #[test]
    fn which_quota_counts_more_than_the_delay_and_the_delay_more_than_the_prose() {
        let minute = |millis| throttled(Some(Window::Minute), Some(millis));
        let prose = "Please retry in 1m2.5s.";
        assert_eq!(refused(&[(MINUTE, "")], "59.95s", prose), minute(59_950));
        assert_eq!(refused(&[(MINUTE, "")], "", prose), minute(62_500));
        assert_eq!(refused(&[(DAY, "")], "0s", ""), throttled(Some(Window::Day), None));
        assert_eq!(refused(&[(MINUTE, ""), (DAY, "")], "2s", ""), throttled(Some(Window::Day), None));
        assert_eq!(refused(&[("Tokens", "")], "2s", ""), throttled(None, Some(2_000)));
        assert_eq!(refused(&[], "", "Please retry in 250ms."), throttled(None, Some(250)));
        assert_eq!(refused(&[], "", "Resource exhausted. Please try again later."), throttled(None, None));
    }

    #[test]
    fn a_limit_is_learned_with_its_quota_and_of_several_the_one_that_binds() {
        let learned = |violations: &[(&str, &str)]| match refused(violations, "", "") {
            CallOutcome::Throttled { revealed, .. } => revealed.map(|told| (told.quota, told.limit)),
            other => panic!("{other:?}"),
        };
        for (violations, expected) in [
            (&[(MINUTE, "10")][..], Some((Quota::RequestsPerMinute, 10))),
            (&[(MINUTE, "10"), (IMAGES, "4")], Some((Quota::ImagesPerMinute, 4))),
            (&[(MINUTE, "10"), (DAY, "250")], Some((Quota::RequestsPerDay, 250))),
            (&[(TOKENS, "1000000")], None),
            (&[(MINUTE, "")], None),
            (&[(MINUTE, "many")], None),
        ] {
            assert_eq!(learned(violations), expected, "{violations:?}");
        }
    }

    #[test]
    fn a_quota_without_a_name_is_told_by_its_metric() {
        let violation = Violation {
            metric: "aiplatform.googleapis.com/generate_content_requests_per_minute".to_owned(),
            limit: "60".to_owned(),
            ..Violation::default()
        };
        let revealed = Some(Revealed { quota: Quota::RequestsPerMinute, limit: 60 });
        let expected = CallOutcome::Throttled { window: Some(Window::Minute), retry_after: None, revealed };
        assert_eq!(told(vec![violation], "", ""), expected);
    }

    #[test]
    fn a_limit_of_zero_is_no_quota_at_all() {
        assert_eq!(refused(&[(DAY, "")], "1s", "metric: x, limit: 0, model: y"), CallOutcome::Forbidden);
        assert_eq!(refused(&[(DAY, "0")], "1s", ""), CallOutcome::Forbidden);
        assert_eq!(refused(&[(DAY, "")], "1s", "metric: x, limit: 05"), throttled(Some(Window::Day), None));
    }

    #[test]
    fn want_of_money_and_want_of_capacity_are_told_from_want_of_quota() {
        for (message, expected) in [
            ("Your prepayment credits are depleted. Please go to AI Studio.", CallOutcome::BillingClosed),
            ("Your project has exceeded its monthly spending cap.", CallOutcome::BillingClosed),
            (
                "You exceeded your current quota, please check your plan and billing details.",
                throttled(None, None),
            ),
            ("MODEL_CAPACITY_EXHAUSTED", CallOutcome::Overloaded),
        ] {
            assert_eq!(refused(&[], "", message), expected, "{message}");
        }
    }
}
