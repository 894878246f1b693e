//! Claims about choosing, on what a view knows, and about how it comes to know.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::{
    Account, AccountId, CallOutcome, Client, ClientId, Fence, LeaseId, Limits, ManualClock, PersonGeneration,
    ProjectId, Provider, RequestId, Resolution, Settlement, Tier, Timestamp, UsageFilter, UsageTotal,
    lease::{Closing, Renewal, term},
};
use tokio::{sync::broadcast, time::sleep};

use super::{field::Field, *};
use crate::{
    QueueLimits, Settings,
    chance::{Dice, Even},
    registry::{self, MemoryRegistry, RegisteredAccount, Registry as _},
    store::{
        self, Acquisition, Change, Cooling, CoolingReason, Location, MOST_CANDIDATES, Standing, StoreError,
        Survey, UsageCursor, UsagePage,
    },
};

/// Noon Pacific time: half a day is left.
const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);
const MODEL: &str = "gemini-3-pro-image";

fn account(id: &str, project: &str, tier: Tier) -> Account {
    Account {
        id: AccountId::new(id).unwrap(),
        provider: Provider::Gemini,
        project: ProjectId::new(project).unwrap(),
        tier,
        models: vec![],
        limits: Limits::new(10, 10, 100, 10),
        enabled: true,
    }
}

/// An account of its own project that stands as usual, but for this.
fn standing(id: &str, change: impl Fn(&mut Standing)) -> (Account, Standing) {
    of_project(id, id, change)
}

fn of_project(id: &str, project: &str, change: impl Fn(&mut Standing)) -> (Account, Standing) {
    let mut standing = Standing { free_at: NOON, steady_until: NOON, ..Standing::default() };
    change(&mut standing);
    (account(id, project, Tier::Pro), standing)
}

fn of_tier(id: &str, tier: Tier) -> (Account, Standing) {
    let (account, standing) = standing(id, |_| {});
    (Account { tier, ..account }, standing)
}

/// A field that knows these accounts.
fn field(accounts: &[(Account, Standing)]) -> Field {
    let catalog = Catalog::builtin();
    let (owned, standings): (Vec<_>, _) = accounts.iter().cloned().unzip();
    let moment = Moment::of(NOON);
    let mut field = Field::new(catalog.find(MODEL).unwrap(), owned.iter(), &Field::default(), moment, 1);
    let candidates: Vec<_> =
        owned.iter().map(|account| field.member(&account.id).unwrap().candidate.clone()).collect();
    field.tell(&candidates, &Survey { now: NOON, standings }, 2);
    field
}

const ANY: Wish<'_> =
    Wish { resolution: Resolution::K1, person_generation: PersonGeneration::Allow, excluded: &[] };

fn chosen(field: &mut Field, wish: Wish<'_>, now: Timestamp) -> Vec<String> {
    let choice = field.choose(wish, Moment::of(now), &Even);
    choice.candidates.into_iter().map(|candidate| candidate.account.to_string()).collect()
}

fn chosen_of(accounts: &[(Account, Standing)]) -> Vec<String> {
    chosen(&mut field(accounts), ANY, NOON)
}

#[test]
fn those_whose_days_quota_would_be_lost_go_first() {
    let accounts =
        [standing("half", |s| s.in_day = 50), standing("little", |s| s.in_day = 90), standing("all", |_| {})];
    assert_eq!(chosen_of(&accounts), ["all", "half", "little"]);
}

#[test]
fn the_cheapest_tier_serves_and_ultra_is_kept_for_4k() {
    let accounts = [of_tier("ultra", Tier::Ultra), of_tier("pro", Tier::Pro), of_tier("free", Tier::Free)];
    let mut field = field(&accounts);
    for resolution in [Resolution::P512, Resolution::K1, Resolution::K2] {
        let wish = Wish { resolution, ..ANY };
        assert_eq!(chosen(&mut field, wish, NOON), ["free", "pro", "ultra"]);
    }
    let wish = Wish { resolution: Resolution::K4, ..ANY };
    assert_eq!(chosen(&mut field, wish, NOON), ["ultra", "pro", "free"]);
}

#[test]
fn where_people_are_denied_accounts_that_can_be_told_so_come_first_if_they_have_room() {
    let vertex = |id, free_at| {
        let (account, standing) = standing(id, |s| (s.in_minute, s.free_at) = (9, free_at));
        (Account { provider: Provider::Vertex, ..account }, standing)
    };
    let accounts = [
        standing("gemini", |_| {}),
        vertex("vertex", NOON),
        vertex("waiting", NOON + Duration::from_secs(1)),
    ];
    let mut field = field(&accounts);
    let wish = Wish { person_generation: PersonGeneration::Deny, ..ANY };
    assert_eq!(chosen(&mut field, wish, NOON), ["vertex", "gemini", "waiting"]);
    assert_eq!(chosen(&mut field, ANY, NOON), ["gemini", "vertex", "waiting"]);
}

#[test]
fn every_domain_comes_before_any_domains_second_account_and_accounts_take_turns() {
    let accounts = [
        of_project("a1", "p", |s| s.last_used = Some(Fence(9))),
        of_project("a2", "p", |s| s.last_used = Some(Fence(3))),
        of_project("b1", "q", |s| s.in_minute = 9),
        of_project("b2", "q", |s| (s.in_minute, s.last_used) = (9, Some(Fence(1)))),
    ];
    assert_eq!(chosen_of(&accounts), ["a2", "b1", "a1", "b2"]);
}

