//! What was used, between wire and domain.

use domain::{
    AccountId, ClientId, Failure, LeaseId, ProjectId, QuotaDomain, RequestId, Timestamp, UsageFilter,
    UsageRecord, UsageSum, UsageTotal,
};

use crate::v1;

impl From<UsageFilter> for v1::UsageFilter {
    fn from(filter: UsageFilter) -> Self {
        Self {
            since_ms: filter.since.map(Timestamp::as_millis),
            until_ms: filter.until.map(Timestamp::as_millis),
            client: filter.client.map(|client| client.to_string()).unwrap_or_default(),
            account: filter.account.map(|account| account.to_string()).unwrap_or_default(),
            model: filter.model.unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::UsageFilter> for UsageFilter {
    type Error = Failure;

    fn try_from(wire: v1::UsageFilter) -> Result<Self, Failure> {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let invalid = |field: &str, error| Failure::invalid(field, error);
        Ok(Self {
            since: wire.since_ms.map(Timestamp::from_millis),
            until: wire.until_ms.map(Timestamp::from_millis),
            client: said(wire.client)
                .map(ClientId::new)
                .transpose()
                .map_err(|error| invalid("filter.client", error))?,
            account: said(wire.account)
                .map(AccountId::new)
                .transpose()
                .map_err(|error| invalid("filter.account", error))?,
            model: said(wire.model),
        })
    }
}

impl From<UsageRecord> for v1::UsageRecord {
    fn from(record: UsageRecord) -> Self {
        Self {
            at_ms: record.at.as_millis(),
            day_ms: record.day.as_millis(),
            lease_id: record.lease.to_string(),
            request_id: record.request.to_string(),
            client: record.client.to_string(),
            account: record.account.to_string(),
            provider: record.domain.provider.to_string(),
            project: record.domain.project.to_string(),
            model: record.domain.model,
            resolution: record.resolution.to_string(),
            outcome: record.outcome.to_string(),
            images: record.images,
            tokens: Some(record.tokens.into()),
            cost_micro_usd: record.cost_micro_usd,
            possibly_billed: record.possibly_billed,
            amends: record.amends,
        }
    }
}

impl TryFrom<v1::UsageRecord> for UsageRecord {
    type Error = Failure;

    fn try_from(wire: v1::UsageRecord) -> Result<Self, Failure> {
        Ok(Self {
            at: Timestamp::from_millis(wire.at_ms),
            day: Timestamp::from_millis(wire.day_ms),
            lease: LeaseId::new(wire.lease_id).map_err(|error| Failure::invalid("lease_id", error))?,
            request: RequestId::new(wire.request_id)
                .map_err(|error| Failure::invalid("request_id", error))?,
            client: ClientId::new(wire.client).map_err(|error| Failure::invalid("client", error))?,
            account: AccountId::new(wire.account).map_err(|error| Failure::invalid("account", error))?,
            domain: QuotaDomain {
                provider: wire.provider.parse().map_err(|error| Failure::invalid("provider", error))?,
                project: ProjectId::new(wire.project).map_err(|error| Failure::invalid("project", error))?,
                model: wire.model,
            },
            resolution: wire.resolution.parse().map_err(|error| Failure::invalid("resolution", error))?,
            outcome: wire.outcome.parse().map_err(|error| Failure::invalid("outcome", error))?,
            images: wire.images,
            tokens: wire.tokens.map(domain::Usage::from).unwrap_or_default(),
            cost_micro_usd: wire.cost_micro_usd,
            possibly_billed: wire.possibly_billed,
            amends: wire.amends,
        })
    }
}

impl From<UsageTotal> for v1::UsageTotal {
    fn from(total: UsageTotal) -> Self {
        let UsageSum { calls, images, tokens, cost_micro_usd } = total.sum;
        Self {
            day_ms: total.day.as_millis(),
            client: total.client.to_string(),
            account: total.account.to_string(),
            model: total.model,
            calls,
            images,
            tokens,
            cost_micro_usd,
        }
    }
}

impl TryFrom<v1::UsageTotal> for UsageTotal {
    type Error = Failure;

    fn try_from(wire: v1::UsageTotal) -> Result<Self, Failure> {
        let v1::UsageTotal { calls, images, tokens, cost_micro_usd, .. } = wire;
        Ok(Self {
            day: Timestamp::from_millis(wire.day_ms),
            client: ClientId::new(wire.client).map_err(|error| Failure::invalid("client", error))?,
            account: AccountId::new(wire.account).map_err(|error| Failure::invalid("account", error))?,
            model: wire.model,
            sum: UsageSum { calls, images, tokens, cost_micro_usd },
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{Provider, Resolution, Usage, UsageOutcome};

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);

    #[test]
    fn records_and_sums_survive_the_journey() {
        let record = UsageRecord {
            at: NOON,
            day: Timestamp::from_millis(1_800_000_000_000),
            lease: LeaseId::new("r/0/0").unwrap(),
            request: RequestId::new("r").unwrap(),
            client: ClientId::new("studio").unwrap(),
            account: AccountId::new("a").unwrap(),
            domain: QuotaDomain {
                provider: Provider::Vertex,
                project: ProjectId::new("p").unwrap(),
                model: "m".into(),
            },
            resolution: Resolution::K4,
            outcome: UsageOutcome::EXPIRED,
            images: 1,
            tokens: Usage { output_image_tokens: 1120, ..Usage::default() },
            cost_micro_usd: -134_000,
            possibly_billed: true,
            amends: true,
        };
        assert_eq!(UsageRecord::try_from(v1::UsageRecord::from(record.clone())), Ok(record));
        let total = UsageTotal {
            day: NOON,
            client: ClientId::new("studio").unwrap(),
            account: AccountId::new("a").unwrap(),
            model: "m".into(),
            sum: UsageSum { calls: 1, images: 2, tokens: 3, cost_micro_usd: -4 },
        };
        assert_eq!(UsageTotal::try_from(v1::UsageTotal::from(total.clone())), Ok(total));
    }

    #[test]
    fn a_filter_survives_the_journey_whatever_it_leaves_open() {
        let full = UsageFilter {
            since: Some(NOON),
            until: Some(NOON),
            client: Some(ClientId::new("studio").unwrap()),
            account: Some(AccountId::new("a").unwrap()),
            model: Some("m".into()),
        };
        for filter in [UsageFilter::default(), full] {
            assert_eq!(UsageFilter::try_from(v1::UsageFilter::from(filter.clone())), Ok(filter));
        }
        let wrong = v1::UsageFilter { client: "two words".into(), ..v1::UsageFilter::default() };
        assert_eq!(UsageFilter::try_from(wrong).unwrap_err().field.as_deref(), Some("filter.client"));
    }
}
