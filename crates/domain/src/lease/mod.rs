//! The right to make one upstream call, and how it ends.
//!
//! A lease is `active` until it is settled, released or expires; each happens once. Expiry never refunds: the
//! provider does not know our leases, so a worker that was only slow may still spend. Only a lease on which
//! nothing was sent is refunded, by releasing it.
//!
//! [`asking`] is how leases are wished for and granted, [`outcome`] how a call ended, [`closing`] how a lease does.

pub mod asking;
pub mod closing;
pub mod outcome;

use std::fmt;

use crate::{AccountId, LeaseId, ProjectId, Provider, Timestamp};

pub use asking::{Acquired, Acquiring, Grant, LeaseRequest, Scarcity, Shortage};
pub use closing::{Closing, Renewal, Settlement};
pub use outcome::{CallOutcome, Quota, Revealed, Window};

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
    /// How long a call is on its way to the provider, at the most.
    pub const NETWORK: Duration = Duration::from_secs(1);
    /// How long a unit stays in the minute windows, unless more is known of its call. The provider counts a call
    /// when it arrives, up to `START` after the grant and `NETWORK` later; a unit that stayed for exactly a minute
    /// after its grant could let two neighbouring minutes overlap at the provider.
    pub const WINDOW: Duration = MINUTE.saturating_add(START).saturating_add(NETWORK);
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
