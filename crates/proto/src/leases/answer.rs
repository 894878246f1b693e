//! What is granted, or why not.

use std::time::Duration;

use domain::{
    ClientLimit, CredentialVersion, Failure, Fence, Grant, ProjectId, QuotaDomain,
    lease::{Acquired, Acquiring, Scarcity, Shortage},
};
use v1::acquire_event::Event;

use super::{account_id, lease_id};
use crate::{failure::millis, generation::unreadable, v1};

impl From<Acquiring> for v1::AcquireEvent {
    fn from(step: Acquiring) -> Self {
        let event = match step {
            Acquiring::Waiting => Event::Waiting(v1::Waiting {}),
            Acquiring::Answered(Acquired::Granted(grants)) => {
                Event::Granted(v1::Granted { leases: grants.into_iter().map(v1::Lease::from).collect() })
            }
            Acquiring::Answered(Acquired::Refused(shortage)) => shortage.into(),
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<v1::AcquireEvent> for Acquiring {
    type Error = Failure;

    fn try_from(wire: v1::AcquireEvent) -> Result<Self, Failure> {
        let shortage =
            match wire.event.ok_or_else(|| unreadable("an answer of no kind to a wish for leases"))? {
                Event::Waiting(v1::Waiting {}) => return Ok(Self::Waiting),
                Event::Granted(v1::Granted { leases }) => {
                    let grants = leases.into_iter().map(Grant::try_from).collect::<Result<_, _>>()?;
                    return Ok(Self::Answered(Acquired::Granted(grants)));
                }
                Event::NoAccount(v1::NoAccount {}) => Shortage::NoAccount,
                Event::Limited(limited) => Shortage::Limited {
                    scarcity: limited.scarcity().into(),
                    retry_after: Duration::from_millis(limited.retry_after_ms),
                    at_most: limited.at_most,
                },
                Event::ClientLimited(limited) => Shortage::ClientLimited {
                    limit: limited.limit().try_into()?,
                    retry_after: limited.retry_after_ms.map(Duration::from_millis),
                },
            };
        Ok(Self::Answered(Acquired::Refused(shortage)))
    }
}

impl From<Shortage> for Event {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::NoAccount => Self::NoAccount(v1::NoAccount {}),
            Shortage::Limited { retry_after, at_most, scarcity } => Self::Limited(v1::Limited {
                retry_after_ms: millis(retry_after),
                at_most,
                scarcity: v1::limited::Scarcity::from(scarcity).into(),
            }),
            Shortage::ClientLimited { limit, retry_after } => Self::ClientLimited(v1::ClientLimited {
                limit: v1::ClientLimit::from(limit).into(),
                retry_after_ms: retry_after.map(millis),
            }),
        }
    }
}

impl From<Scarcity> for v1::limited::Scarcity {
    fn from(scarcity: Scarcity) -> Self {
        match scarcity {
            Scarcity::Quota => Self::Quota,
            Scarcity::Capacity => Self::Capacity,
            Scarcity::Failing => Self::Failing,
        }
    }
}

impl From<v1::limited::Scarcity> for Scarcity {
    fn from(wire: v1::limited::Scarcity) -> Self {
        match wire {
            v1::limited::Scarcity::Unspecified | v1::limited::Scarcity::Quota => Self::Quota,
            v1::limited::Scarcity::Capacity => Self::Capacity,
            v1::limited::Scarcity::Failing => Self::Failing,
        }
    }
}

impl From<ClientLimit> for v1::ClientLimit {
    fn from(limit: ClientLimit) -> Self {
        match limit {
            ClientLimit::RequestsPerMinute => Self::RequestsPerMinute,
            ClientLimit::ImagesPerDay => Self::ImagesPerDay,
            ClientLimit::SpendPerDay => Self::SpendPerDay,
            ClientLimit::Concurrent => Self::Concurrent,
        }
    }
}

impl TryFrom<v1::ClientLimit> for ClientLimit {
    type Error = Failure;

    fn try_from(wire: v1::ClientLimit) -> Result<Self, Failure> {
        Ok(match wire {
            v1::ClientLimit::RequestsPerMinute => Self::RequestsPerMinute,
            v1::ClientLimit::ImagesPerDay => Self::ImagesPerDay,
            v1::ClientLimit::SpendPerDay => Self::SpendPerDay,
            v1::ClientLimit::Concurrent => Self::Concurrent,
            v1::ClientLimit::Unspecified => return Err(unreadable("a client's limit of no kind")),
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
            credential_version: grant.credential.map_or(0, CredentialVersion::get),
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
            credential: CredentialVersion::new(wire.credential_version),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, LeaseId, Provider};

    use super::*;

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
            credential: CredentialVersion::new(9),
        };
        let mut shortages = vec![Shortage::NoAccount];
        shortages.extend([Scarcity::Quota, Scarcity::Capacity, Scarcity::Failing].map(|scarcity| {
            Shortage::Limited { retry_after: Duration::from_millis(1), at_most: 3, scarcity }
        }));
        for retry_after in [None, Some(Duration::from_millis(7))] {
            shortages.extend(ClientLimit::ALL.map(|limit| Shortage::ClientLimited { limit, retry_after }));
        }
        let refusals = shortages.into_iter().map(Acquired::Refused);
        let answers = refusals.chain([Acquired::Granted(vec![grant])]).map(Acquiring::Answered);
        for step in answers.chain([Acquiring::Waiting]) {
            assert_eq!(Acquiring::try_from(v1::AcquireEvent::from(step.clone())), Ok(step));
        }
    }
}
