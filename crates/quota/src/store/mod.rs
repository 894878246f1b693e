//! Where leases are kept: the port, and the stores behind it.
//!
//! A store is the one place where quota is counted, however many services lease from it. It does not choose:
//! candidates arrive already ranked, with the limits that hold for them, and the store only admits. Every
//! operation is atomic, checks everything before it writes anything, and may be repeated without harm.
//!
//! A store owns its clock, so that no two machines' clocks are ever compared. Its time never runs backwards: a
//! clock that is set back leaves it standing until the clock has caught up, and reopens no window.

mod cooldown;
mod embedded;
mod ending;
mod feed;
mod key;
mod ledger;
mod location;
mod memory;
mod observed;
mod order;
mod probation;
pub(crate) mod redis;
mod ruling;
mod scope;
mod streak;
mod usage;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;
use domain::{
    AccountId, Client, ClientLimit, Fence, ImageCount, Learned, Lease, LeaseId, Limits, QuotaDomain,
    RequestId, Settlement, Timestamp, UsageFilter, UsageTotal,
    catalog::Rate,
    lease::{Closing, Renewal, Scarcity},
};
use tokio::sync::broadcast;

pub use cooldown::{Cooling, CoolingReason};
pub use feed::Change;
pub use location::{Location, UnknownLocation, open};
pub use redis::{Inspection, InvalidRedis, RedisLocation, inspect};
pub use scope::Scope;
pub use usage::{UsageCursor, UsagePage};

/// The most candidates that one acquire looks at: with room for one lease each, they have room for any wish.
pub const MOST_CANDIDATES: usize = ImageCount::MOST as usize;

/// A wish for leases: a lease for every id, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The leases' names.
    pub ids: Vec<LeaseId>,
    /// Where they may be granted, best first.
    pub candidates: Vec<Candidate>,
    /// For which request: it counts once for its client, however many leases it takes.
    pub request: RequestId,
    /// On whose behalf, and how much that client may use.
    pub client: Client,
    /// What one picture is reckoned to take and cost.
    pub rate: Rate,
    /// The highest fence that the caller was ever given, as far as it remembers: a store that outlives its process and
    /// never gave it has lost what it granted, and grants nothing until all of that has left the minute windows.
    pub known_fence: Option<Fence>,
}

/// Where a lease may be granted: an account, where its use is counted, and the limits that hold there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The account.
    pub account: AccountId,
    /// Where it is counted; candidates of one domain share its counters.
    pub domain: QuotaDomain,
    /// What the domain allows; the same for all candidates of one domain.
    pub limits: Limits,
}

/// The answer to a wish for leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquisition {
    /// One lease for each id, in the same order.
    Granted {
        /// The store's present moment, to which the leases' times relate.
        now: Timestamp,
        /// The leases. A repeated wish gets those it got before; one that has ended shows times that are past.
        leases: Vec<Lease>,
    },
    /// The candidates have no room for all of them; nothing was written.
    Limited {
        /// Until they can have it, at the earliest. Where only calls in flight are in the way, a short wait,
        /// since any of them may end at once.
        retry_after: Duration,
        /// The most leases that these candidates could ever hold at once. A larger wish can never be granted;
        /// `retry_after` then speaks of this many, and is nothing where so many can be had now.
        at_most: u32,
        /// What is short.
        scarcity: Scarcity,
    },
    /// The client has used up what it may use; nothing was written.
    ClientLimited {
        /// Which of its limits.
        limit: ClientLimit,
        /// Until it has room for all of them, at the earliest; absent where it never can have.
        retry_after: Option<Duration>,
    },
    /// Some ids were granted before and others were not, so this is no repetition; nothing was written.
    Mixed {
        /// The first that was granted before.
        known: LeaseId,
    },
}

/// How every candidate stands at one moment: what ranking goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The store's present moment.
    pub now: Timestamp,
    /// One for each candidate asked about, in the same order.
    pub standings: Vec<Standing>,
}

