//! Leases and clients, between wire and domain.

use std::time::Duration;

use domain::{
    AccountId, CallOutcome, ClientId, Failure, Fence, Grant, LeaseId, ProjectId, QuotaDomain,
    lease::{Acquired, Closing, LeaseRequest, Renewal, Shortage, Window},
};
use v1::acquire_response::Answer;

use crate::{failure::millis, generation::unreadable, v1};

impl From<LeaseRequest> for v1::AcquireRequest {
    fn from(request: LeaseRequest) -> Self {
        Self {
            lease_ids: request.ids.iter().map(ToString::to_string).collect(),
            client: request.client.to_string(),
            model: request.model,
            resolution: request.resolution.to_string(),
            excluded_accounts: request.excluded.iter().map(ToString::to_string).collect(),
            person_generation: v1::PersonGeneration::from(request.person_generation).into(),
        }
    }
}

impl TryFrom<v1::AcquireRequest> for LeaseRequest {
    type Error = Failure;

    fn try_from(wire: v1::AcquireRequest) -> Result<Self, Failure> {
        let person_generation = wire.person_generation().into();
        let ids = wire.lease_ids.into_iter().map(lease_id).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Err(Failure::missing("lease_ids"));
        }
        if ids.iter().collect::<std::collections::HashSet<_>>().len() < ids.len() {
            return Err(Failure::invalid("lease_ids", "must differ from one another"));
        }
        let excluded = wire.excluded_accounts.into_iter().map(|id| account_id("excluded_accounts", id));
        Ok(Self {
            ids,
            client: ClientId::new(wire.client).map_err(|error| Failure::invalid("client", error))?,
            model: wire.model,
            resolution: wire.resolution.parse().map_err(|error| Failure::invalid("resolution", error))?,
            excluded: excluded.collect::<Result<_, _>>()?,
            person_generation,
        })
    }
}

fn lease_id(text: String) -> Result<LeaseId, Failure> {
    LeaseId::new(text).map_err(|error| Failure::invalid("lease_id", error))
}

fn account_id(field: &str, text: String) -> Result<AccountId, Failure> {
    AccountId::new(text).map_err(|error| Failure::invalid(field, error))
}

impl From<Acquired> for v1::AcquireResponse {
    fn from(acquired: Acquired) -> Self {
        let answer = match acquired {
            Acquired::Granted(grants) => {
                Answer::Granted(v1::Granted { leases: grants.into_iter().map(v1::Lease::from).collect() })
            }
            Acquired::Refused(Shortage::NoAccount) => Answer::NoAccount(v1::NoAccount {}),
            Acquired::Refused(Shortage::Limited { retry_after, at_most }) => {
                Answer::Limited(v1::Limited { retry_after_ms: millis(retry_after), at_most })
            }
        };
        Self { answer: Some(answer) }
    }
}

impl TryFrom<v1::AcquireResponse> for Acquired {
    type Error = Failure;

    fn try_from(wire: v1::AcquireResponse) -> Result<Self, Failure> {
        Ok(match wire.answer.ok_or_else(|| unreadable("no answer to a wish for leases"))? {
            Answer::Granted(v1::Granted { leases }) => {
                Self::Granted(leases.into_iter().map(Grant::try_from).collect::<Result<_, _>>()?)
            }
            Answer::NoAccount(v1::NoAccount {}) => Self::Refused(Shortage::NoAccount),
            Answer::Limited(v1::Limited { retry_after_ms, at_most }) => Self::Refused(Shortage::Limited {
                retry_after: Duration::from_millis(retry_after_ms),
                at_most,
            }),
        })
    }
}

impl From<Grant> for v1::Lease {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id.to_string(),
            account: grant.account.to_string(),
            provider: grant.domain.provider.to_string(),
            project: grant.domain.project.to_string(),
            model: grant.domain.model,
            fence: grant.fence.0,
            start_within_ms: millis(grant.start_within),
            expires_in_ms: millis(grant.expires_in),
        }
    }
}

impl TryFrom<v1::Lease> for Grant {
    type Error = Failure;

