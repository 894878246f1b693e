//! Redis that lost what it was told: the ledger learns it again from the services that remember.

use std::{sync::Arc, time::Duration};

use domain::{
    CallOutcome, Client, ClientId, ClientLimit, ClientLimits, Learned, Lease, LeaseId, Limits, ManualClock,
    lease::{Closing, Quota, Revealed},
};
use quota::store::{Acquisition, Candidate, Location, RedisLocation, Store, StoreError, Wish, open};
use redis::aio::MultiplexedConnection;

use crate::{
    redis_server::Server,
    scene::{
        AMPLE, NOON, candidate, delivered, granted, id, ids, one, refused, seconds, settle, standing, wish,
    },
};

/// Two services on one ledger that have heard of each other, their clock, and its server.
pub(super) struct Scene {
    pub(super) first: Arc<dyn Store>,
    pub(super) second: Arc<dyn Store>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) place: RedisLocation,
    connection: MultiplexedConnection,
    _server: Server,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::passing(directory.path());
        let place = server.place().with_handed_clock();
        let clock = Arc::new(ManualClock::at(NOON));
        let store = async || open(&Location::Redis(place.clone()), clock.clone()).await.unwrap();
        let (first, second) = (store().await, store().await);
        for store in [&first, &second] {
            store.expire().await.unwrap();
        }
        let connection = server.connection().await;
        Self { first, second, clock: clock.clone(), place: place.clone(), connection, _server: server }
    }

    /// The first service alone is there for so many seconds.
    pub(super) async fn goes_on(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.first.expire().await.unwrap();
        }
    }

    pub(super) async fn empty(&mut self) {
        let () = redis::cmd("FLUSHALL").query_async(&mut self.connection).await.unwrap();
    }

    /// Every key with its serialized value.
    pub(super) async fn copy(&mut self) -> Vec<(String, Vec<u8>)> {
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut self.connection).await.unwrap();
        let mut copy = vec![];
        for key in keys {
            let value = redis::cmd("DUMP").arg(&key).query_async(&mut self.connection).await.unwrap();
            copy.push((key, value));
        }
        copy
    }

    /// Goes on with what there was, in what takes itself for another process.
    pub(super) async fn restart_with(&mut self, copy: Vec<(String, Vec<u8>)>) {
        self.empty().await;
        for (key, value) in copy {
            let mut restore = redis::cmd("RESTORE");
            restore.arg(&key).arg(0).arg(value);
            let () = restore.query_async(&mut self.connection).await.unwrap();
            if key.ends_with(":1") {
                let mut other = redis::cmd("HSET");
                other.arg(&key).arg("run").arg("another");
                let () = other.query_async(&mut self.connection).await.unwrap();
            }
        }
    }
}

/// How long a service waits that may grant nothing.
pub(super) async fn learning(store: &dyn Store, ids: &[LeaseId], candidate: &Candidate) -> Duration {
    match store.acquire(&wish(ids, std::slice::from_ref(candidate))).await {
        Err(StoreError::Learning { retry_after }) => retry_after,
        other => panic!("expected a ledger that learns, got {other:?}"),
    }
}

async fn grants_of(store: &dyn Store, names: &[&str], candidate: &Candidate) -> Vec<Lease> {
    granted(store, &names.iter().map(id).collect::<Vec<_>>(), std::slice::from_ref(candidate)).await
}

#[tokio::test]
async fn an_emptied_ledger_is_whole_again_as_soon_as_all_that_knew_it_have_spoken() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(5, 9, 6, 5));
    let other = candidate("b", "q", Limits::new(9, 9, 9, 9));
    let mine = grants_of(&*scene.first, &["1", "2", "3"], &account).await;
    let theirs = one(&*scene.second, "4", &account).await;
    settle(&*scene.first, &mine[0], delivered()).await;
    scene.first.release(&mine[1].id, mine[1].fence).await.unwrap();
    let bad = one(&*scene.first, "bad", &other).await;
    settle(&*scene.second, &bad, CallOutcome::CredentialRejected).await;
    assert!(standing(&*scene.first, &other).await.cooling.is_some());

    scene.empty().await;
    learning(&*scene.first, &ids("more", 1), &account).await;
    assert_eq!(settle(&*scene.first, &theirs, delivered()).await, Closing::Unknown);
    scene.second.expire().await.unwrap();

    let back = standing(&*scene.second, &account).await;
    assert_eq!((back.in_minute, back.in_flight), (3, 2));
    assert_eq!(back.in_day, 4, "the most that was told of the day is taken for true");
    assert!(standing(&*scene.first, &other).await.cooling.is_some());
    assert_eq!(grants_of(&*scene.second, &["3"], &account).await[0].fence, mine[2].fence);
    assert_eq!(settle(&*scene.first, &mine[0], delivered()).await, Closing::Duplicate);
    assert_eq!(settle(&*scene.first, &theirs, delivered()).await, Closing::Closed);
    let next = grants_of(&*scene.first, &["5", "6"], &account).await;
    assert!(next[0].fence > bad.fence, "a fence was given twice");
    refused(&*scene.first, &ids("more", 1), &[account]).await;
}