/// How one candidate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Calls in its domain's minute window; each is one picture too.
    pub in_minute: u32,
    /// Calls charged to its domain's day.
    pub in_day: u32,
    /// Its domain's leases that are active.
    pub in_flight: u32,
    /// Throttled and failed calls of its domain since the last that succeeded.
    pub setbacks: u32,
    /// When one lease can be granted, at the earliest; not later than now where that is now.
    pub free_at: Timestamp,
    /// What keeps it from being used, and the longest if several things do.
    pub cooling: Option<Cooling>,
    /// Why it has to prove itself, if it does: one lease at a time, until a call succeeds.
    pub probation: Option<CoolingReason>,
    /// What the provider told of its domain's limits, and is still believed.
    pub learned: Learned,
    /// The last lease granted on its account, as far as remembered.
    pub last_used: Option<Fence>,
    /// When its domain's minute window is empty, if nothing is granted meanwhile; not later than now where it is.
    pub minute_clears_at: Timestamp,
    /// Until when it stands so, if nothing happens but that time passes.
    pub steady_until: Timestamp,
}

/// The port: one shared, durable account of who may call.
///
/// A lease is *active* from its grant until it is settled or released, or its term is over; from that moment
/// every operation takes it for expired, whether or not [`expire`](Store::expire) has come round to it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Grants a lease for every id or for none. They go round the candidates' domains in rank order, each to one
    /// that still has room; within a domain the first candidate whose account may be used holds them. Ids that
    /// were all granted before, within the time that leases are remembered, get the same leases again.
    ///
    /// At most [`MOST_CANDIDATES`] candidates are looked at.
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError>;

    /// Prolongs an active lease to [`LEASE`](domain::lease::term::LEASE) from now, but not past
    /// [`LONGEST`](domain::lease::term::LONGEST) from its grant.
    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError>;

    /// Closes a lease with the call's outcome. Its slot is free at once, its units stay in their windows, and the
    /// outcome may cool down the domain, the account or the model.
    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError>;

    /// Closes a lease on which nothing was sent, as if it had never been granted.
    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError>;

    /// Ends the leases whose term is over and forgets those that ended long ago. Expiry frees slots and refunds
    /// nothing. Answers with the leases that expired now.
    async fn expire(&self) -> Result<Vec<Lease>, StoreError>;

    /// Tells how each candidate stands. What it says may be outdated when read; only `acquire` decides.
    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError>;

    /// Records of calls that came to an end, newest first, from the cursor on; so many at the most, or fewer where
    /// many were looked through. Kept for 30 days, and the newest 200,000.
    async fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError>;

    /// What was used each day, by client, account and model; kept for 400 days.
    async fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError>;

    /// Tells of every change from now on, whoever makes it, as soon as it is made.
    fn changes(&self) -> broadcast::Receiver<Change>;
}

/// Why a store did not answer. Whether the operation took place is then unknown: repeating it is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the ledger at {} is in use by another process; stop that one or choose another path", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a version that keeps it differently.
    #[error("the ledger has format {found}, and this version reads {known}; use the version that wrote it")]
    Format {
        /// What it has.
        found: u64,
        /// What we read.
        known: u64,
    },
    /// It holds something that makes no sense.
    #[error("the ledger cannot be read: {0}; restore it from a copy or start with an empty one")]
    Corrupt(String),
    /// It may lack something that was granted, or its clock may be wrong: until it is sure, it grants nothing.
    #[error("the ledger is not sure of all that was granted; it grants again in {} ms", retry_after.as_millis())]
    Learning {
        /// Until it is sure, as far as can be told.
        retry_after: Duration,
    },
    /// An operation on the medium failed.
    #[error("the ledger could not {action}: {reason}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// What the medium said.
        reason: String,
    },
    /// The store has shut down.
    #[error("the ledger is closed")]
    Closed,
}
