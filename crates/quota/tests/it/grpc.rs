//! The quota services as generation and the edge meet them: over gRPC, through an in-memory pipe.

use std::{sync::Arc, time::Duration};

use domain::{
    Account, AccountId, CallOutcome, Catalog, Client, ClientId, Failure, FailureKind, LeaseId, Limits,
    ManualClock, PersonGeneration, ProjectId, Provider, RequestId, Resolution, Settlement, Tier, UsageRecord,
    UsageTotal,
    lease::{Acquired, Acquiring, Closing, LeaseRequest, Renewal, Scarcity, Shortage, term},
};
use proto::{
    failure_of,
    transport::Channel,
    v1::{
        self, clients_client::ClientsClient, leases_client::LeasesClient, usage_log_client::UsageLogClient,
    },
};
use quota::{
    ClientEntry, ClientKey, QueueLimits, Quota, Settings, registry,
    store::{Location, Store, open},
};

use crate::scene::{NOON, delivered, seconds};

pub(crate) struct Service {
    pub(crate) quota: Quota,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) async fn service() -> Service {
    let account = Account {
        id: AccountId::new("a").unwrap(),
        provider: Provider::Gemini,
        project: ProjectId::new("p").unwrap(),
        tier: Tier::Pro,
        models: vec![],
        limits: Limits::new(10, 10, 100, 2),
        enabled: true,
    };
    let client = Client::unlimited(ClientId::new("studio").unwrap());
    let settings = Settings {
        accounts: vec![account],
        clients: vec![ClientEntry { client, key: ClientKey::Plain("tsr_the_key".into()) }],
        pepper: "sixteen bytes or more".into(),
        queue: QueueLimits::default(),
    };
    let clock = Arc::new(ManualClock::at(NOON));
    let store = open(&Location::Memory, clock.clone()).await.unwrap();
    let catalog = Arc::new(Catalog::builtin());
    let registry = registry::open(&Location::Memory).await.unwrap();
    let quota = Quota::new(settings, catalog, Arc::clone(&store), registry, clock.clone()).unwrap();
    Service { quota, store, clock }
}

pub(crate) fn serve(quota: &Quota) -> Channel {
    let (channel, incoming) = proto::transport::pipe();
    let server = proto::transport::server().add_routes(quota.routes());
    tokio::spawn(server.serve_with_incoming(incoming));
    channel
}

pub(crate) fn wish(name: &str, count: u32) -> v1::AcquireRequest {
    LeaseRequest {
        ids: (0..count).map(|n| LeaseId::new(format!("{name}/{n}/0")).unwrap()).collect(),
        request: RequestId::new(name).unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        resolution: Resolution::K1,
        excluded: vec![],
        person_generation: PersonGeneration::Allow,
        patience: Duration::ZERO,
        known_fence: None,
    }
    .into()
}

pub(crate) async fn acquire(
    leases: &mut LeasesClient<Channel>,
    wish: v1::AcquireRequest,
) -> Result<Acquired, Failure> {
    let mut answer = leases.acquire(wish).await.map_err(|status| failure_of(&status))?.into_inner();
    let step = answer.message().await.map_err(|status| failure_of(&status))?.expect("an answer");
    match Acquiring::try_from(step)? {
        Acquiring::Answered(acquired) => Ok(acquired),
        Acquiring::Waiting => panic!("an impatient wish waits"),
    }
}

