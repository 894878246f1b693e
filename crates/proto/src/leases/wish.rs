//! What is asked for.

use std::time::Duration;

use domain::{ClientId, Failure, Fence, RequestId, lease::LeaseRequest};

use super::{account_id, lease_id};
use crate::{failure::millis, v1};

impl From<LeaseRequest> for v1::AcquireRequest {
    fn from(request: LeaseRequest) -> Self {
        Self {
            lease_ids: request.ids.iter().map(ToString::to_string).collect(),
            request_id: request.request.to_string(),
            client: request.client.to_string(),
            model: request.model,
            resolution: request.resolution.to_string(),
            excluded_accounts: request.excluded.iter().map(ToString::to_string).collect(),
            person_generation: v1::PersonGeneration::from(request.person_generation).into(),
            patience_ms: millis(request.patience),
            known_fence: request.known_fence.map_or(0, |fence| fence.0),
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
            request: RequestId::new(wire.request_id)
                .map_err(|error| Failure::invalid("request_id", error))?,
            client: ClientId::new(wire.client).map_err(|error| Failure::invalid("client", error))?,
            model: wire.model,
            resolution: wire.resolution.parse().map_err(|error| Failure::invalid("resolution", error))?,
            excluded: excluded.collect::<Result<_, _>>()?,
            person_generation,
            patience: Duration::from_millis(wire.patience_ms),
            known_fence: Some(Fence(wire.known_fence)).filter(|fence| fence.0 > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, LeaseId, PersonGeneration, Resolution};

    use super::*;

    #[test]
    fn a_wish_for_leases_survives_the_journey() {
        let request = LeaseRequest {
            ids: vec![LeaseId::new("r/0/0").unwrap(), LeaseId::new("r/1/0").unwrap()],
            request: RequestId::new("r").unwrap(),
            client: ClientId::new("studio").unwrap(),
            model: "gemini-3-pro-image".into(),
            resolution: Resolution::K4,
            excluded: vec![AccountId::new("a").unwrap()],
            person_generation: PersonGeneration::Deny,
            patience: Duration::from_secs(30),
            known_fence: Some(Fence(1_800_000_000_123)),
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
}
