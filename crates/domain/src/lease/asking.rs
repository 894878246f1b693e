//! How leases are wished for, and what is granted.

use std::time::Duration;

use super::{Fence, QuotaDomain};
use crate::{
    AccountId, ClientId, ClientLimit, CredentialVersion, LeaseId, PersonGeneration, RequestId, Resolution,
};

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
    /// The highest fence that the caller was ever given, as far as it remembers. A ledger that never gave it has lost
    /// what it granted.
    pub known_fence: Option<Fence>,
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
    /// Which sealed credential of the account to call with; absent where its holder has it in its own configuration.
    pub credential: Option<CredentialVersion>,
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
