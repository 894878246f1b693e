//! What is answered at once.

use async_trait::async_trait;
use domain::{
    Lease, UsageFilter, UsageTotal,
    lease::{Quota, Revealed, Scarcity, term},
};
use tokio::sync::broadcast;

use super::*;
use crate::store::{Change, Survey, UsageCursor, UsagePage};

#[tokio::test(start_paused = true)]
async fn a_wish_for_several_spreads_over_accounts_and_avoids_those_excluded() {
    let broker = over_memory(vec![account("a", "p1", 9), account("b", "p2", 9), account("c", "p3", 9)]).await;
    let granted = accounts_of(ask(&broker, without(wish("r", 4), &["b"])).await.unwrap());
    assert_eq!(granted, ["a", "c", "a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn grants_tell_time_from_when_they_were_asked() {
    let broker = over_memory(vec![account("a", "p1", 9)]).await;
    let grants = granted(ask(&broker, wish("r", 1)).await.unwrap());
    assert_eq!((grants[0].start_within, grants[0].expires_in), (term::START, term::LEASE));
    assert_eq!(grants[0].domain.model, MODEL);
}

#[tokio::test(start_paused = true)]
async fn without_an_account_for_the_model_nothing_can_be_awaited() {
    let broker = over_memory(vec![account("a", "p1", 9)]).await;
    let refused = ask(&broker, without(wish("r", 1), &["a"])).await.unwrap();
    assert_eq!(refused, Acquired::Refused(Shortage::NoAccount));
}

#[tokio::test(start_paused = true)]
async fn accounts_that_the_provider_refuses_are_no_matter_of_waiting() {
    let broker = over_memory(vec![account("a", "p1", 9), account("b", "p2", 9)]).await;
    for (attempt, outcome) in [CallOutcome::CredentialRejected, CallOutcome::Forbidden].iter().enumerate() {
        let grants = granted(ask(&broker, wish(&format!("r{attempt}"), 1)).await.unwrap());
        settle(&broker, &grants[0], outcome.clone()).await;
    }
    let patient = LeaseRequest { patience: Duration::from_hours(1), ..wish("r", 1) };
    assert_eq!(ask(&broker, patient).await.unwrap(), Acquired::Refused(Shortage::NoAccount));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_provider_told_holds_beside_the_configured_one() {
    let broker = attended(over_memory(vec![account("a", "p1", 9)]).await);
    let grants = granted(ask(&broker, wish("r", 4)).await.unwrap());
    let revealed = Some(Revealed { quota: Quota::RequestsPerDay, limit: 5 });
    let refusal = CallOutcome::Throttled { window: None, retry_after: None, revealed };
    settle(&broker, &grants[0], refusal).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refused = ask(&broker, wish("s", 6)).await.unwrap();
    assert!(matches!(refused, Acquired::Refused(Shortage::Limited { at_most: 5, .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_larger_than_can_ever_be_held_is_told_how_far_to_split() {
    let broker = over_memory(vec![account("a", "p1", 2), account("b", "p2", 1)]).await;
    let patient = LeaseRequest { patience: Duration::from_hours(1), ..wish("r", 4) };
    let refused = ask(&broker, patient).await.unwrap();
    assert!(matches!(refused, Acquired::Refused(Shortage::Limited { at_most: 3, .. })), "{refused:?}");
    assert_eq!(accounts_of(ask(&broker, wish("s", 3)).await.unwrap()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_and_unusable_ids_are_refused_by_name() {
    let broker = over_memory(vec![account("a", "p1", 9)]).await;
    let unknown = LeaseRequest { model: "dall-e-3".into(), ..wish("r", 1) };
    let failure = ask(&broker, unknown).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UnknownModel);
    assert!(failure.message.contains("dall-e-3") && failure.message.contains(MODEL));
    let failure = ask(&broker, wish("r", 11)).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("lease_ids"));
    ask(&broker, wish("s", 1)).await.unwrap();
    let failure = ask(&broker, wish("s", 2)).await.unwrap_err();
    assert_eq!(failure.field.as_deref(), Some("lease_ids"));
    assert!(failure.message.contains("`s/0/0`"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn one_who_asks_again_gets_the_same_leases_though_others_wait() {
    let broker = attended(over_memory(vec![account("a", "p1", 1)]).await);
    let first = ask(&broker, wish("r", 1)).await.unwrap();
    let patient = LeaseRequest { patience: Duration::from_mins(1), ..wish("s", 1) };
    assert!(matches!(broker.acquire(patient).await.unwrap(), Begun::Waiting(_)));
    assert_eq!(granted(ask(&broker, wish("r", 1)).await.unwrap())[0].fence, granted(first)[0].fence);
}

/// A store that fails, whatever it is asked.
struct Broken(StoreError);

#[async_trait]
impl Store for Broken {
    async fn acquire(&self, _: &Wish) -> Result<Acquisition, StoreError> {
        Err(self.0.clone())
    }
    async fn renew(&self, _: &LeaseId, _: Fence) -> Result<Renewal, StoreError> {
        Err(self.0.clone())
    }
    async fn settle(&self, _: &LeaseId, _: Fence, _: &Settlement) -> Result<Closing, StoreError> {
        Err(self.0.clone())
    }
    async fn release(&self, _: &LeaseId, _: Fence) -> Result<Closing, StoreError> {
        Err(self.0.clone())
    }
    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        Err(self.0.clone())
    }
    async fn standing(&self, _: &[Candidate]) -> Result<Survey, StoreError> {
        Err(self.0.clone())
    }
    async fn usage(
        &self,
        _: &UsageFilter,
        _: Option<&UsageCursor>,
        _: usize,
    ) -> Result<UsagePage, StoreError> {
        Err(StoreError::Closed)
    }
    async fn totals(&self, _: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        Err(StoreError::Closed)
    }
    fn changes(&self) -> broadcast::Receiver<Change> {
        broadcast::Sender::new(1).subscribe()
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_it_grants_nothing_and_says_when_to_ask_again() {
    let learning = Duration::from_secs(47);
    for (error, wait) in
        [(StoreError::Closed, STORE_DOWN), (StoreError::Learning { retry_after: learning }, learning)]
    {
        let store = Arc::new(Broken(error));
        let broker = broker(vec![account("a", "p1", 9)], store, QueueLimits::default());
        let id = LeaseId::new("r/0/0").unwrap();
        let patient = LeaseRequest { patience: Duration::from_mins(3), ..wish("r", 1) };
        let acquired = ask(&broker, patient).await.unwrap_err();
        let settled = broker.settle(&id, Fence(1), &CallOutcome::Empty.into()).await.unwrap_err();
        for failure in [acquired, settled] {
            assert_eq!(failure.kind, FailureKind::Unavailable);
            assert_eq!(failure.retry_after, Some(wait));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_truly_when_to_ask_again() {
    let broker = over_memory(vec![account("a", "p1", 10)]).await;
    for grant in granted(ask(&broker, wish("r", 10)).await.unwrap()) {
        settle(&broker, &grant, delivered()).await;
    }
    let Acquired::Refused(Shortage::Limited { retry_after, at_most, scarcity }) =
        ask(&broker, wish("s", 1)).await.unwrap()
    else {
        panic!("there is no room")
    };
    assert_eq!((at_most, scarcity), (10, Scarcity::Quota));
    tokio::time::advance(retry_after.saturating_sub(Duration::from_millis(1))).await;
    assert!(matches!(ask(&broker, wish("t", 1)).await.unwrap(), Acquired::Refused(_)));
    tokio::time::advance(Duration::from_millis(1)).await;
    granted(ask(&broker, wish("u", 1)).await.unwrap());
}
