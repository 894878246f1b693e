//! The port to the ledger.

mod ledger;
mod remote;

use async_trait::async_trait;
use domain::{
    Failure, Fence, LeaseId, Settlement,
    lease::{Acquired, Closing, LeaseRequest, Renewal},
};

pub(crate) use ledger::{Held, Ledger, Refused, Settling};
pub use remote::RemoteLeases;

/// The ledger's operations. Each may be repeated without harm.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Grants a lease for every id, or none.
    async fn acquire(&self, request: LeaseRequest) -> Result<Acquired, Failure>;

    /// Prolongs a lease that is still active.
    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure>;

    /// Says how the leased call ended.
    async fn settle(&self, id: &LeaseId, fence: Fence, settlement: Settlement) -> Result<Closing, Failure>;

    /// Gives back a lease on which nothing was sent.
    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure>;
}
