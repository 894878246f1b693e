//! How a leased call ended.

use std::time::Duration;

use crate::Usage;

/// Which of a provider's windows was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// The minute.
    Minute,
    /// The day, until midnight Pacific time.
    Day,
}

/// Which of a project's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quota {
    /// Calls in a minute.
    RequestsPerMinute,
    /// Pictures in a minute.
    ImagesPerMinute,
    /// Calls in a day.
    RequestsPerDay,
}

impl Quota {
    /// Every limit that a provider may reveal.
    pub const ALL: [Self; 3] = [Self::RequestsPerMinute, Self::ImagesPerMinute, Self::RequestsPerDay];

    /// Its name, as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::ImagesPerMinute => "images_per_minute",
            Self::RequestsPerDay => "requests_per_day",
        }
    }
}

/// A limit as the provider told it when it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revealed {
    /// Which.
    pub quota: Quota,
    /// How much it is.
    pub limit: u32,
}

/// How a leased call ended: all that the ledger needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// Pictures came.
    Delivered {
        /// How many.
        images: u32,
        /// What they took.
        usage: Usage,
    },
    /// The provider's safety system refused; the account is blameless.
    Declined,
    /// The provider refused what was asked; the account is blameless.
    Rejected,
    /// The provider answered without a picture.
    Empty,
    /// A quota of the account's project is used up.
    Throttled {
        /// Which window, where the provider said.
        window: Option<Window>,
        /// How long the provider asks us to wait.
        retry_after: Option<Duration>,
        /// The limit that was exceeded, where the provider said.
        revealed: Option<Revealed>,
    },
    /// The provider is short of capacity for this model, whoever asks.
    Overloaded,
    /// The credential opens nothing: wrong, revoked or blocked.
    CredentialRejected,
    /// The account's project pays for nothing any more: billing is off, its credit is gone or its spending is capped.
    BillingClosed,
    /// The account may not use this model.
    Forbidden,
    /// The provider failed before doing the work.
    Transient,
    /// It is unknown whether the provider did the work.
    Ambiguous,
    /// The caller went away after the call was sent.
    Cancelled,
}

impl CallOutcome {
    /// A stable name for logs, metrics and records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Declined => "declined",
            Self::Rejected => "rejected",
            Self::Empty => "empty",
            Self::Throttled { .. } => "throttled",
            Self::Overloaded => "overloaded",
            Self::CredentialRejected => "credential_rejected",
            Self::BillingClosed => "billing_closed",
            Self::Forbidden => "forbidden",
            Self::Transient => "transient",
            Self::Ambiguous => "ambiguous",
            Self::Cancelled => "cancelled",
        }
    }
}
