//! A ledger that grants what it is told to and writes down every request.

use std::{sync::Arc, time::Duration};

use domain::{AccountId, Fence, Grant, LeaseId, ProjectId, Provider, QuotaDomain, lease};
use proto::{
    transport::Channel,
    v1::{
        AcquireEvent, AcquireRequest, CloseResponse, ReleaseRequest, RenewRequest, RenewResponse,
        SettleRequest,
        leases_server::{Leases, LeasesServer},
    },
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

/// Leases go round the accounts that are not excluded. Those called `vertex…` are Vertex AI's.
#[derive(Clone)]
pub(crate) struct Ledger {
    accounts: Arc<Vec<AccountId>>,
    log: watch::Sender<Vec<String>>,
    /// How many grants come too late to start a call.
    stale: watch::Sender<u32>,
    /// How many wishes must wait.
    queue: watch::Sender<u32>,
    /// Whether settlements are answered.
    deaf: watch::Sender<bool>,
}

impl Ledger {
    pub(crate) fn new(accounts: &[&str]) -> Self {
        let accounts = accounts.iter().map(|name| AccountId::new(*name).unwrap()).collect();
        Self {
            accounts: Arc::new(accounts),
            log: watch::Sender::default(),
            stale: watch::Sender::new(0),
            queue: watch::Sender::new(0),
            deaf: watch::Sender::new(false),
        }
    }

    /// A channel to this ledger.
    pub(crate) fn serve(&self) -> Channel {
        let (channel, incoming) = proto::transport::pipe();
        let server = proto::transport::server().add_service(LeasesServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        channel
    }

    /// Makes the next grants too old to be used.
    pub(crate) fn grant_stale(&self, count: u32) {
        self.stale.send_replace(count);
    }

    /// Has the next wishes wait for a moment.
    pub(crate) fn keep_waiting(&self, count: u32) {
        self.queue.send_replace(count);
    }

    /// Answers no settlement from now on.
    pub(crate) fn fall_deaf(&self) {
        self.deaf.send_replace(true);
    }

    /// Waits until so many lines are in the log.
    pub(crate) async fn log_of(&self, lines: usize) -> Vec<String> {
        self.log.subscribe().wait_for(|log| log.len() >= lines).await.unwrap().clone()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// What was asked for or done with leases, such as `settle`, without the rest of each line.
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.log.borrow().iter().filter(|line| line.starts_with(verb)).count()
    }

    fn note(&self, line: String) {
        self.log.send_modify(|log| log.push(line));
    }

    fn start_within(&self) -> Duration {
        if one_of(&self.stale) { Duration::ZERO } else { lease::term::START }
    }

    fn grant(&self, id: LeaseId, account: AccountId, model: &str) -> Grant {
        self.note(format!("grant {id} {account}"));
        let project = ProjectId::new("project").unwrap();
        let provider =
            if account.as_str().starts_with("vertex") { Provider::Vertex } else { Provider::Gemini };
        Grant {
            id,
            account,
            domain: QuotaDomain { provider, project, model: model.to_owned() },
            fence: Fence(42),
            start_within: self.start_within(),
            expires_in: lease::term::LEASE,
            credential: None,
        }
    }
}

/// Takes one, where there is one left.
fn one_of(left: &watch::Sender<u32>) -> bool {
    let mut taken = false;
    left.send_if_modified(|left| {
        taken = *left > 0;
        *left = left.saturating_sub(1);
        false
    });
    taken
}

#[tonic::async_trait]
impl Leases for Ledger {
    type AcquireStream = tokio_stream::Iter<std::vec::IntoIter<Result<AcquireEvent, Status>>>;

    async fn acquire(
        &self,
        request: Request<AcquireRequest>,
    ) -> Result<Response<Self::AcquireStream>, Status> {
        let wish = lease::LeaseRequest::try_from(request.into_inner()).map_err(proto::status_of)?;
        let free: Vec<_> =
            self.accounts.iter().filter(|account| !wish.excluded.contains(account)).cloned().collect();
        let answer = if free.is_empty() {
            lease::Acquired::Refused(lease::Shortage::NoAccount)
        } else {
            let around = free.into_iter().cycle();
            let grants = wish.ids.into_iter().zip(around).map(|(id, who)| self.grant(id, who, &wish.model));
            lease::Acquired::Granted(grants.collect())
        };
        let waiting = one_of(&self.queue).then_some(lease::Acquiring::Waiting);
        let steps = waiting.into_iter().chain([lease::Acquiring::Answered(answer)]);
        let steps: Vec<_> = steps.map(|step| Ok(AcquireEvent::from(step))).collect();
        Ok(Response::new(tokio_stream::iter(steps)))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        let (id, _) = request.into_inner().parse().map_err(proto::status_of)?;
        self.note(format!("renew {id}"));
        Ok(Response::new(lease::Renewal::Active { expires_in: lease::term::LEASE }.into()))
    }

    async fn settle(&self, request: Request<SettleRequest>) -> Result<Response<CloseResponse>, Status> {
        let (id, fence, settlement) = request.into_inner().parse().map_err(proto::status_of)?;
        assert_eq!(fence, Fence(42));
        if *self.deaf.borrow() {
            self.note(format!("did not hear of {id}"));
            std::future::pending::<()>().await;
        }
        self.note(format!("settle {id} {}", settlement.outcome.as_str()));
        Ok(Response::new(lease::Closing::Closed.into()))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<CloseResponse>, Status> {
        let (id, fence) = request.into_inner().parse().map_err(proto::status_of)?;
        assert_eq!(fence, Fence(42));
        self.note(format!("release {id}"));
        Ok(Response::new(lease::Closing::Closed.into()))
    }
}