    fn try_from(wire: v1::Lease) -> Result<Self, Failure> {
        Ok(Self {
            id: lease_id(wire.id)?,
            account: account_id("account", wire.account)?,
            domain: QuotaDomain {
                provider: wire.provider.parse().map_err(|error| Failure::invalid("provider", error))?,
                project: ProjectId::new(wire.project).map_err(|error| Failure::invalid("project", error))?,
                model: wire.model,
            },
            fence: Fence(wire.fence),
            start_within: Duration::from_millis(wire.start_within_ms),
            expires_in: Duration::from_millis(wire.expires_in_ms),
        })
    }
}

impl v1::RenewRequest {
    /// The lease and the fence it is held with.
    pub fn parse(self) -> Result<(LeaseId, Fence), Failure> {
        Ok((lease_id(self.lease_id)?, Fence(self.fence)))
    }
}

impl v1::ReleaseRequest {
    /// The lease and the fence it is held with.
    pub fn parse(self) -> Result<(LeaseId, Fence), Failure> {
        Ok((lease_id(self.lease_id)?, Fence(self.fence)))
    }
}

impl v1::SettleRequest {
    /// The lease, the fence it is held with, and how the call ended.
    pub fn parse(self) -> Result<(LeaseId, Fence, CallOutcome), Failure> {
        let outcome = self.outcome.ok_or_else(|| Failure::missing("outcome"))?.try_into()?;
        Ok((lease_id(self.lease_id)?, Fence(self.fence), outcome))
    }
}

impl From<Renewal> for v1::RenewResponse {
    fn from(renewal: Renewal) -> Self {
        match renewal {
            Renewal::Active { expires_in } => Self { expires_in_ms: Some(millis(expires_in)) },
            Renewal::Ended => Self { expires_in_ms: None },
        }
    }
}

impl From<v1::RenewResponse> for Renewal {
    fn from(wire: v1::RenewResponse) -> Self {
        wire.expires_in_ms.map_or(Self::Ended, |ms| Self::Active { expires_in: Duration::from_millis(ms) })
    }
}

