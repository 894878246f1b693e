//! What became of requests lately, as operators see it: for each request its pictures, and for each picture its
//! attempts on a time line. Times are those of one clock, that of the service which answers the request.

use std::{fmt, str::FromStr};

use crate::{
    AccountId, CallOutcome, ClientId, Dialect, FailureKind, ImageCount, LeaseId, MediaType, PictureSpec,
    PixelSize, ProjectId, Provider, RequestId, Timestamp, Usage, UsageOutcome,
};

/// One request, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Names it in every service and log line.
    pub id: RequestId,
    /// Its trace, in 32 hexadecimal digits, where traces are collected.
    pub trace: Option<String>,
    /// Who asks.
    pub client: ClientId,
    /// In which language, where it came by way of the edge.
    pub dialect: Option<Dialect>,
    /// The catalog's public name of the model, or the name that the catalog does not have.
    pub model: String,
    /// Shape and resolution.
    pub spec: PictureSpec,
    /// How many pictures are asked for.
    pub count: ImageCount,
    /// The last words of the prompt's author, cut short; only where the operator wants them kept.
    pub prompt: Option<String>,
    /// When it came.
    pub begun_at: Timestamp,
    /// How it ended, if it has.
    pub end: Option<RequestEnd>,
    /// As many as are asked for, in their order; none where it was refused.
    pub pictures: Vec<PictureRecord>,
}

impl RequestRecord {
    /// Every attempt at a picture.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.pictures.iter().flat_map(|picture| &picture.attempts)
    }

    /// How many pictures came.
    pub fn came(&self) -> usize {
        self.pictures.iter().filter(|picture| picture.image.is_some()).count()
    }

    /// What is reckoned for it, in millionths of a US dollar.
    pub fn cost_micro_usd(&self) -> u64 {
        self.attempts().map(|attempt| attempt.cost_micro_usd).sum()
    }

    /// Whether it has ended and no call of it is left.
    pub fn is_over(&self) -> bool {
        self.end.is_some() && self.attempts().all(|attempt| attempt.outcome.is_some())
    }

    /// What it holds, in bytes, about: texts as they are, and names as if each were of the usual length.
    pub fn weight(&self) -> usize {
        const NAMES: usize = 96;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let attempts =
            self.attempts().map(|attempt| size_of::<AttemptRecord>() + NAMES + text(&attempt.words));
        size_of::<Self>()
            + 2 * NAMES
            + text(&self.prompt)
            + self.pictures.len() * size_of::<PictureRecord>()
            + attempts.sum::<usize>()
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestEnd {
    /// When its last word was said.
    pub at: Timestamp,
    /// How.
    pub outcome: RequestOutcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// At least one picture came.
    Delivered,
    /// None came, and this was told.
    Failed(FailureKind),
    /// Whoever asked went away.
    Abandoned,
}

impl RequestOutcome {
    /// `delivered`, `abandoned`, or the name of the failure.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(kind) => kind.as_str(),
            Self::Abandoned => "abandoned",
        }
    }
}

/// One picture of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PictureRecord {
    /// The attempts at it, in their order; all but the last have ended.
    pub attempts: Vec<AttemptRecord>,
    /// What came, if it has.
    pub image: Option<ImageFacts>,
    /// Why it will not come, if it will not.
    pub failure: Option<FailureKind>,
}

/// What is known of a picture that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its format.
    pub media_type: MediaType,
    /// Its width and height.
    pub size: PixelSize,
    /// Its length in bytes.
    pub length: u64,
}

/// One attempt at a picture: a lease is asked for, a call is made on it, and the ledger hears how it ended. What has
/// not come about yet, or never will, is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// When a lease was asked for.
    pub queued_at: Timestamp,
    /// The lease that was granted.
    pub lease: Option<LeaseFacts>,
    /// When the call was on the wire.
    pub called_at: Option<Timestamp>,
    /// When the provider began to answer.
    pub first_byte_at: Option<Timestamp>,
    /// When it was over: the call, or the wait for a lease.
    pub answered_at: Option<Timestamp>,
    /// When the ledger had heard of it.
    pub settled_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<AttemptOutcome>,
    /// What that means for the caller, where no picture came.
    pub failure: Option<FailureKind>,
    /// The provider's own words, where it refused the account: one short line, without its key.
    pub words: Option<String>,
    /// Tokens, as the provider counted them.
    pub tokens: Usage,
    /// What is reckoned for it, in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