#[tokio::test]
async fn what_has_to_prove_itself_and_what_the_provider_told_of_its_limits_is_told_again() {
    let mut scene = Scene::new().await;
    let (account, other) = (candidate("a", "p", AMPLE), candidate("b", "q", AMPLE));
    let revealed = Some(Revealed { quota: Quota::RequestsPerDay, limit: 7 });
    let throttled = CallOutcome::Throttled { window: None, retry_after: Some(seconds(1)), revealed };
    let limited = one(&*scene.first, "1", &account).await;
    settle(&*scene.first, &limited, throttled).await;
    let bad = one(&*scene.first, "2", &other).await;
    settle(&*scene.first, &bad, CallOutcome::CredentialRejected).await;
    let before = (standing(&*scene.first, &account).await, standing(&*scene.first, &other).await);
    assert!(before.0.learned != Learned::NOTHING && before.1.probation.is_some());

    scene.empty().await;
    for store in [&scene.first, &scene.second] {
        store.expire().await.unwrap();
    }
    assert_eq!(standing(&*scene.second, &account).await.learned, before.0.learned);
    assert_eq!(standing(&*scene.second, &other).await.probation, before.1.probation);
}

#[tokio::test]
async fn what_a_client_used_today_is_told_again() {
    let mut scene = Scene::new().await;
    let id = ClientId::new("shop").unwrap();
    let by = |name: &str, count: usize, limits: ClientLimits| {
        let client = Client { id: id.clone(), limits };
        Wish { client, ..wish(&ids(name, count), &[candidate("a", "p", AMPLE)]) }
    };
    let first = scene.first.acquire(&by("first", 1, ClientLimits::NONE)).await.unwrap();
    let Acquisition::Granted { leases, .. } = first else { panic!("{first:?}") };
    settle(&*scene.first, &leases[0], delivered()).await;
    scene.second.acquire(&by("second", 2, ClientLimits::NONE)).await.unwrap();
    let price = by("", 0, ClientLimits::NONE).rate.price_micro_usd;

    scene.empty().await;
    for store in [&scene.first, &scene.second] {
        store.expire().await.unwrap();
    }
    let limits = [
        (ClientLimit::ImagesPerDay, ClientLimits { images_per_day: Some(3), ..ClientLimits::NONE }),
        (
            ClientLimit::SpendPerDay,
            ClientLimits { spend_per_day_micro_usd: Some(4 * price - 1), ..ClientLimits::NONE },
        ),
        (ClientLimit::Concurrent, ClientLimits { concurrent: Some(2), ..ClientLimits::NONE }),
    ];
    for (expected, limits) in limits {
        let answer = scene.first.acquire(&by("more", 1, limits)).await.unwrap();
        let is_expected = matches!(&answer, Acquisition::ClientLimited { limit, .. } if *limit == expected);
        assert!(is_expected, "{expected:?}: {answer:?}");
    }
}

#[tokio::test]
async fn an_older_ledger_learns_what_it_lacks() {
    let mut scene = Scene::new().await;
    let account = candidate("a", "p", Limits::new(6, 9, 9, 9));
    grants_of(&*scene.first, &["1", "2"], &account).await;
    one(&*scene.second, "3", &account).await;
    let copy = scene.copy().await;
    one(&*scene.second, "4", &account).await;
    one(&*scene.first, "5", &account).await;
    scene.restart_with(copy).await;

    learning(&*scene.first, &ids("more", 1), &account).await;
    let second = grants_of(&*scene.second, &["6"], &account).await;
    assert_eq!(second.len(), 1);
    assert_eq!(standing(&*scene.first, &account).await.in_day, 6);
    refused(&*scene.first, &ids("more", 1), &[account]).await;
}
