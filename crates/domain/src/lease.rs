//! The right to make one upstream call, and how it ends.
//!
//! A lease is `active` until it is settled, released or expires; each happens once. Expiry never refunds: the
//! provider does not know our leases, so a worker that was only slow may still spend. Only a lease on which
//! nothing was sent is refunded, by releasing it.

use std::{fmt, time::Duration};

use crate::{
    AccountId, ClientId, ClientLimit, LeaseId, PersonGeneration, ProjectId, Provider, RequestId, Resolution,
    Timestamp, Usage,
};

/// Times that both sides of a lease keep to.
pub mod term {
    use std::time::Duration;

    /// How long a lease lasts unless renewed.
    pub const LEASE: Duration = Duration::from_secs(45);
    /// How often a worker renews.
    pub const RENEWAL: Duration = Duration::from_secs(15);
    /// How long a lease can last however often it is renewed.
    pub const LONGEST: Duration = Duration::from_secs(200);
    /// Within how long of the grant the call must be on the wire; else the lease is released.
    pub const START: Duration = Duration::from_secs(2);
    /// The provider's minute.
    pub const MINUTE: Duration = Duration::from_mins(1);
    /// How long a unit stays in the minute windows. The provider counts a call when it arrives, up to `START`
    /// after the grant and a second of network later; a unit that stayed for exactly a minute after its grant
    /// could let two neighbouring minutes overlap at the provider.
    pub const WINDOW: Duration = MINUTE.saturating_add(START).saturating_add(Duration::from_secs(1));
}

/// Where quota is counted: one project's use of one model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuotaDomain {
    /// Who counts.
    pub provider: Provider,
    /// Who is counted.
    pub project: ProjectId,
    /// The catalog's public name of the model.
    pub model: String,
}

impl fmt::Display for QuotaDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.provider, self.project, self.model)
    }
}

/// A number that rises with every grant, so that a late holder is told from the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// A granted lease as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its name, chosen by whoever asked.
    pub id: LeaseId,
    /// The account to call with.
    pub account: AccountId,
    /// Where it is counted.
    pub domain: QuotaDomain,
    /// Proves that a settlement speaks of this grant.
    pub fence: Fence,
    /// When the call must be on the wire.
    pub start_by: Timestamp,
    /// When it ends unless renewed.
    pub expires_at: Timestamp,
}

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
            Self::Forbidden => "forbidden",
            Self::Transient => "transient",
            Self::Ambiguous => "ambiguous",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What the holder of a lease says of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended.
    pub outcome: CallOutcome,
    /// How long after asking for the lease the call was on the wire, on the holder's own monotonic clock; absent
    /// where that is not known. The provider counted the call by then, so its unit may leave the windows sooner.
    pub sent_after: Option<Duration>,
}

impl From<CallOutcome> for Settlement {
    fn from(outcome: CallOutcome) -> Self {
        Self { outcome, sent_after: None }
    }
}

/// A wish for leases on one model, all of them or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The leases' names; one for each picture to be attempted.
    pub ids: Vec<LeaseId>,
    /// For which request: it counts once for its client, however many leases it takes.
    pub request: RequestId,
    /// On whose behalf.
    pub client: ClientId,
    /// The catalog's public name of the model.
    pub model: String,
    /// How large the pictures are to be.
    pub resolution: Resolution,
    /// Accounts that already failed this request.
    pub excluded: Vec<AccountId>,
    /// Whether people may be drawn: where not, accounts are preferred that can be told so.
    pub person_generation: PersonGeneration,
    /// How long the caller will wait, for its turn and for the picture; zero for an answer at once.
    pub patience: Duration,
}

/// A granted lease as its holder sees it: times count from when the holder *asked*, on the holder's own
/// monotonic clock, so that no two machines' clocks are ever compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name, chosen by whoever asked.
    pub id: LeaseId,
    /// The account to call with.
    pub account: AccountId,
    /// Where it is counted.
    pub domain: QuotaDomain,
    /// Proves that a settlement speaks of this grant.
    pub fence: Fence,
    /// Within how long the call must be on the wire.
    pub start_within: Duration,
    /// After how long it ends unless renewed.
    pub expires_in: Duration,
}

/// Why no lease is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortage {
    /// No enabled account serves the model, apart from those excluded and those the provider refuses.
    NoAccount,
    /// The accounts that serve it are at a limit or cooling down.
    Limited {
        /// Until as many leases as were asked for can be free, at the earliest.
        retry_after: Duration,
        /// The most leases that could ever be granted together: a larger wish must be split.
        at_most: u32,
        /// What is short.
        scarcity: Scarcity,
    },
    /// The client has used up what it may use.
    ClientLimited {
        /// Which of its limits.
        limit: ClientLimit,
        /// Until it has room for as much as was asked for, at the earliest; absent where it never can have, because
        /// the wish alone is larger than the limit.
        retry_after: Option<Duration>,
    },
}

/// What keeps every account from serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scarcity {
    /// Their quota is used up, as far as we count or the provider told.
    Quota,
    /// The provider is short of capacity for the model, whoever asks.
    Capacity,
    /// The provider failed them, and they rest.
    Failing,
}

/// The answer to a [`LeaseRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// One grant for each id, in the same order.
    Granted(Vec<Grant>),
    /// Nothing was granted and nothing was counted.
    Refused(Shortage),
}

/// What one who wished for leases hears: that they wait, any number of times, and then the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquiring {
    /// The wish waits for its turn.
    Waiting,
    /// This is the answer, and the last that is heard.
    Answered(Acquired),
}

/// The answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease goes on.
    Active {
        /// For this long, unless renewed again.
        expires_in: Duration,
    },
    /// The lease is over, or was never this holder's. A call already sent goes on: it may be paid for.
    Ended,
}

/// The answer to a settlement or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The lease was active and is now closed.
    Closed,
    /// It was closed in the same way before; nothing changed.
    Duplicate,
    /// It was closed in another way before; the first stays.
    Conflict,
    /// It had expired; the record is amended, the counters stay.
    Late,
    /// The fence is not this lease's; nothing changed.
    Fenced,
    /// No such lease is remembered.
    Unknown,
}
