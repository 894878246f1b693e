//! Claims about the broker over a store in memory, with time that passes only when all else rests.

mod answers;
mod stale;
mod waiting;
mod watched;

use super::*;
use crate::{
    Settings,
    chance::Even,
    registry::MemoryRegistry,
    store::{self, Acquisition, Candidate, Location, Wish},
};
use domain::{
    Account, AccountId, CallOutcome, Client, ClientId, Clock, Grant, Limits, PersonGeneration, ProjectId,
    Provider, RequestId, Tier, Timestamp, Usage,
};

/// Noon Pacific time: half a day is left.
const NOON: Timestamp = Timestamp::from_millis(1_800_043_200_000);
const MODEL: &str = "gemini-3-pro-image";

fn account(id: &str, project: &str, concurrent: u32) -> Account {
    Account {
        id: AccountId::new(id).unwrap(),
        provider: Provider::Gemini,
        project: ProjectId::new(project).unwrap(),
        tier: Tier::Pro,
        models: vec![],
        limits: Limits::new(10, 10, 100, concurrent),
        enabled: true,
    }
}

/// A clock by which as much time passes as for tokio.
struct Passing(Instant);

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        NOON + self.0.elapsed()
    }
}

fn broker(accounts: Vec<Account>, store: Arc<dyn Store>, queue: QueueLimits) -> Arc<Broker> {
    let catalog = Arc::new(Catalog::builtin());
    let settings = Settings { accounts, clients: vec![], pepper: "sixteen bytes or more".into(), queue };
    let registry = Arc::new(MemoryRegistry::new());
    let roster = Arc::new(Roster::new(settings, Arc::clone(&catalog), registry).unwrap());
    let (kept, clock) = (Arc::clone(&store), Arc::new(Passing(Instant::now())));
    let view = View::new(Arc::clone(&roster), Arc::clone(&catalog), kept, clock, Arc::new(Even));
    Arc::new(Broker::new(Arc::new(view), roster, catalog, store, queue))
}

async fn over_memory(accounts: Vec<Account>) -> Arc<Broker> {
    let store = store::open(&Location::Memory, Arc::new(Passing(Instant::now()))).await.unwrap();
    broker(accounts, store, QueueLimits::default())
}

/// Has a broker keep up with its store and attend to those that wait.
fn attended(broker: Arc<Broker>) -> Arc<Broker> {
    let attending = Arc::clone(&broker);
    tokio::spawn(async move { tokio::join!(attending.view.follow(), attending.attend()) });
    broker
}

fn wish(name: &str, count: u32) -> LeaseRequest {
    LeaseRequest {
        ids: (0..count).map(|picture| LeaseId::new(format!("{name}/{picture}/0")).unwrap()).collect(),
        request: RequestId::new(name).unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: MODEL.into(),
        resolution: Resolution::K1,
        excluded: vec![],
        person_generation: PersonGeneration::Allow,
        patience: Duration::ZERO,
        known_fence: None,
    }
}

fn without(request: LeaseRequest, excluded: &[&str]) -> LeaseRequest {
    LeaseRequest { excluded: excluded.iter().map(|id| AccountId::new(*id).unwrap()).collect(), ..request }
}

/// What is answered at once.
async fn ask(broker: &Arc<Broker>, request: LeaseRequest) -> Result<Acquired, Failure> {
    match broker.acquire(request).await? {
        Begun::Answered(acquired) => Ok(acquired),
        Begun::Waiting(_) => panic!("it waits"),
    }
}

fn granted(acquired: Acquired) -> Vec<Grant> {
    match acquired {
        Acquired::Granted(grants) => grants,
        Acquired::Refused(shortage) => panic!("refused: {shortage:?}"),
    }
}

fn accounts_of(acquired: Acquired) -> Vec<String> {
    granted(acquired).into_iter().map(|grant| grant.account.to_string()).collect()
}

fn delivered() -> CallOutcome {
    CallOutcome::Delivered { images: 1, usage: Usage::default() }
}

async fn settle(broker: &Broker, grant: &Grant, outcome: CallOutcome) {
    broker.settle(&grant.id, grant.fence, &outcome.into()).await.unwrap();
}

/// Somebody else takes leases on an account, behind the broker's back if nobody keeps it up to date.
async fn take_elsewhere(broker: &Broker, account: &Account, leases: u32) {
    let candidate = Candidate {
        account: account.id.clone(),
        domain: domain::QuotaDomain {
            provider: account.provider,
            project: account.project.clone(),
            model: MODEL.into(),
        },
        limits: account.limits,
    };
    let wish = Wish {
        ids: wish(&format!("elsewhere-{}", account.id), leases).ids,
        candidates: vec![candidate],
        request: RequestId::new("elsewhere").unwrap(),
        client: Client::unlimited(ClientId::new("elsewhere").unwrap()),
        rate: broker.catalog.default_model().rate(Resolution::K1).unwrap(),
        known_fence: None,
    };
    assert!(matches!(broker.store.acquire(&wish).await.unwrap(), Acquisition::Granted { .. }));
}
