//! How the view comes to know.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::{sync::broadcast, time::sleep};

use super::*;

/// A store that counts how many candidates it was asked about.
struct Counting {
    store: Arc<dyn Store>,
    asked: AtomicUsize,
    changes: Option<broadcast::Sender<Change>>,
}

#[async_trait]
impl Store for Counting {
    async fn acquire(&self, wish: &store::Wish) -> Result<Acquisition, StoreError> {
        self.store.acquire(wish).await
    }
    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        self.store.renew(id, fence).await
    }
    async fn settle(&self, id: &LeaseId, fence: Fence, how: &Settlement) -> Result<Closing, StoreError> {
        self.store.settle(id, fence, how).await
    }
    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        self.store.release(id, fence).await
    }
    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.store.expire().await
    }
    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        self.asked.fetch_add(candidates.len(), Ordering::SeqCst);
        self.store.standing(candidates).await
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
        self.changes.as_ref().map_or_else(|| self.store.changes(), broadcast::Sender::subscribe)
    }
}

struct Stage {
    store: Arc<Counting>,
    view: Arc<View>,
    registry: Arc<MemoryRegistry>,
}

/// A view of so many accounts that follows its store, which may tell only what a test lets it tell.
async fn stage(accounts: usize, changes: Option<broadcast::Sender<Change>>) -> Stage {
    let clock = Arc::new(ManualClock::at(NOON));
    let inner = store::open(&Location::Memory, clock.clone()).await.unwrap();
    let store = Arc::new(Counting { store: inner, asked: AtomicUsize::new(0), changes });
    let catalog = Arc::new(Catalog::builtin());
    let registry = Arc::new(MemoryRegistry::new());
    let account = |n| account(&format!("a{n}"), &format!("p{n}"), Tier::Pro);
    let settings = Settings {
        accounts: (0..accounts).map(account).collect(),
        clients: vec![],
        pepper: "sixteen bytes or more".into(),
        queue: QueueLimits::default(),
    };
    let roster = Arc::new(Roster::new(settings, Arc::clone(&catalog), registry.clone()).unwrap());
    let view = View::new(roster, catalog, store.clone(), clock, Arc::new(Even));
    let view = Arc::new(view);
    let following = Arc::clone(&view);
    tokio::spawn(async move { following.follow().await });
    sleep(Duration::from_millis(100)).await;
    store.asked.store(0, Ordering::SeqCst);
    Stage { store, view, registry }
}

impl Stage {
    /// Somebody else takes leases on an account.
    async fn take(&self, account: &str, leases: usize) -> Vec<Lease> {
        let account = AccountId::new(account).unwrap();
        let candidate = self.of(&account, |member| member.candidate.clone());
        let wish = store::Wish {
            ids: (0..leases).map(|n| LeaseId::new(format!("{account}/{n}")).unwrap()).collect(),
            candidates: vec![candidate],
            request: RequestId::new("r").unwrap(),
            client: Client::unlimited(ClientId::new("c").unwrap()),
            rate: Catalog::builtin().default_model().rate(Resolution::K1).unwrap(),
            known_fence: None,
        };
        match self.store.acquire(&wish).await.unwrap() {
            Acquisition::Granted { leases, .. } => leases,
            refused => panic!("{refused:?}"),
        }
    }

    fn of<T>(&self, account: &AccountId, read: impl Fn(&place::Member) -> T) -> T {
        read(self.view.board().field(MODEL).unwrap().member(account).unwrap())
    }

    fn in_flight(&self, account: &str) -> u32 {
        self.of(&AccountId::new(account).unwrap(), |member| member.standing.unwrap().in_flight)
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_in_the_store_is_in_view_at_once_and_nothing_else_is_asked_about() {
    let stage = stage(200, None).await;
    let leases = stage.take("a7", 3).await;
    sleep(Duration::from_millis(20)).await;
    assert_eq!(stage.in_flight("a7"), 3);
    assert_eq!(stage.store.asked.load(Ordering::SeqCst), 1);
    let outcome = CallOutcome::CredentialRejected.into();
    stage.store.settle(&leases[0].id, leases[0].fence, &outcome).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    assert_eq!(stage.in_flight("a7"), 2);
    let models = Catalog::builtin().models().len();
    assert!(stage.store.asked.load(Ordering::SeqCst) <= 2 + models);
}

#[tokio::test(start_paused = true)]
async fn where_changes_were_missed_everything_is_asked_about() {
    let changes = broadcast::Sender::new(2);
    let stage = stage(5, Some(changes.clone())).await;
    stage.take("a3", 1).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(stage.in_flight("a3"), 0, "nobody told");
    for _ in 0..5 {
        changes.send(Change::Scope(store::Scope::Account(AccountId::new("a0").unwrap()))).unwrap();
    }
    sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.in_flight("a3"), 1);
}

#[tokio::test(start_paused = true)]
async fn accounts_that_the_operator_changes_are_in_view_at_once() {
    let stage = stage(2, None).await;
    stage.take("a1", 1).await;
    let added = RegisteredAccount { account: account("a2", "p2", Tier::Pro), sealed: "sealed".into() };
    stage.registry.change(0, registry::Change::AddAccount(added)).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    assert_eq!((stage.in_flight("a1"), stage.in_flight("a2")), (1, 0));
    let disabled = AccountId::new("a1").unwrap();
    stage.registry.change(1, registry::Change::DisableAccount(disabled)).await.unwrap();
    let choice = stage.view.choose(MODEL, ANY).await.unwrap();
    let accounts: Vec<_> = choice.candidates.iter().map(|candidate| candidate.account.as_str()).collect();
    assert_eq!(accounts, ["a0", "a2"]);
}