impl From<CallOutcome> for v1::Outcome {
    fn from(outcome: CallOutcome) -> Self {
        use v1::outcome::Kind;
        let bare = |kind: Kind| Self { kind: kind.into(), ..Self::default() };
        match outcome {
            CallOutcome::Delivered { images, usage } => {
                Self { images, usage: Some(usage.into()), ..bare(Kind::Delivered) }
            }
            CallOutcome::Throttled { window, retry_after } => Self {
                window: v1::outcome::Window::from(window).into(),
                retry_after_ms: retry_after.map(millis),
                ..bare(Kind::Throttled)
            },
            CallOutcome::Declined => bare(Kind::Declined),
            CallOutcome::Rejected => bare(Kind::Rejected),
            CallOutcome::Empty => bare(Kind::Empty),
            CallOutcome::Overloaded => bare(Kind::Overloaded),
            CallOutcome::CredentialRejected => bare(Kind::CredentialRejected),
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
        use v1::outcome::Kind;
        Ok(match wire.kind() {
            Kind::Unspecified => return Err(Failure::missing("outcome.kind")),
            Kind::Delivered => Self::Delivered {
                images: wire.images,
                usage: wire.usage.map(domain::Usage::from).unwrap_or_default(),
            },
            Kind::Throttled => Self::Throttled {
                window: wire.window().into(),
                retry_after: wire.retry_after_ms.map(Duration::from_millis),
            },
            Kind::Declined => Self::Declined,
            Kind::Rejected => Self::Rejected,
            Kind::Empty => Self::Empty,
            Kind::Overloaded => Self::Overloaded,
            Kind::CredentialRejected => Self::CredentialRejected,
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

impl From<Closing> for v1::CloseResponse {
    fn from(closing: Closing) -> Self {
        use v1::close_response::Closing as Wire;
        let closing = match closing {
            Closing::Closed => Wire::Closed,
            Closing::Duplicate => Wire::Duplicate,
            Closing::Conflict => Wire::Conflict,
            Closing::Late => Wire::Late,
            Closing::Fenced => Wire::Fenced,
            Closing::Unknown => Wire::Unknown,
        };
        Self { closing: closing.into() }
    }
}

impl TryFrom<v1::CloseResponse> for Closing {
    type Error = Failure;

    fn try_from(wire: v1::CloseResponse) -> Result<Self, Failure> {
        use v1::close_response::Closing as Wire;
        Ok(match wire.closing() {
            Wire::Closed => Self::Closed,
            Wire::Duplicate => Self::Duplicate,
            Wire::Conflict => Self::Conflict,
            Wire::Late => Self::Late,
            Wire::Fenced => Self::Fenced,
            Wire::Unknown => Self::Unknown,
            Wire::Unspecified => return Err(unreadable("no word on how a lease was closed")),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{PersonGeneration, Provider, Resolution, Usage};

    use super::*;

    #[test]
    fn a_wish_for_leases_survives_the_journey() {
        let request = LeaseRequest {
            ids: vec![LeaseId::new("r/0/0").unwrap(), LeaseId::new("r/1/0").unwrap()],
            client: ClientId::new("studio").unwrap(),
            model: "gemini-3-pro-image".into(),
            resolution: Resolution::K4,
            excluded: vec![AccountId::new("a").unwrap()],
            person_generation: PersonGeneration::Deny,
        };
        assert_eq!(LeaseRequest::try_from(v1::AcquireRequest::from(request.clone())), Ok(request));
    }

    #[test]
    fn a_wish_for_the_same_lease_twice_is_refused() {
        let wire = v1::AcquireRequest {
            lease_ids: vec!["r/0/0".into(), "r/0/0".into()],
            client: "studio".into(),
            resolution: "1K".into(),
            ..v1::AcquireRequest::default()
        };
        assert_eq!(LeaseRequest::try_from(wire).unwrap_err().field.as_deref(), Some("lease_ids"));
    }

    #[test]
    fn every_answer_survives_the_journey() {
        let grant = Grant {
            id: LeaseId::new("r/0/0").unwrap(),
            account: AccountId::new("a").unwrap(),
            domain: QuotaDomain {
                provider: Provider::Vertex,
                project: ProjectId::new("p").unwrap(),
                model: "gemini-3-pro-image".into(),
            },
            fence: Fence(7),
            start_within: Duration::from_secs(2),
            expires_in: Duration::from_secs(45),
        };
        let limited = Shortage::Limited { retry_after: Duration::from_millis(1), at_most: 3 };
        for answer in [
            Acquired::Granted(vec![grant]),
            Acquired::Refused(Shortage::NoAccount),
            Acquired::Refused(limited),
        ] {
            assert_eq!(Acquired::try_from(v1::AcquireResponse::from(answer.clone())), Ok(answer));
        }
    }

    #[test]
    fn every_outcome_survives_the_journey() {
        let usage = Usage { output_image_tokens: 1120, ..Usage::default() };
        for outcome in [
            CallOutcome::Delivered { images: 1, usage },
            CallOutcome::Declined,
            CallOutcome::Rejected,
            CallOutcome::Empty,
            CallOutcome::Throttled { window: None, retry_after: None },
            CallOutcome::Throttled {
                window: Some(Window::Minute),
                retry_after: Some(Duration::from_secs(7)),
            },
            CallOutcome::Throttled { window: Some(Window::Day), retry_after: Some(Duration::ZERO) },
            CallOutcome::Overloaded,
            CallOutcome::CredentialRejected,
            CallOutcome::Forbidden,
            CallOutcome::Transient,
            CallOutcome::Ambiguous,
            CallOutcome::Cancelled,
        ] {
            assert_eq!(CallOutcome::try_from(v1::Outcome::from(outcome.clone())), Ok(outcome));
        }
    }

    #[test]
    fn every_closing_survives_the_journey() {
        for closing in [
            Closing::Closed,
            Closing::Duplicate,
            Closing::Conflict,
            Closing::Late,
            Closing::Fenced,
            Closing::Unknown,
        ] {
            assert_eq!(Closing::try_from(v1::CloseResponse::from(closing)), Ok(closing));
        }
    }
}
