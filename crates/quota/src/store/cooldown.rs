//! That something must rest: why, and until when. A cooldown is never shortened.

use domain::Timestamp;

/// Why something must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoolingReason {
    /// The provider asked to wait.
    Throttled,
    /// The provider says that the day's quota is used up.
    DayUsedUp,
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
}

impl CoolingReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Throttled,
        Self::DayUsedUp,
        Self::Overloaded,
        Self::Failing,
        Self::CredentialRejected,
        Self::BillingClosed,
        Self::Forbidden,
    ];

    /// Whether what rested for it is on probation afterwards: time alone does not mend it.
    pub(crate) const fn leaves_doubt(self) -> bool {
        match self {
            Self::Failing | Self::CredentialRejected | Self::BillingClosed | Self::Forbidden => true,
            Self::Throttled | Self::DayUsedUp | Self::Overloaded => false,
        }
    }

    /// A stable name for logs and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::DayUsedUp => "day_used_up",
            Self::Overloaded => "overloaded",
            Self::Failing => "failing",
            Self::CredentialRejected => "credential_rejected",
            Self::BillingClosed => "billing_closed",
            Self::Forbidden => "forbidden",
        }
    }
}

/// That something must not be used for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooling {
    /// The first moment at which it may be used again.
    pub until: Timestamp,
    /// Why.
    pub reason: CoolingReason,
}

/// The cooldown that holds once `new` is added to `old`.
pub(crate) fn longer(old: Option<Cooling>, new: Cooling) -> Cooling {
    old.filter(|old| old.until >= new.until).unwrap_or(new)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_cooldown_is_never_shortened() {
        let until = |seconds| Timestamp::default() + Duration::from_secs(seconds);
        let long = Cooling { until: until(900), reason: CoolingReason::Throttled };
        let short = Cooling { until: until(2), reason: CoolingReason::Failing };
        assert_eq!(longer(Some(long), short), long);
        assert_eq!(longer(Some(short), long), long);
        assert_eq!(longer(None, short), short);
    }
}
