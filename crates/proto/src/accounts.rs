//! Accounts as operators add and see them, between wire and domain.

use domain::{
    Account, AccountId, CredentialVersion, Failure, KnownAccount, Limits, NewAccount, Origin, ProjectId,
};

use crate::{generation::unreadable, v1};

impl TryFrom<v1::AddAccountRequest> for NewAccount {
    type Error = Failure;

    fn try_from(wire: v1::AddAccountRequest) -> Result<Self, Failure> {
        let tier = wire.tier.parse().map_err(|error| Failure::invalid("tier", error))?;
        let account = Account {
            id: AccountId::new(wire.id).map_err(|error| Failure::invalid("id", error))?,
            provider: wire.provider.parse().map_err(|error| Failure::invalid("provider", error))?,
            project: ProjectId::new(wire.project).map_err(|error| Failure::invalid("project", error))?,
            tier,
            models: wire.models,
            limits: wire.limits.unwrap_or_default().over(tier.default_limits())?,
            enabled: true,
        };
        if wire.sealed_credential.is_empty() {
            return Err(Failure::missing("sealed_credential"));
        }
        Ok(Self { account, sealed: wire.sealed_credential })
    }
}

impl From<KnownAccount> for v1::Account {
    fn from(known: KnownAccount) -> Self {
        let KnownAccount { account, origin, credential, set_aside } = known;
        Self {
            id: account.id.to_string(),
            provider: account.provider.to_string(),
            project: account.project.to_string(),
            tier: account.tier.to_string(),
            models: account.models,
            limits: Some(account.limits.into()),
            enabled: account.enabled,
            origin: v1::Origin::from(origin).into(),
            credential_version: credential.map_or(0, CredentialVersion::get),
            set_aside: set_aside.unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::Account> for KnownAccount {
    type Error = Failure;

    fn try_from(wire: v1::Account) -> Result<Self, Failure> {
        let origin = wire.origin().try_into()?;
        let tier = wire.tier.parse().map_err(|error| Failure::invalid("tier", error))?;
        let account = Account {
            id: AccountId::new(wire.id).map_err(|error| Failure::invalid("id", error))?,
            provider: wire.provider.parse().map_err(|error| Failure::invalid("provider", error))?,
            project: ProjectId::new(wire.project).map_err(|error| Failure::invalid("project", error))?,
            tier,
            models: wire.models,
            limits: wire.limits.unwrap_or_default().over(tier.default_limits())?,
            enabled: wire.enabled,
        };
        Ok(Self {
            account,
            origin,
            credential: CredentialVersion::new(wire.credential_version),
            set_aside: said(wire.set_aside),
        })
    }
}

impl v1::AccountLimits {
    /// These limits, and where one is absent the tier's.
    fn over(self, tier: Limits) -> Result<Limits, Failure> {
        Ok(Limits {
            requests_per_minute: limit(
                "requests_per_minute",
                self.requests_per_minute,
                tier.requests_per_minute,
            )?,
            images_per_minute: limit("images_per_minute", self.images_per_minute, tier.images_per_minute)?,
            requests_per_day: limit("requests_per_day", self.requests_per_day, tier.requests_per_day)?,
            concurrent: limit("concurrent", self.concurrent, tier.concurrent)?,
        })
    }
}

fn limit(name: &str, said: Option<u32>, tier: u32) -> Result<u32, Failure> {
    match said {
        Some(0) => Err(Failure::invalid(format!("limits.{name}"), "must be at least 1")),
        said => Ok(said.unwrap_or(tier)),
    }
}

impl From<Limits> for v1::AccountLimits {
    fn from(limits: Limits) -> Self {
        Self {
            requests_per_minute: Some(limits.requests_per_minute),
            images_per_minute: Some(limits.images_per_minute),
            requests_per_day: Some(limits.requests_per_day),
            concurrent: Some(limits.concurrent),
        }
    }
}

impl From<Origin> for v1::Origin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Configuration => Self::Configuration,
            Origin::Registry => Self::Registry,
        }
    }
}

impl TryFrom<v1::Origin> for Origin {
    type Error = Failure;

    fn try_from(wire: v1::Origin) -> Result<Self, Failure> {
        match wire {
            v1::Origin::Configuration => Ok(Self::Configuration),
            v1::Origin::Registry => Ok(Self::Registry),
            v1::Origin::Unspecified => Err(unreadable("an account or client from nowhere")),
        }
    }
}

/// A text that is absent where it is empty.
pub(crate) fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use domain::{Provider, Tier};

    use super::*;

    fn request() -> v1::AddAccountRequest {
        v1::AddAccountRequest {
            id: "studio-a".into(),
            provider: "gemini".into(),
            project: "studio".into(),
            tier: "pro".into(),
            models: vec!["gemini-3-pro-image".into()],
            limits: Some(v1::AccountLimits { concurrent: Some(2), ..Default::default() }),
            sealed_credential: vec![7; 80].into(),
            revision: None,
        }
    }

    #[test]
    fn limits_that_are_not_said_are_the_tiers() {
        let NewAccount { account, sealed } = request().try_into().unwrap();
        assert_eq!(account.limits, Limits { concurrent: 2, ..Tier::Pro.default_limits() });
        assert_eq!((account.provider, sealed.len()), (Provider::Gemini, 80));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let limits = v1::AccountLimits { requests_per_day: Some(0), ..Default::default() };
        for (request, field) in [
            (v1::AddAccountRequest { id: "two words".into(), ..request() }, "id"),
            (v1::AddAccountRequest { provider: "openai".into(), ..request() }, "provider"),
            (v1::AddAccountRequest { project: String::new(), ..request() }, "project"),
            (v1::AddAccountRequest { tier: "gold".into(), ..request() }, "tier"),
            (v1::AddAccountRequest { limits: Some(limits), ..request() }, "limits.requests_per_day"),
            (
                v1::AddAccountRequest { sealed_credential: Vec::new().into(), ..request() },
                "sealed_credential",
            ),
        ] {
            assert_eq!(NewAccount::try_from(request).unwrap_err().field.as_deref(), Some(field));
        }
    }

    #[test]
    fn an_account_survives_the_journey() {
        let NewAccount { account, .. } = request().try_into().unwrap();
        for (origin, credential, set_aside) in [
            (Origin::Configuration, None, None),
            (Origin::Registry, CredentialVersion::new(7), Some("it contradicts another".to_owned())),
        ] {
            let account = Account { enabled: set_aside.is_none(), ..account.clone() };
            let known = KnownAccount { account, origin, credential, set_aside };
            assert_eq!(KnownAccount::try_from(v1::Account::from(known.clone())), Ok(known));
        }
    }
}
