//! How accounts stand, between wire and domain.

use domain::{
    AccountId, Failure, ProjectId, Timestamp,
    lease::Quota,
    standing::{AccountStanding, Cooldown, Hindrance, StandingsEvent, WindowUse},
};
use v1::{
    outcome,
    standing::{self as wire},
    standings_event::Gone,
};

use crate::{generation::unreadable, v1};

impl From<StandingsEvent> for v1::StandingsEvent {
    fn from(event: StandingsEvent) -> Self {
        let gone =
            event.gone.into_iter().map(|(account, model)| Gone { account: account.to_string(), model });
        Self {
            now_ms: event.now.as_millis(),
            whole: event.whole,
            standings: event.standings.into_iter().map(v1::Standing::from).collect(),
            gone: gone.collect(),
        }
    }
}

impl TryFrom<v1::StandingsEvent> for StandingsEvent {
    type Error = Failure;

    fn try_from(wire: v1::StandingsEvent) -> Result<Self, Failure> {
        let gone = wire.gone.into_iter().map(|gone| Ok((account_id(gone.account)?, gone.model)));
        Ok(Self {
            now: Timestamp::from_millis(wire.now_ms),
            whole: wire.whole,
            standings: wire.standings.into_iter().map(AccountStanding::try_from).collect::<Result<_, _>>()?,
            gone: gone.collect::<Result<_, Failure>>()?,
        })
    }
}

impl From<AccountStanding> for v1::Standing {
    fn from(standing: AccountStanding) -> Self {
        let cooldown = standing.cooldown.map(|Cooldown { reason, until }| wire::Cooldown {
            reason: wire::Hindrance::from(reason).into(),
            until_ms: until.as_millis(),
        });
        let hindrance = standing.hindrance.map_or(wire::Hindrance::Unspecified, Into::into);
        Self {
            account: standing.account.to_string(),
            model: standing.model,
            provider: standing.provider.to_string(),
            project: standing.project.to_string(),
            tier: standing.tier.to_string(),
            enabled: standing.enabled,
            windows: standing.windows.into_iter().map(wire::WindowUse::from).collect(),
            in_flight: standing.in_flight,
            concurrent: standing.concurrent,
            setbacks: standing.setbacks,
            cooldown,
            hindrance: hindrance.into(),
            leasable_at_ms: standing.leasable_at.map(Timestamp::as_millis),
        }
    }
}

impl TryFrom<v1::Standing> for AccountStanding {
    type Error = Failure;

    fn try_from(wire: v1::Standing) -> Result<Self, Failure> {
        let hindrance = hindrance(wire.hindrance());
        let project = ProjectId::new(wire.project).map_err(|error| Failure::invalid("project", error))?;
        Ok(Self {
            account: account_id(wire.account)?,
            model: wire.model,
            provider: wire.provider.parse().map_err(|error| Failure::invalid("provider", error))?,
            project,
            tier: wire.tier.parse().map_err(|error| Failure::invalid("tier", error))?,
            enabled: wire.enabled,
            windows: wire.windows.into_iter().map(WindowUse::try_from).collect::<Result<_, _>>()?,
            in_flight: wire.in_flight,
            concurrent: wire.concurrent,
            setbacks: wire.setbacks,
            cooldown: wire.cooldown.map(Cooldown::try_from).transpose()?,
            hindrance,
            leasable_at: wire.leasable_at_ms.map(Timestamp::from_millis),
        })
    }
}

impl From<WindowUse> for wire::WindowUse {
    fn from(window: WindowUse) -> Self {
        Self {
            quota: outcome::Quota::from(window.quota).into(),
            used: window.used,
            left: window.left(),
            configured: window.configured,
            learned: window.learned,
            resets_at_ms: window.resets_at.as_millis(),
        }
    }
}

impl TryFrom<wire::WindowUse> for WindowUse {
    type Error = Failure;

    fn try_from(wire: wire::WindowUse) -> Result<Self, Failure> {
        let quota = Quota::ALL.into_iter().find(|quota| outcome::Quota::from(*quota) == wire.quota());
        Ok(Self {
            quota: quota.ok_or_else(|| unreadable("a window of no kind"))?,
            used: wire.used,
            configured: wire.configured,
            learned: wire.learned,
            resets_at: Timestamp::from_millis(wire.resets_at_ms),
        })
    }
}

impl TryFrom<wire::Cooldown> for Cooldown {
    type Error = Failure;

    fn try_from(wire: wire::Cooldown) -> Result<Self, Failure> {
        let reason = hindrance(wire.reason()).ok_or_else(|| unreadable("a cooldown for no reason"))?;
        Ok(Self { reason, until: Timestamp::from_millis(wire.until_ms) })
    }
}

impl From<Hindrance> for wire::Hindrance {
    fn from(hindrance: Hindrance) -> Self {
        match hindrance {
            Hindrance::Disabled => Self::Disabled,
            Hindrance::Throttled => Self::Throttled,
            Hindrance::DayRefused => Self::DayRefused,
            Hindrance::Overloaded => Self::Overloaded,
            Hindrance::Failing => Self::Failing,
            Hindrance::CredentialRejected => Self::CredentialRejected,
            Hindrance::BillingClosed => Self::BillingClosed,
            Hindrance::Forbidden => Self::Forbidden,
            Hindrance::MinuteFull => Self::MinuteFull,
            Hindrance::DayFull => Self::DayFull,
            Hindrance::AllInFlight => Self::AllInFlight,
        }
    }
}

fn hindrance(wire: wire::Hindrance) -> Option<Hindrance> {
    Hindrance::ALL.into_iter().find(|known| wire::Hindrance::from(*known) == wire)
}

fn account_id(text: String) -> Result<AccountId, Failure> {
    AccountId::new(text).map_err(|error| Failure::invalid("account", error))
}

#[cfg(test)]
mod tests {
    use domain::{Provider, Tier};

    use super::*;

    #[test]
    fn every_standing_survives_the_journey() {
        let moment = Timestamp::from_millis(1_800_000_000_000);
        let window =
            |quota| WindowUse { quota, used: 3, configured: 10, learned: Some(7), resets_at: moment };
        let standing = |hindrance: Option<Hindrance>| AccountStanding {
            account: AccountId::new("a").unwrap(),
            model: "m".into(),
            provider: Provider::Vertex,
            project: ProjectId::new("p").unwrap(),
            tier: Tier::Ultra,
            enabled: hindrance.is_none(),
            windows: Quota::ALL.map(window).to_vec(),
            in_flight: 1,
            concurrent: 2,
            setbacks: 3,
            cooldown: hindrance.map(|reason| Cooldown { reason, until: moment }),
            hindrance,
            leasable_at: hindrance.map(|_| moment),
        };
        let hindrances = Hindrance::ALL.into_iter().map(Some).chain([None]);
        let event = StandingsEvent {
            now: moment,
            whole: true,
            standings: hindrances.map(standing).collect(),
            gone: vec![(AccountId::new("b").unwrap(), "m".into())],
        };
        assert_eq!(StandingsEvent::try_from(v1::StandingsEvent::from(event.clone())), Ok(event));
    }
}
