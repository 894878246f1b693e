//! What was used: one record for every upstream call that came to an end, and their sums by the day. Of what was asked
//! for they tell nothing.

use std::{fmt, str::FromStr};

use crate::{
    AccountId, CallOutcome, ClientId, LeaseId, PacificDay, QuotaDomain, RequestId, Resolution, Timestamp,
    Usage,
};

/// One upstream call that came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// When its end became known.
    pub at: Timestamp,
    /// The first moment of the Pacific day that it is charged to: the one on which it was leased.
    pub day: Timestamp,
    /// The lease that it was made on.
    pub lease: LeaseId,
    /// For which request.
    pub request: RequestId,
    /// On whose behalf.
    pub client: ClientId,
    /// On which account.
    pub account: AccountId,
    /// Where it was counted.
    pub domain: QuotaDomain,
    /// How large the picture was to be.
    pub resolution: Resolution,
    /// How it ended.
    pub outcome: UsageOutcome,
    /// Pictures that came.
    pub images: u32,
    /// Tokens, as the provider counted them.
    pub tokens: Usage,
    /// What is reckoned for it, in millionths of a US dollar; in a record that amends another, the difference.
    pub cost_micro_usd: i64,
    /// Whether it is unknown if the provider bills it.
    pub possibly_billed: bool,
    /// Whether it amends the record of a lease that had expired.
    pub amends: bool,
}

/// How a call ended, in the ledger's own words: as its outcome is called, or that nothing was heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UsageOutcome(&'static str);

impl UsageOutcome {
    /// Nothing was heard of it before its lease was over.
    pub const EXPIRED: Self = Self("expired");
    /// It was heard after its lease was over that no call was made.
    pub const RELEASED: Self = Self("released");

    const WORDS: [&'static str; 14] = [
        "delivered",
        "declined",
        "rejected",
        "empty",
        "throttled",
        "overloaded",
        "credential_rejected",
        "billing_closed",
        "forbidden",
        "transient",
        "ambiguous",
        "cancelled",
        "expired",
        "released",
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&CallOutcome> for UsageOutcome {
    fn from(outcome: &CallOutcome) -> Self {
        Self(outcome.as_str())
    }
}

impl fmt::Display for UsageOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The text is no word for how a call ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no word for how a call ended")]
pub struct UnknownUsageOutcome(String);

impl FromStr for UsageOutcome {
    type Err = UnknownUsageOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = Self::WORDS.into_iter().find(|word| *word == text);
        word.map(Self).ok_or_else(|| UnknownUsageOutcome(text.to_owned()))
    }
}

/// Which records or sums are meant; what is absent does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageFilter {
    /// From this moment on; of days, those that end after it.
    pub since: Option<Timestamp>,
    /// Before this moment; of days, those that begin before it.
    pub until: Option<Timestamp>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this model, by its public name.
    pub model: Option<String>,
}

impl UsageFilter {
    /// Whether a record is meant.
    pub fn admits(&self, record: &UsageRecord) -> bool {
        let UsageRecord { at, client, account, domain, .. } = record;
        self.since.is_none_or(|since| since <= *at)
            && self.until.is_none_or(|until| *at < until)
            && self.admits_subject(client, account, &domain.model)
    }

    /// Whether a day is meant, by any moment of it.
    pub fn admits_day(&self, moment: Timestamp) -> bool {
        let day = PacificDay::of(moment);
        self.since.is_none_or(|since| since < day.end) && self.until.is_none_or(|until| day.start < until)
    }

    /// Whether these are meant.
    pub fn admits_subject(&self, client: &ClientId, account: &AccountId, model: &str) -> bool {
        self.client.as_ref().is_none_or(|it| it == client)
            && self.account.as_ref().is_none_or(|it| it == account)
            && self.model.as_ref().is_none_or(|it| it == model)
    }
}

/// What one client used of one model on one account in a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTotal {
    /// The first moment of the Pacific day.
    pub day: Timestamp,
    /// The client.
    pub client: ClientId,
    /// The account.
    pub account: AccountId,
    /// The model's public name.
    pub model: String,
    /// The sums.
    pub sum: UsageSum,
}

/// Sums of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageSum {
    /// Upstream calls.
    pub calls: u64,
    /// Pictures that came.
    pub images: u64,
    /// Tokens, read and written.
    pub tokens: u64,
    /// What is reckoned for them, in millionths of a US dollar.
    pub cost_micro_usd: i64,
}

impl From<&UsageRecord> for UsageSum {
    fn from(record: &UsageRecord) -> Self {
        Self {
            calls: u64::from(!record.amends),
            images: record.images.into(),
            tokens: record.tokens.total_tokens(),
            cost_micro_usd: record.cost_micro_usd,
        }
    }
}

impl std::ops::AddAssign for UsageSum {
    fn add_assign(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.images = self.images.saturating_add(other.images);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_of_a_call_has_a_word_that_is_read_again() {
        for outcome in [
            CallOutcome::Delivered { images: 1, usage: Usage::default() },
            CallOutcome::Declined,
            CallOutcome::Rejected,
            CallOutcome::Empty,
            CallOutcome::Throttled { window: None, retry_after: None, revealed: None },
            CallOutcome::Overloaded,
            CallOutcome::CredentialRejected,
            CallOutcome::BillingClosed,
            CallOutcome::Forbidden,
            CallOutcome::Transient,
            CallOutcome::Ambiguous,
            CallOutcome::Cancelled,
        ] {
            let word = UsageOutcome::from(&outcome);
            assert_eq!(word.as_str().parse(), Ok(word));
        }
        for word in [UsageOutcome::EXPIRED, UsageOutcome::RELEASED] {
            assert_eq!(word.as_str().parse(), Ok(word));
        }
        assert!("lost".parse::<UsageOutcome>().is_err());
    }
}
