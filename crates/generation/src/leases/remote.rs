//! The ledger over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Failure, FailureKind, Fence, LeaseId, Settlement,
    lease::{Closing, LeaseRequest, Renewal},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use proto::{
    failure_of,
    transport::Channel,
    v1::{ReleaseRequest, RenewRequest, SettleRequest, leases_client::LeasesClient},
};
use telemetry::grpc::{self, Traced};
use tokio::time::{Instant, timeout_at};
use tonic::Request;

use super::{Hearing, Leases};

/// How long the ledger may take to say its first word on a question: asked twice, it is not quite as long as a fresh
/// lease leaves before its call must start.
const PATIENCE: Duration = Duration::from_millis(950);
/// How much longer than the patience of a wish its answer may take.
const GRACE: Duration = Duration::from_secs(1);
/// When to ask again a ledger that says nothing.
const BACK_IN: Duration = Duration::from_secs(2);

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
    fn acquire(&self, request: LeaseRequest) -> Hearing {
        let (now, patience) = (Instant::now(), request.patience + GRACE);
        let mut service = self.0.clone();
        let asking = async move {
            let answer = service.acquire(timed(request.into(), patience)).await;
            answer.map(tonic::Response::into_inner)
        };
        let steps = stream::once(asking).try_flatten();
        let steps = steps.map(|step| step.map_err(|status| failure_of(&status))?.try_into());
        punctual(steps.boxed(), now + PATIENCE, now + patience)
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, Failure> {
        let request = RenewRequest { lease_id: id.to_string(), fence: fence.0 };
        let answer = self.0.clone().renew(timed(request, PATIENCE)).await;
        Ok(answer.map_err(|status| failure_of(&status))?.into_inner().into())
    }

    async fn settle(&self, id: &LeaseId, fence: Fence, settlement: Settlement) -> Result<Closing, Failure> {
        let request = SettleRequest::new(id, fence, settlement);
        let answer = self.0.clone().settle(timed(request, PATIENCE)).await;
        answer.map_err(|status| failure_of(&status))?.into_inner().try_into()
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, Failure> {
        let request = ReleaseRequest { lease_id: id.to_string(), fence: fence.0 };
        let answer = self.0.clone().release(timed(request, PATIENCE)).await;
        answer.map_err(|status| failure_of(&status))?.into_inner().try_into()
    }
}

/// A question that is given up by then.
fn timed<T>(message: T, patience: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(patience);
    request
}

/// The same steps, as long as the first comes by `first` and each by `last`.
fn punctual(steps: Hearing, first: Instant, last: Instant) -> Hearing {
    let hearing = stream::unfold((steps, first), move |(mut steps, by)| async move {
        match timeout_at(by, steps.next()).await {
            Ok(step) => Some((step?, (steps, last))),
            Err(_) => Some((Err(silent()), (stream::empty().boxed(), last))),
        }
    });
    hearing.boxed()
}

fn silent() -> Failure {
    Failure::new(FailureKind::Unavailable, "leases cannot be asked for at the moment; try again shortly")
        .retry_after(BACK_IN)
}

#[cfg(test)]
mod tests {
    use domain::lease::Acquiring;

    use super::*;

    /// Waits for so many seconds before each word.
    fn slow(seconds: &'static [u64]) -> Hearing {
        let words = stream::iter(seconds).then(|seconds| async {
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
            Ok(Acquiring::Waiting)
        });
        words.boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_ledger_may_keep_one_waiting_though_not_without_a_word() {
        for (words, expected) in [
            (slow(&[0, 40, 10]), vec![Ok(Acquiring::Waiting); 3]),
            (slow(&[0, 70, 0]), vec![Ok(Acquiring::Waiting), Err(silent())]),
            (slow(&[2]), vec![Err(silent())]),
        ] {
            let now = Instant::now();
            let heard = punctual(words, now + PATIENCE, now + Duration::from_mins(1));
            assert_eq!(heard.collect::<Vec<_>>().await, expected);
        }
    }
}
