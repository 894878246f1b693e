//! How the store behaves on media that fail or lose power, and how often it syncs.

mod media;
mod power;

use domain::{
    AccountId, CallOutcome, Client, ClientId, Limits, ProjectId, Provider, QuotaDomain, RequestId,
    Resolution, catalog::Rate,
};

use tokio::sync::oneshot;

use self::media::Media;
use super::*;

fn id(number: usize) -> LeaseId {
    LeaseId::new(format!("r/{number}/0")).unwrap()
}

fn wish(number: usize) -> Wish {
    let domain =
        QuotaDomain { provider: Provider::Gemini, project: ProjectId::new("p").unwrap(), model: "m".into() };
    let limits = Limits::new(10_000, 10_000, 10_000, 10_000);
    Wish {
        ids: vec![id(number)],
        candidates: vec![Candidate { account: AccountId::new("a").unwrap(), domain, limits }],
        request: RequestId::new("r").unwrap(),
        client: Client::unlimited(ClientId::new("studio").unwrap()),
        rate: Rate { resolution: Resolution::K1, tokens: 1120, price_micro_usd: 134_000 },
        known_fence: None,
    }
}

async fn grant(store: &EmbeddedStore, number: usize) -> Result<Fence, StoreError> {
    match store.acquire(&wish(number)).await? {
        Acquisition::Granted { leases, .. } => Ok(leases[0].fence),
        other => panic!("expected a grant, got {other:?}"),
    }
}

async fn in_flight(store: &EmbeddedStore) -> u32 {
    store.standing(&wish(0).candidates).await.unwrap().standings[0].in_flight
}

#[tokio::test]
async fn callers_that_come_together_share_a_sync() {
    let media = Media::default();
    let store = Arc::new(media.store().await);
    let before = media.syncs();
    media.block(true);
    let callers: Vec<_> = (0..32)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { grant(&store, number).await })
        })
        .collect();
    while in_flight(&store).await < 32 {
        tokio::task::yield_now().await;
    }
    media.block(false);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    // One for whoever came first, and one for all that came meanwhile.
    assert!((1..=2).contains(&(media.syncs() - before)));
}

#[tokio::test]
async fn only_what_must_last_waits_for_a_sync() {
    let media = Media::default();
    let store = media.store().await;
    let fence = grant(&store, 0).await.unwrap();
    let before = media.syncs();
    media.block(true);
    assert_eq!(in_flight(&store).await, 1);
    let delivered = CallOutcome::Declined.into();
    assert_eq!(store.settle(&id(0), fence, &delivered).await, Ok(Closing::Closed));
    assert_eq!(media.syncs(), before);
    media.block(false);
    store.expire().await.unwrap();
    assert_eq!(media.syncs(), before + 1);
}

#[tokio::test]
async fn a_grant_that_was_not_written_is_not_kept_and_the_next_one_works() {
    let media = Media::default();
    let store = media.store().await;
    let first = grant(&store, 0).await.unwrap();
    media.fail_to_write(true);
    for number in [1, 2] {
        assert!(matches!(grant(&store, number).await, Err(StoreError::Failed { .. })));
    }
    media.fail_to_write(false);
    let next = grant(&store, 3).await.unwrap();
    assert!(next > first);
    assert!(matches!(store.renew(&id(0), first).await, Ok(Renewal::Active { .. })));
    for number in [1, 2] {
        assert_eq!(store.release(&id(number), next).await, Ok(Closing::Unknown));
    }
}

#[tokio::test]
async fn a_grant_that_was_not_synced_is_an_error_and_repeating_it_is_safe() {
    let media = Media::default();
    let store = media.store().await;
    media.fail_to_sync(true);
    assert!(matches!(grant(&store, 0).await, Err(StoreError::Failed { .. })));
    media.fail_to_sync(false);
    grant(&store, 0).await.unwrap();
    assert_eq!(in_flight(&store).await, 1);
}

#[tokio::test]
async fn a_journal_that_has_grown_is_put_in_the_tables() {
    let media = Media::default();
    let store = media.store().await;
    let mut fences = Vec::new();
    for number in 0..100 {
        let fence = grant(&store, number).await.unwrap();
        store.settle(&id(number), fence, &CallOutcome::Declined.into()).await.unwrap();
        fences.push(fence);
    }
    let [first, second] = media.journalled();
    assert!(first + second < 3 * media::FULL, "the journal has {} bytes", first + second);
    drop(store);
    let store = media.tables_alone().store().await;
    for (number, fence) in fences.into_iter().enumerate() {
        let again = store.settle(&id(number), fence, &CallOutcome::Declined.into()).await;
        assert_eq!(again, Ok(Closing::Duplicate));
    }
}

#[tokio::test]
async fn a_look_into_the_tables_keeps_nobody_waiting() {
    let store = Arc::new(Media::default().store().await);
    let (say, begun) = oneshot::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let reader = Arc::clone(&store);
    let look = tokio::spawn(async move {
        let slow = move |_: &usage::Snapshot| {
            say.send(()).unwrap();
            ended.recv().unwrap();
            Ok(())
        };
        reader.book.look(slow).await
    });
    begun.await.unwrap();
    grant(&store, 1).await.unwrap();
    end.send(()).unwrap();
    look.await.unwrap().unwrap();
}

#[tokio::test]
async fn those_who_look_are_told_that_the_ledger_is_given_up() {
    let media = Media::default();
    let store = Arc::new(media.store().await);
    media.block(true);
    let caller = Arc::clone(&store);
    let granted = tokio::spawn(async move { grant(&caller, 1).await });
    while in_flight(&store).await < 1 {
        tokio::task::yield_now().await;
    }
    let filter = UsageFilter::default();
    let looked = store.totals(&filter);
    let given_up = async {
        tokio::task::yield_now().await;
        store.book.give_up(&StoreError::Corrupt("it was given up".to_owned()));
    };
    let (looked, ()) = tokio::join!(biased; looked, given_up);
    assert_eq!(looked, Err(StoreError::Corrupt("it was given up".to_owned())));
    media.block(false);
    granted.await.unwrap().unwrap_err();
}
