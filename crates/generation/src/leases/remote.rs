//! The ledger over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Failure, FailureKind, Fence, LeaseId, Settlement,
    lease::{Acquired, Acquiring, Closing, LeaseRequest, Renewal},
};
use proto::{
    failure_of,
    transport::Channel,
    v1::{ReleaseRequest, RenewRequest, SettleRequest, leases_client::LeasesClient},
};
use telemetry::grpc::{self, Traced};
use tonic::Request;

use super::Leases;

/// How long one question to the ledger may take: asked twice, it is as long as a fresh lease leaves before its
/// call must start.
const PATIENCE: Duration = Duration::from_secs(1);

/// The ledger of another process, or of this one.
#[derive(Debug, Clone)]
pub struct RemoteLeases(LeasesClient<Traced<Channel>>);

impl RemoteLeases {
    /// The ledger at the other end of this channel.
    pub fn new(channel: Channel) -> Self {
        Self(LeasesClient::new(grpc::calls(channel)))
    }
}

#[async_trait]
impl Leases for RemoteLeases {
    async fn acquire(&self, request: LeaseRequest) -> Result<Acquired, Failure> {
        let answer = self.0.clone().acquire(timed(request.into())).await;
        let mut steps = answer.map_err(|status| failure_of(&status))?.into_inner();
        while let Some(step) = steps.message().await.map_err(|status| failure_of(&status))? {
            if let Acquiring::Answered(acquired) = step.try_into()? {
                return Ok(acquired);
            }
        }
        Err(Failure::new(FailureKind::Internal, "the ledger gave no answer"))
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure> {
        let request = RenewRequest { lease_id: id.to_string(), fence: fence.0 };
        let answer = self.0.clone().renew(timed(request)).await;
        Ok(answer.map_err(|status| failure_of(&status))?.into_inner().into())
    }

    async fn settle(&self, id: &LeaseId, fence: Fence, settlement: Settlement) -> Result<Closing, Failure> {
        let request = SettleRequest::new(id, fence, settlement);
        let answer = self.0.clone().settle(timed(request)).await;
        answer.map_err(|status| failure_of(&status))?.into_inner().try_into()
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure> {
        let request = ReleaseRequest { lease_id: id.to_string(), fence: fence.0 };
        let answer = self.0.clone().release(timed(request)).await;
        answer.map_err(|status| failure_of(&status))?.into_inner().try_into()
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