impl AttemptRecord {
    /// An attempt that waits for its lease.
    pub fn queued(now: Timestamp) -> Self {
        Self {
            queued_at: now,
            lease: None,
            called_at: None,
            first_byte_at: None,
            answered_at: None,
            settled_at: None,
            outcome: None,
            failure: None,
            words: None,
            tokens: Usage::default(),
            cost_micro_usd: 0,
        }
    }
}

/// The lease of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseFacts {
    /// When it was granted.
    pub at: Timestamp,
    /// Its name.
    pub id: LeaseId,
    /// The account to call with.
    pub account: AccountId,
    /// Whose quota it spends.
    pub project: ProjectId,
    /// Whom it calls.
    pub provider: Provider,
}

/// How an attempt ended: as its call did, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptOutcome(&'static str);

impl AttemptOutcome {
    /// A picture came.
    pub const DELIVERED: Self = Self("delivered");
    /// There was no lease.
    pub const NO_LEASE: Self = Self("no_lease");
    /// The call could not be on the wire in the time that its lease left.
    pub const LATE: Self = Self("late");
    /// Nothing was sent.
    pub const UNSENT: Self = Self("unsent");
    /// Whoever asked went away, after the call was sent.
    pub const CANCELLED: Self = Self("cancelled");

    /// The word.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the provider may have done the work without our knowing, and bill it.
    pub fn possibly_billed(self) -> bool {
        [CallOutcome::Ambiguous, CallOutcome::Cancelled].iter().any(|unknown| unknown.as_str() == self.0)
    }
}

impl From<&CallOutcome> for AttemptOutcome {
    fn from(outcome: &CallOutcome) -> Self {
        Self(outcome.as_str())
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The text is no word for how an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no word for how an attempt ended")]
pub struct UnknownAttemptOutcome(String);

impl FromStr for AttemptOutcome {
    type Err = UnknownAttemptOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let without_call = [Self::NO_LEASE, Self::LATE, Self::UNSENT].into_iter().find(|it| it.0 == text);
        let of_call = || text.parse::<UsageOutcome>().ok().map(|outcome| Self(outcome.as_str()));
        without_call.or_else(of_call).ok_or_else(|| UnknownAttemptOutcome(text.to_owned()))
    }
}

/// The last time that a provider refused an account a model, or failed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// The account that was called with.
    pub account: AccountId,
    /// Whose quota the call spent.
    pub project: ProjectId,
    /// Who refused.
    pub provider: Provider,
    /// The catalog's public name of the model.
    pub model: String,
    /// How the call ended.
    pub outcome: AttemptOutcome,
    /// The provider's own words: one short line, without the account's key.
    pub words: String,
}

/// What one who watches is told: first all that is remembered, then what changed. A record always stands for its whole
/// request, and the one told last counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityEvent {
    /// The present moment of the clock that all times are of.
    pub now: Timestamp,
    /// Whether this begins the telling: what was told before is void.
    pub whole: bool,
    /// How many wishes for accounts wait in the ledger's queue at present.
    pub waiting: u32,
    /// Those that are new or changed, in the order in which they changed.
    pub requests: Vec<RequestRecord>,
    /// Of every account and model the last refusal, where it is new; they are remembered for longer than requests are.
    pub refusals: Vec<Refusal>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_how_an_attempt_ended_is_read_again() {
        let of_call = AttemptOutcome::from(&CallOutcome::BillingClosed);
        for word in [
            of_call,
            AttemptOutcome::DELIVERED,
            AttemptOutcome::NO_LEASE,
            AttemptOutcome::LATE,
            AttemptOutcome::UNSENT,
            AttemptOutcome::CANCELLED,
        ] {
            assert_eq!(word.as_str().parse(), Ok(word));
        }
        assert!("lost".parse::<AttemptOutcome>().is_err());
    }

    #[test]
    fn what_nobody_knows_may_be_billed_and_what_was_never_sent_is_not() {
        assert!(AttemptOutcome::CANCELLED.possibly_billed());
        assert!(AttemptOutcome::from(&CallOutcome::Ambiguous).possibly_billed());
        assert!(!AttemptOutcome::UNSENT.possibly_billed() && !AttemptOutcome::DELIVERED.possibly_billed());
    }
}
