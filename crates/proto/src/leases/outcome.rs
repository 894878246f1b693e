//! How a leased call ended.

use std::time::Duration;

use domain::{
    CallOutcome, Failure,
    lease::{Quota, Revealed, Window},
};
use v1::outcome::Kind;

use crate::{failure::millis, generation::unreadable, v1};

impl From<CallOutcome> for v1::Outcome {
    fn from(outcome: CallOutcome) -> Self {
        let bare = |kind: Kind| Self { kind: kind.into(), ..Self::default() };
        match outcome {
            CallOutcome::Delivered { images, usage } => {
                Self { images, usage: Some(usage.into()), ..bare(Kind::Delivered) }
            }
            CallOutcome::Throttled { window, retry_after, revealed } => Self {
                window: v1::outcome::Window::from(window).into(),
                retry_after_ms: retry_after.map(millis),
                revealed: revealed.map(v1::outcome::Revealed::from),
                ..bare(Kind::Throttled)
            },
            CallOutcome::Declined => bare(Kind::Declined),
            CallOutcome::Rejected => bare(Kind::Rejected),
            CallOutcome::Empty => bare(Kind::Empty),
            CallOutcome::Overloaded => bare(Kind::Overloaded),
            CallOutcome::CredentialRejected => bare(Kind::CredentialRejected),
            CallOutcome::BillingClosed => bare(Kind::BillingClosed),
            CallOutcome::Forbidden => bare(Kind::Forbidden),
            CallOutcome::Transient => bare(Kind::Transient),
            CallOutcome::Ambiguous => bare(Kind::Ambiguous),
            CallOutcome::Cancelled => bare(Kind::Cancelled),
        }
    }
}

impl TryFrom<v1::Outcome> for CallOutcome {
    type Error = Failure;

    fn try_from(wire: v1::Outcome) -> Result<Self, Failure> {
        Ok(match wire.kind() {
            Kind::Unspecified => return Err(Failure::missing("outcome.kind")),
            Kind::Delivered => Self::Delivered {
                images: wire.images,
                usage: wire.usage.map(domain::Usage::from).unwrap_or_default(),
            },
            Kind::Throttled => Self::Throttled {
                window: wire.window().into(),
                retry_after: wire.retry_after_ms.map(Duration::from_millis),
                revealed: wire.revealed.map(Revealed::try_from).transpose()?,
            },
            Kind::Declined => Self::Declined,
            Kind::Rejected => Self::Rejected,
            Kind::Empty => Self::Empty,
            Kind::Overloaded => Self::Overloaded,
            Kind::CredentialRejected => Self::CredentialRejected,
            Kind::BillingClosed => Self::BillingClosed,
            Kind::Forbidden => Self::Forbidden,
            Kind::Transient => Self::Transient,
            Kind::Ambiguous => Self::Ambiguous,
            Kind::Cancelled => Self::Cancelled,
        })
    }
}

impl From<Option<Window>> for v1::outcome::Window {
    fn from(window: Option<Window>) -> Self {
        match window {
            None => Self::Unspecified,
            Some(Window::Minute) => Self::Minute,
            Some(Window::Day) => Self::Day,
        }
    }
}

impl From<v1::outcome::Window> for Option<Window> {
    fn from(wire: v1::outcome::Window) -> Self {
        match wire {
            v1::outcome::Window::Unspecified => None,
            v1::outcome::Window::Minute => Some(Window::Minute),
            v1::outcome::Window::Day => Some(Window::Day),
        }
    }
}

impl From<Revealed> for v1::outcome::Revealed {
    fn from(Revealed { quota, limit }: Revealed) -> Self {
        Self { quota: v1::outcome::Quota::from(quota).into(), limit }
    }
}

impl TryFrom<v1::outcome::Revealed> for Revealed {
    type Error = Failure;

    fn try_from(wire: v1::outcome::Revealed) -> Result<Self, Failure> {
        let quota = match wire.quota() {
            v1::outcome::Quota::RequestsPerMinute => Quota::RequestsPerMinute,
            v1::outcome::Quota::ImagesPerMinute => Quota::ImagesPerMinute,
            v1::outcome::Quota::RequestsPerDay => Quota::RequestsPerDay,
            v1::outcome::Quota::Unspecified => return Err(unreadable("a revealed limit of no kind")),
        };
        Ok(Self { quota, limit: wire.limit })
    }
}

impl From<Quota> for v1::outcome::Quota {
    fn from(quota: Quota) -> Self {
        match quota {
            Quota::RequestsPerMinute => Self::RequestsPerMinute,
            Quota::ImagesPerMinute => Self::ImagesPerMinute,
            Quota::RequestsPerDay => Self::RequestsPerDay,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Usage;

    use super::*;

    #[test]
    fn every_outcome_survives_the_journey() {
        let usage = Usage { output_image_tokens: 1120, ..Usage::default() };
        for outcome in [
            CallOutcome::Delivered { images: 1, usage },
            CallOutcome::Declined,
            CallOutcome::Rejected,
            CallOutcome::Empty,
            CallOutcome::Throttled { window: None, retry_after: None, revealed: None },
            CallOutcome::Throttled {
                window: Some(Window::Minute),
                retry_after: Some(Duration::from_secs(7)),
                revealed: Some(Revealed { quota: Quota::ImagesPerMinute, limit: 5 }),
            },
            CallOutcome::Throttled {
                window: Some(Window::Day),
                retry_after: Some(Duration::ZERO),
                revealed: Some(Revealed { quota: Quota::RequestsPerDay, limit: 50 }),
            },
            CallOutcome::Overloaded,
            CallOutcome::CredentialRejected,
            CallOutcome::BillingClosed,
            CallOutcome::Forbidden,
            CallOutcome::Transient,
            CallOutcome::Ambiguous,
            CallOutcome::Cancelled,
        ] {
            assert_eq!(CallOutcome::try_from(v1::Outcome::from(outcome.clone())), Ok(outcome));
        }
    }
}
