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
}

impl Ledger {
    pub(crate) fn new(accounts: &[&str]) -> Self {
        let accounts = accounts.iter().map(|name| AccountId::new(*name).unwrap()).collect();
        Self { accounts: Arc::new(accounts), log: watch::Sender::default(), stale: watch::Sender::new(0) }
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
        let mut stale = false;
        self.stale.send_if_modified(|left| {
            stale = *left > 0;
            *left = left.saturating_sub(1);
            false
        });
        if stale { Duration::ZERO } else { lease::term::START }
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

#[tonic::async_trait]
impl Leases for Ledger {
    type AcquireStream = tokio_stream::Once<Result<AcquireEvent, Status>>;

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
        Ok(Response::new(tokio_stream::once(Ok(lease::Acquiring::Answered(answer).into()))))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        let (id, _) = request.into_inner().parse().map_err(proto::status_of)?;
        self.note(format!("renew {id}"));
        Ok(Response::new(lease::Renewal::Active { expires_in: lease::term::LEASE }.into()))
    }

    async fn settle(&self, request: Request<SettleRequest>) -> Result<Response<CloseResponse>, Status> {
        let (id, fence, settlement) = request.into_inner().parse().map_err(proto::status_of)?;
        assert_eq!(fence, Fence(42));
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
