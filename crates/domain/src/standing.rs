//! How an account stands with a model, as operators see it.

use std::fmt;

use crate::{AccountId, ProjectId, Provider, Tier, Timestamp, lease::Quota};

/// One account's use of one model. Accounts of one project share what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStanding {
    /// The account.
    pub account: AccountId,
    /// The catalog's public name of the model.
    pub model: String,
    /// Whom the account opens.
    pub provider: Provider,
    /// Whose quota it spends.
    pub project: ProjectId,
    /// What that project pays for.
    pub tier: Tier,
    /// Whether the operator lets it be leased.
    pub enabled: bool,
    /// What is used of each window.
    pub windows: Vec<WindowUse>,
    /// Leases that are active.
    pub in_flight: u32,
    /// The most that may be.
    pub concurrent: u32,
    /// Throttled and failed calls since the last that succeeded.
    pub setbacks: u32,
    /// What keeps it from being used until a moment, whatever its windows say.
    pub cooldown: Option<Cooldown>,
    /// Why it cannot be leased now; absent where it can.
    pub hindrance: Option<Hindrance>,
    /// When it can be leased again, as far as only time is in the way.
    pub leasable_at: Option<Timestamp>,
}

/// What is used of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowUse {
    /// Which of the limits.
    pub quota: Quota,
    /// How much is used.
    pub used: u32,
    /// The limit as the operator configured it.
    pub configured: u32,
    /// The limit as the provider told it, where it did.
    pub learned: Option<u32>,
    /// When the window is empty again, if nothing is granted meanwhile.
    pub resets_at: Timestamp,
}

impl WindowUse {
    /// The limit that holds.
    pub fn limit(&self) -> u32 {
        self.learned.map_or(self.configured, |learned| learned.min(self.configured))
    }

    /// How much is left.
    pub fn left(&self) -> u32 {
        self.limit().saturating_sub(self.used)
    }
}

/// That something rests an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldown {
    /// Why.
    pub reason: Hindrance,
    /// The first moment at which it may be used again.
    pub until: Timestamp,
}

/// Why an account cannot be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hindrance {
    /// The operator disabled it, or allows it nothing.
    Disabled,
    /// The provider asked to wait.
    Throttled,
    /// The provider says that the day's quota is used up.
    DayRefused,
    /// The provider is short of capacity for the model.
    Overloaded,
    /// The provider failed several times in a row.
    Failing,
    /// The provider refused the credential.
    CredentialRejected,
    /// The project pays for nothing any more.
    BillingClosed,
    /// The provider refused this account the model.
    Forbidden,
    /// The minute's quota is used up, as counted here.
    MinuteFull,
    /// The day's quota is used up, as counted here.
    DayFull,
    /// As many calls are in flight as may be.
    AllInFlight,
}

impl Hindrance {
    /// Every hindrance.
    pub const ALL: [Self; 11] = [
        Self::Disabled,
        Self::Throttled,
        Self::DayRefused,
        Self::Overloaded,
        Self::Failing,
        Self::CredentialRejected,
        Self::BillingClosed,
        Self::Forbidden,
        Self::MinuteFull,
        Self::DayFull,
        Self::AllInFlight,
    ];

    /// A stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Throttled => "throttled",
            Self::DayRefused => "day_refused",
            Self::Overloaded => "overloaded",
            Self::Failing => "failing",
            Self::CredentialRejected => "credential_rejected",
            Self::BillingClosed => "billing_closed",
            Self::Forbidden => "forbidden",
            Self::MinuteFull => "minute_full",
            Self::DayFull => "day_full",
            Self::AllInFlight => "all_in_flight",
        }
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one who watches is told: first everything, then what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingsEvent {
    /// The ledger's present moment, to which all others relate.
    pub now: Timestamp,
    /// Whether these are all there are.
    pub whole: bool,
    /// Those that are new or changed.
    pub standings: Vec<AccountStanding>,
    /// Accounts and models that are no more.
    pub gone: Vec<(AccountId, String)>,
}
