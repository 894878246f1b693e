//! What the tests play with: moments, names, candidates.

use std::time::Duration;

use domain::{
    AccountId, CallOutcome, Client, ClientId, Fence, Lease, LeaseId, Limits, ProjectId, Provider,
    QuotaDomain, RequestId, Resolution, Timestamp, Usage,
    catalog::Rate,
    lease::{Closing, Window},
};
use quota::store::{Acquisition, Candidate, Standing, Store, Wish};

/// Noon Pacific time on 2027-01-15, twelve hours before midnight.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);
/// The midnight that follows.
pub(crate) const MIDNIGHT: Timestamp = Timestamp::from_millis(1_800_086_400_000);

/// Limits that nothing here reaches.
pub(crate) const AMPLE: Limits = Limits::new(1_000, 1_000, 10_000, 1_000);

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn id(name: impl std::fmt::Display) -> LeaseId {
    LeaseId::new(format!("request/{name}")).unwrap()
}

/// Ids that no other wish of this name has.
pub(crate) fn ids(name: impl std::fmt::Display, count: usize) -> Vec<LeaseId> {
    (0..count).map(|picture| id(format!("{name}/{picture}"))).collect()
}

/// An account of a project, for the model `pro`.
pub(crate) fn candidate(account: &str, project: &str, limits: Limits) -> Candidate {
    candidate_for("pro", account, project, limits)
}

pub(crate) fn candidate_for(model: &str, account: &str, project: &str, limits: Limits) -> Candidate {
    let project = ProjectId::new(project).unwrap();
    let domain = QuotaDomain { provider: Provider::Gemini, project, model: model.into() };
    Candidate { account: AccountId::new(account).unwrap(), domain, limits }
}

pub(crate) fn delivered() -> CallOutcome {
    CallOutcome::Delivered { images: 1, usage: Usage { output_image_tokens: 1120, ..Usage::default() } }
}

pub(crate) fn throttled(window: Option<Window>, retry_after: Option<Duration>) -> CallOutcome {
    CallOutcome::Throttled { window, retry_after, revealed: None }
}

/// A wish for leases, on behalf of a client without limits.
pub(crate) fn wish(ids: &[LeaseId], candidates: &[Candidate]) -> Wish {
    Wish {
        ids: ids.to_vec(),
        candidates: candidates.to_vec(),
        request: RequestId::new("request").unwrap(),
        client: Client::unlimited(ClientId::new("studio").unwrap()),
        rate: Rate { resolution: Resolution::K1, tokens: 1120, price_micro_usd: 134_000 },
        known_fence: None,
    }
}

/// Asks for leases and tells what came.
pub(crate) async fn ask(store: &dyn Store, ids: &[LeaseId], candidates: &[Candidate]) -> Acquisition {
    store.acquire(&wish(ids, candidates)).await.unwrap()
}

/// Asks for leases that must be granted.
pub(crate) async fn granted(store: &dyn Store, ids: &[LeaseId], candidates: &[Candidate]) -> Vec<Lease> {
    match ask(store, ids, candidates).await {
        Acquisition::Granted { leases, .. } => leases,
        refused => panic!("expected grants for {ids:?}, got {refused:?}"),
    }
}

/// Asks for one lease that must be granted.
pub(crate) async fn one(store: &dyn Store, name: impl std::fmt::Display, candidate: &Candidate) -> Lease {
    granted(store, &[id(name)], std::slice::from_ref(candidate)).await.remove(0)
}

/// Asks for leases that must be refused, and tells how long to wait and how many there could ever be.
pub(crate) async fn refused(store: &dyn Store, ids: &[LeaseId], candidates: &[Candidate]) -> (Duration, u32) {
    match ask(store, ids, candidates).await {
        Acquisition::Limited { retry_after, at_most, .. } => (retry_after, at_most),
        other => panic!("expected a refusal for {ids:?}, got {other:?}"),
    }
}

/// Says how a lease's call ended, and tells how the store took it.
pub(crate) async fn settle(store: &dyn Store, lease: &Lease, outcome: CallOutcome) -> Closing {
    store.settle(&lease.id, lease.fence, &outcome.into()).await.unwrap()
}

/// How one candidate stands.
pub(crate) async fn standing(store: &dyn Store, candidate: &Candidate) -> Standing {
    store.standing(std::slice::from_ref(candidate)).await.unwrap().standings[0]
}

/// A fence that is not this one.
pub(crate) fn other(fence: Fence) -> Fence {
    Fence(fence.0 + 1_000_000)
}