#[tokio::test]
async fn a_lease_lives_its_whole_life_over_grpc() {
    let service = service().await;
    let mut leases = LeasesClient::new(serve(&service.quota));
    let Ok(Acquired::Granted(grants)) = acquire(&mut leases, wish("r", 2)).await else {
        panic!("expected two grants")
    };
    assert_eq!((grants[0].start_within, grants[0].expires_in), (term::START, term::LEASE));
    let full = acquire(&mut leases, wish("s", 1)).await.unwrap();
    let shortage = Shortage::Limited { retry_after: seconds(1), at_most: 2, scarcity: Scarcity::Quota };
    assert_eq!(full, Acquired::Refused(shortage));

    service.clock.advance(term::RENEWAL);
    let (lease_id, fence) = (grants[0].id.to_string(), grants[0].fence.0);
    let renewal = leases.renew(v1::RenewRequest { lease_id, fence }).await.unwrap();
    assert_eq!(Renewal::from(renewal.into_inner()), Renewal::Active { expires_in: term::LEASE });
    let settlement = Settlement { outcome: CallOutcome::Empty, sent_after: Some(seconds(1)) };
    let settle = v1::SettleRequest::new(&grants[0].id, grants[0].fence, settlement);
    for closing in [Closing::Closed, Closing::Duplicate] {
        let answer = leases.settle(settle.clone()).await.unwrap().into_inner();
        assert_eq!(Closing::try_from(answer), Ok(closing));
    }
    let (lease_id, fence) = (grants[1].id.to_string(), grants[1].fence.0);
    let answer = leases.release(v1::ReleaseRequest { lease_id, fence }).await.unwrap().into_inner();
    assert_eq!(Closing::try_from(answer), Ok(Closing::Closed));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_field() {
    let service = service().await;
    let mut leases = LeasesClient::new(serve(&service.quota));
    let nothing = acquire(&mut leases, v1::AcquireRequest::default()).await.unwrap_err();
    assert_eq!(nothing.field.as_deref(), Some("lease_ids"));
    let unknown = v1::AcquireRequest { model: "dall-e-3".into(), ..wish("r", 1) };
    assert_eq!(acquire(&mut leases, unknown).await.unwrap_err().kind, FailureKind::UnknownModel);
    let settled = leases.settle(v1::SettleRequest { lease_id: "r".into(), ..Default::default() }).await;
    assert_eq!(failure_of(&settled.unwrap_err()).field.as_deref(), Some("outcome"));
}

#[tokio::test]
async fn only_a_known_key_opens_and_all_others_are_answered_alike() {
    /// SHA-256 of `tsr_the_key`.
    const KNOWN: &str = "3415c812e204350e9bfa88c8e61e54167788b672ae07344c16902e8d11c44656";
    let service = service().await;
    let mut clients = ClientsClient::new(serve(&service.quota));
    let known: Vec<_> = (0..32).map(|n| u8::from_str_radix(&KNOWN[2 * n..2 * n + 2], 16).unwrap()).collect();
    let answer = clients.authenticate(v1::AuthenticateRequest { key_sha256: known.clone().into() }).await;
    assert_eq!(answer.unwrap().into_inner().client, "studio");
    let mut failures = vec![];
    for key_sha256 in [vec![], vec![0; 32], known[..31].to_vec(), b"tsr_the_key".to_vec()] {
        let request = v1::AuthenticateRequest { key_sha256: key_sha256.into() };
        failures.push(failure_of(&clients.authenticate(request).await.unwrap_err()));
    }
    assert_eq!(failures[0].kind, FailureKind::Unauthenticated);
    failures.dedup();
    assert_eq!(failures.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn expired_leases_are_swept_every_second_until_shutdown() {
    let service = service().await;
    let mut leases = LeasesClient::new(serve(&service.quota));
    acquire(&mut leases, wish("r", 2)).await.unwrap();
    let passes = |time: Duration| service.quota.work_until(tokio::time::sleep(time));
    passes(Duration::from_millis(1_500)).await;
    service.clock.advance(term::LEASE);
    assert_eq!(service.store.expire().await.unwrap().len(), 2, "swept before their time");

    acquire(&mut leases, wish("s", 2)).await.unwrap();
    service.clock.advance(term::LEASE);
    passes(Duration::from_millis(1_500)).await;
    assert_eq!(service.store.expire().await.unwrap().len(), 0, "not swept");
}

#[tokio::test]
async fn what_was_used_is_told_record_by_record_and_in_sums() {
    let service = service().await;
    let mut leases = LeasesClient::new(serve(&service.quota));
    let Ok(Acquired::Granted(grants)) = acquire(&mut leases, wish("r", 2)).await else {
        panic!("expected two grants")
    };
    for (grant, outcome) in grants.iter().zip([delivered(), CallOutcome::Declined]) {
        service.clock.advance(seconds(1));
        let settle = v1::SettleRequest::new(&grant.id, grant.fence, outcome.into());
        leases.settle(settle).await.unwrap();
    }
    let mut log = UsageLogClient::new(serve(&service.quota));
    let asked = |limit, client: &str| {
        let filter = v1::UsageFilter { client: client.into(), ..v1::UsageFilter::default() };
        v1::ListUsageRequest { filter: Some(filter), limit }
    };
    for (limit, client, expected) in
        [(0, "", vec!["declined", "delivered"]), (1, "studio", vec!["declined"]), (0, "another", vec![])]
    {
        let mut records = log.list(asked(limit, client)).await.unwrap().into_inner();
        let mut outcomes = Vec::new();
        while let Some(record) = records.message().await.unwrap() {
            outcomes.push(UsageRecord::try_from(record).unwrap().outcome.as_str());
        }
        assert_eq!(outcomes, expected);
    }
    let totals = log.totals(v1::UsageTotalsRequest::default()).await.unwrap().into_inner().totals;
    let total = UsageTotal::try_from(totals[0].clone()).unwrap();
    assert_eq!((totals.len(), total.sum.calls, total.sum.images), (1, 2, 1));
    let wrong = log.totals(v1::UsageTotalsRequest {
        filter: Some(v1::UsageFilter { account: "two words".into(), ..v1::UsageFilter::default() }),
    });
    assert_eq!(failure_of(&wrong.await.unwrap_err()).field.as_deref(), Some("filter.account"));
}
