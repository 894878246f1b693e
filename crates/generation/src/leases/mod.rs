//! The port to the ledger, and leases as a request uses them.
//!
//! `ledger` asks for leases, `held` is one in our hands, `closings` says the last word on each, and
//! `repeats` says it again for as long as the ledger does not hear.

mod closings;
mod held;
mod ledger;
mod remote;
mod repeats;
mod settling;

use async_trait::async_trait;
use domain::{
    Failure, Fence, LeaseId, Settlement,
    lease::{Acquiring, Closing, LeaseRequest, Renewal},
};
use futures_util::stream::BoxStream;

pub(crate) use held::Held;
pub(crate) use ledger::{Answer, Heard, Ledger, Refused};
pub use remote::RemoteLeases;
pub(crate) use settling::Settling;

/// What one who wished for leases hears, to the answer or a failure. Dropping it gives up the wish.
pub type Hearing = BoxStream<'static, Result<Acquiring, Failure>>;

/// The ledger's operations. Each may be repeated without harm.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Grants a lease for every id, or none; while there is patience, perhaps not before a wait.
    fn acquire(&self, request: LeaseRequest) -> Hearing;

    /// Prolongs a lease that is still active.
    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure>;

    /// Says how the leased call ended.
    async fn settle(&self, id: &LeaseId, fence: Fence, settlement: Settlement) -> Result<Closing, Failure>;

    /// Gives back a lease on which nothing was sent.
    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure>;
}