#[test]
fn an_account_that_rests_leaves_its_domain_to_the_others() {
    let rests = Cooling { until: NOON + term::LEASE, reason: CoolingReason::CredentialRejected };
    let accounts = [
        of_project("refused", "p", |s| (s.cooling, s.free_at) = (Some(rests), rests.until)),
        of_project("good", "p", |s| s.last_used = Some(Fence(9))),
    ];
    assert_eq!(chosen_of(&accounts), ["good", "refused"]);
}

#[test]
fn only_enabled_allowed_and_not_excluded_accounts_are_chosen() {
    let with = |id, change: fn(&mut Account)| {
        let (mut account, standing) = standing(id, |_| {});
        change(&mut account);
        (account, standing)
    };
    let accounts = [
        with("disabled", |account| account.enabled = false),
        with("other", |account| account.models = vec!["gemini-3.1-flash-image".into()]),
        with("nothing", |account| account.limits = Limits::new(0, 1, 1, 1)),
        with("listed", |account| account.models = vec![MODEL.into()]),
        with("failed", |_| {}),
    ];
    let owned: Vec<_> = accounts.iter().map(|(account, _)| account.clone()).collect();
    let catalog = Catalog::builtin();
    let mut field =
        Field::new(catalog.find(MODEL).unwrap(), owned.iter(), &Field::default(), Moment::of(NOON), 1);
    let members: Vec<_> = field.members().map(|member| member.candidate.clone()).collect();
    let standings = vec![accounts[0].1; members.len()];
    field.tell(&members, &Survey { now: NOON, standings }, 2);
    let excluded = [AccountId::new("failed").unwrap()];
    assert_eq!(chosen(&mut field, Wish { excluded: &excluded, ..ANY }, NOON), ["listed"]);
    assert!(field.member(&owned[0].id).is_some(), "one that is disabled is not shown");
}

#[test]
fn those_without_room_come_last_by_when_they_will_have_some_and_have_it_when_the_time_has_come() {
    let at = |seconds| NOON + Duration::from_secs(seconds);
    let accounts = [
        standing("later", |s| s.free_at = at(9)),
        standing("soon", |s| s.free_at = at(1)),
        standing("busy", |s| s.in_minute = 9),
    ];
    let mut field = field(&accounts);
    assert_eq!(chosen(&mut field, ANY, NOON), ["busy", "soon", "later"]);
    assert_eq!(field.opens_at(), Some(at(1)));
    assert_eq!(chosen(&mut field, ANY, at(1)), ["soon", "busy", "later"]);
    assert_eq!(field.opens_at(), Some(at(9)));
}

#[test]
fn what_was_granted_counts_before_the_store_tells_of_it() {
    let mut field = field(&[standing("a", |s| s.in_flight = 8), standing("b", |s| s.in_minute = 9)]);
    assert_eq!(chosen(&mut field, ANY, NOON), ["a", "b"]);
    let domain = field.member(&AccountId::new("a").unwrap()).unwrap().candidate.domain.clone();
    let lease = |n: u64| Lease {
        id: LeaseId::new(n.to_string()).unwrap(),
        account: AccountId::new("a").unwrap(),
        domain: domain.clone(),
        fence: Fence(n),
        start_by: NOON,
        expires_at: NOON,
    };
    field.charge(&[lease(1)], Moment::of(NOON));
    assert!(field.has_room(2, Moment::of(NOON)));
    field.charge(&[lease(2)], Moment::of(NOON));
    assert_eq!(chosen(&mut field, ANY, NOON), ["b", "a"]);
    assert!(!field.has_room(2, Moment::of(NOON)));
}

#[test]
fn waiting_is_no_remedy_where_the_provider_refuses_every_account() {
    let refused = |id, reason| {
        let cooling = Cooling { until: NOON + term::LEASE, reason };
        standing(id, move |s| (s.cooling, s.free_at) = (Some(cooling), cooling.until))
    };
    let [key, access] = [CoolingReason::CredentialRejected, CoolingReason::Forbidden];
    let shut_out = |accounts: &[_], wish| field(accounts).choose(wish, Moment::of(NOON), &Even).shut_out;
    assert!(shut_out(&[refused("a", key), refused("b", access)], ANY));
    let one_rests = [refused("a", key), refused("b", CoolingReason::Throttled)];
    assert!(!shut_out(&one_rests, ANY));
    let excluded = [AccountId::new("b").unwrap()];
    assert!(shut_out(&one_rests, Wish { excluded: &excluded, ..ANY }));
}

#[test]
fn services_that_choose_at_the_same_moment_do_not_all_choose_the_same() {
    let accounts: Vec<_> = (0..1_000).map(|n| standing(&format!("a{n}"), |_| {})).collect();
    let mut field = field(&accounts);
    let mut firsts = std::collections::HashSet::new();
    for _ in 0..100 {
        let choice = field.choose(ANY, Moment::of(NOON), &Dice::new());
        assert_eq!(choice.candidates.len(), MOST_CANDIDATES);
        firsts.insert(choice.candidates[0].account.clone());
    }
    assert!(firsts.len() >= MOST_CANDIDATES, "only {} were ever first", firsts.len());
}

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
