use std::{
    collections::HashMap,
    sync::{Mutex, atomic::AtomicU32, atomic::Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    AccountId, CallOutcome, ClientId, Conversation, FailureKind, Fence, GenerationEvent, Grant, ImageCount,
    LeaseId, PersonGeneration, PictureSpec, ProjectId, Provider, QuotaDomain, RequestId, Settlement, Usage,
    lease::{Acquired, Closing, LeaseRequest, Renewal, Scarcity, Shortage, term},
};
use tokio::time::{Instant, sleep, sleep_until};

use super::*;
use crate::upstream::{Call, CallFailure, Drawn, Ending, TiledImage, Upstream};

/// What an account does when it is called.
#[derive(Clone, Copy)]
enum Act {
    Draw,
    /// Draws after so many seconds.
    DrawAfter(u64),
    /// Fails with this, having been sent.
    Fail(FailureKind),
    /// Never gets the call on the wire.
    NeverConnect,
}

/// A provider and a ledger in one, which write down what happens to them.
struct World {
    acts: Vec<(&'static str, Act)>,
    /// The most leases granted together.
    at_most: u32,
    /// How many more leases this minute has; told once that there are too few, callers find a new minute.
    grants_left: AtomicU32,
    /// How many closings and acquisitions fail before one succeeds.
    unavailable: AtomicU32,
    log: Mutex<Vec<String>>,
    /// Accounts that were throttled, and have no quota until [`DRY`] is over.
    throttled: Mutex<Vec<AccountId>>,
}

/// How long a throttled account stays without quota.
const DRY: Duration = Duration::from_hours(16);

impl World {
    fn new(acts: &[(&'static str, Act)]) -> Self {
        Self {
            acts: acts.to_vec(),
            at_most: 10,
            grants_left: AtomicU32::new(100),
            unavailable: AtomicU32::new(0),
            log: Mutex::default(),
            throttled: Mutex::default(),
        }
    }

    /// The account that a lease was granted on.
    fn account_of(&self, lease: &LeaseId) -> AccountId {
        let grant = format!("grant {lease} ");
        let name = self.log().iter().find_map(|line| line.strip_prefix(&grant).map(str::to_owned));
        AccountId::new(name.unwrap()).unwrap()
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn is_down(&self) -> bool {
        self.unavailable.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    fn down() -> Failure {
        Failure::new(FailureKind::Unavailable, "down")
    }
}

#[async_trait]
impl Leases for World {
    async fn acquire(&self, request: LeaseRequest) -> Result<Acquired, Failure> {
        // The answer travels for a while, so that a caller can go away meanwhile.
        sleep(Duration::from_millis(10)).await;
        if self.is_down() {
            return Err(Self::down());
        }
        let free: Vec<_> = (self.acts.iter().map(|(name, _)| AccountId::new(*name).unwrap()))
            .filter(|account| !request.excluded.contains(account))
            .collect();
        let wanted = u32::try_from(request.ids.len()).unwrap();
        let left = self.grants_left.load(Ordering::SeqCst);
        if free.is_empty() {
            return Ok(Acquired::Refused(Shortage::NoAccount));
        }
        let dry = self.throttled.lock().unwrap().clone();
        let free: Vec<_> = free.into_iter().filter(|account| !dry.contains(account)).collect();
        if free.is_empty() {
            return Ok(Acquired::Refused(short(DRY, self.at_most)));
        }
        if wanted > self.at_most || wanted > left {
            self.note(format!("limited {wanted}"));
            if wanted <= self.at_most {
                self.grants_left.store(100, Ordering::SeqCst);
            }
            let retry_after = Duration::from_mins(1);
            return Ok(Acquired::Refused(short(retry_after, self.at_most)));
        }
        self.grants_left.store(left - wanted, Ordering::SeqCst);
        let grant = |(place, id): (usize, LeaseId)| {
            let account = free[place % free.len()].clone();
            self.note(format!("grant {id} {account}"));
            let domain = QuotaDomain {
                provider: Provider::Gemini,
                project: ProjectId::new("p").unwrap(),
                model: request.model.clone(),
            };
            Grant {
                id,
                account,
                domain,
                fence: Fence(7),
                start_within: term::START,
                expires_in: term::LEASE,
                credential: None,
            }
        };
        Ok(Acquired::Granted(request.ids.clone().into_iter().enumerate().map(grant).collect()))
    }

    async fn renew(&self, id: &LeaseId, _: Fence) -> Result<Renewal, Failure> {
        self.note(format!("renew {id}"));
        Ok(Renewal::Active { expires_in: term::LEASE })
    }

    async fn settle(&self, id: &LeaseId, _: Fence, settlement: Settlement) -> Result<Closing, Failure> {
        if self.is_down() {
            return Err(Self::down());
        }
        let outcome = settlement.outcome;
        if let CallOutcome::Throttled { .. } = outcome {
            self.throttled.lock().unwrap().push(self.account_of(id));
        }
        self.note(format!("settle {id} {}", outcome.as_str()));
        Ok(Closing::Closed)
    }

    async fn release(&self, id: &LeaseId, _: Fence) -> Result<Closing, Failure> {
        self.note(format!("release {id}"));
        Ok(Closing::Closed)
    }
}

struct Provided(Arc<World>);

#[async_trait]
impl Upstream for Provided {
    fn encode(&self, _: &GenerationRequest) -> Bytes {
        Bytes::from_static(b"{}")
    }

    async fn draw(&self, call: Call) -> Result<Drawn, CallFailure> {
        let acts: HashMap<_, _> = self.0.acts.iter().copied().collect();
        let act = acts[call.account.as_str()];
        if let Act::NeverConnect = act {
            sleep_until(call.dispatch.start_by()).await;
            assert!(call.dispatch.revoke());
            let failed = CallFailure::unsent(Failure::new(FailureKind::UpstreamOverloaded, "late"), "");
            return Err(CallFailure { ending: Ending::Late, ..failed });
        }
        assert!(call.dispatch.send());
        match act {
            Act::Fail(kind) => {
                let outcome = match kind {
                    FailureKind::QuotaExhausted => {
                        CallOutcome::Throttled { window: None, retry_after: None, revealed: None }
                    }
                    FailureKind::UpstreamRejected => CallOutcome::CredentialRejected,
                    _ => CallOutcome::Ambiguous,
                };
                Err(CallFailure::sent(outcome, Failure::new(kind, "no"), ""))
            }
            Act::DrawAfter(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                Ok(drawn())
            }
            Act::Draw | Act::NeverConnect => Ok(drawn()),
        }
    }
}

fn drawn() -> Drawn {
    let png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01IEND\xae\x42\x60\x82";
    let image = TiledImage::inspect(vec![Bytes::from_static(png)]).unwrap();
    Drawn { image, caption: String::new(), usage: Usage::default() }
}

fn request(count: u64) -> GenerationRequest {
    GenerationRequest {
        id: RequestId::new("r").unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation: Conversation::prompt("a cat").unwrap(),
        spec: PictureSpec { aspect_ratio: "1:1".parse().unwrap(), resolution: "1K".parse().unwrap() },
        count: ImageCount::new(count).unwrap(),
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    }
}

fn generator(world: &Arc<World>) -> Generator {
    let upstream: Arc<dyn Upstream> = Arc::new(Provided(Arc::clone(world)));
    let upstreams = Upstreams::new([(Provider::Gemini, upstream)]);
    let deadline = Duration::from_mins(3);
    Generator::new(3, deadline, Arc::new(Catalog::builtin()), upstreams, Arc::clone(world) as Arc<dyn Leases>)
}

fn short(retry_after: Duration, at_most: u32) -> Shortage {
    Shortage::Limited { retry_after, at_most, scarcity: Scarcity::Quota }
}

/// Pictures that came and failures that were told, once everything is settled.
async fn answer(world: &Arc<World>, count: u64) -> (usize, Vec<FailureKind>) {
    let generator = generator(world);
    let mut events = generator.generate(request(count), None).unwrap();
    let (mut pictures, mut failures) = (0, Vec::new());
    while let Some(event) = events.next().await {
        match event {
            Ok(GenerationEvent::ImageFinished { .. }) => pictures += 1,
            Ok(GenerationEvent::ImageFailed { failure, .. }) | Err(failure) => failures.push(failure.kind),
            Ok(_) => {}
        }
    }
    generator.drain().await;
    (pictures, failures)
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_its_call_lasts_and_settled_after() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(40))]));
    assert_eq!(answer(&world, 1).await, (1, vec![]));
    assert_eq!(world.log(), ["grant r/0/0 a", "renew r/0/0", "renew r/0/0", "settle r/0/0 delivered"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_starts_too_late_gives_its_lease_back_and_takes_another() {
    let world = Arc::new(World::new(&[("a", Act::NeverConnect)]));
    assert_eq!(answer(&world, 1).await, (0, vec![FailureKind::UpstreamOverloaded]));
    let attempts = ["grant r/0/0 a", "release r/0/0", "grant r/0/1 a", "release r/0/1"];
    assert_eq!(world.log(), [&attempts[..], &["grant r/0/2 a", "release r/0/2"]].concat());
}

#[tokio::test(start_paused = true)]
async fn what_was_not_billed_is_tried_on_another_account() {
    let acts = [("a", Act::Fail(FailureKind::QuotaExhausted)), ("b", Act::Draw)];
    let world = Arc::new(World::new(&acts));
    assert_eq!(answer(&world, 1).await, (1, vec![]));
    let log = ["grant r/0/0 a", "settle r/0/0 throttled", "grant r/0/1 b", "settle r/0/1 delivered"];
    assert_eq!(world.log(), log);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_billed_is_never_tried_again() {
    let acts = [("a", Act::Fail(FailureKind::UpstreamTimeout)), ("b", Act::Draw)];
    let world = Arc::new(World::new(&acts));
    assert_eq!(answer(&world, 1).await, (0, vec![FailureKind::UpstreamTimeout]));
    assert_eq!(world.log(), ["grant r/0/0 a", "settle r/0/0 ambiguous"]);
}

#[tokio::test(start_paused = true)]
async fn when_no_account_is_left_the_failure_that_used_them_up_is_told() {
    let world = Arc::new(World::new(&[("a", Act::Fail(FailureKind::UpstreamRejected))]));
    assert_eq!(answer(&world, 1).await, (0, vec![FailureKind::UpstreamRejected]));
}

#[tokio::test(start_paused = true)]
async fn when_the_other_accounts_are_at_a_limit_the_caller_learns_when_to_come_back() {
    let acts = [("a", Act::Fail(FailureKind::UpstreamRejected)), ("b", Act::Draw)];
    let world = Arc::new(World { grants_left: AtomicU32::new(1), ..World::new(&acts) });
    assert_eq!(answer(&world, 1).await, (0, vec![FailureKind::QuotaExhausted]));
}

#[tokio::test(start_paused = true)]
async fn when_the_provider_has_no_quota_left_the_caller_learns_when_it_will() {
    let names = ["a", "b", "c", "d"];
    for (accounts, date) in [(1, Some(DRY)), (2, Some(DRY)), (3, Some(DRY)), (4, None)] {
        let acts: Vec<_> =
            names[..accounts].iter().map(|name| (*name, Act::Fail(FailureKind::QuotaExhausted))).collect();
        let world = Arc::new(World::new(&acts));
        let generator = generator(&world);
        let mut events = generator.generate(request(1), None).unwrap();
        let mut failure = None;
        while let Some(event) = events.next().await {
            failure = event.err();
        }
        generator.drain().await;
        assert_eq!(failure.unwrap().retry_after, date, "{accounts} accounts");
        let log = world.log();
        assert_eq!(log.iter().filter(|line| line.ends_with("throttled")).count(), accounts.min(3));
        // The fourth account is free, and was not used.
        assert_eq!(log.last().unwrap() == "release r/0/3", accounts == 4, "{log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_more_than_there_can_be_is_split_into_batches() {
    let world = Arc::new(World { at_most: 2, ..World::new(&[("a", Act::Draw)]) });
    assert_eq!(answer(&world, 5).await, (5, vec![]));
    let log = world.log();
    assert_eq!(log[0], "limited 5");
    let third = log.iter().position(|line| line.starts_with("grant r/2/0")).unwrap();
    assert!(log[..third].contains(&"settle r/0/0 delivered".to_owned()));
    assert!(log[..third].contains(&"settle r/1/0 delivered".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_later_batch_waits_for_its_turn_while_the_deadline_allows() {
    let acts = [("a", Act::Draw)];
    let world = Arc::new(World { at_most: 2, grants_left: AtomicU32::new(2), ..World::new(&acts) });
    let began = Instant::now();
    assert_eq!(answer(&world, 4).await, (4, vec![]));
    assert!(began.elapsed() >= Duration::from_mins(1));
    let world = Arc::new(World { at_most: 2, grants_left: AtomicU32::new(2), ..World::new(&acts) });
    let generator = generator(&world);
    let mut events = generator.generate(request(4), Some(Duration::from_secs(50))).unwrap();
    let mut failed = Vec::new();
    while let Some(event) = events.next().await {
        if let GenerationEvent::ImageFailed { index, failure } = event.unwrap() {
            assert_eq!(failure.retry_after, Some(Duration::from_mins(1)));
            failed.push(index);
        }
    }
    assert_eq!(failed, [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_settlement_outlasts_a_ledger_that_is_away_for_a_while() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(1))]));
    let generator = generator(&world);
    let mut events = generator.generate(request(1), None).unwrap();
    events.next().await.unwrap().unwrap();
    sleep(Duration::from_millis(500)).await;
    world.unavailable.store(4, Ordering::SeqCst);
    while events.next().await.is_some() {}
    assert!(!world.log().contains(&"settle r/0/0 delivered".to_owned()), "the picture need not wait");
    generator.drain().await;
    assert!(world.log().contains(&"settle r/0/0 delivered".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_picture_leaves_while_its_lease_is_settled_and_the_answer_ends_after() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(1))]));
    let settled = || world.log().contains(&"settle r/0/0 delivered".to_owned());
    for gather in [false, true] {
        let generator = generator(&world);
        let request = GenerationRequest { gather, ..request(1) };
        let mut events = generator.generate(request, None).unwrap();
        events.next().await.unwrap().unwrap();
        sleep(Duration::from_millis(500)).await;
        world.unavailable.store(1, Ordering::SeqCst);
        while !matches!(events.next().await.unwrap().unwrap(), GenerationEvent::ImageFinished { .. }) {}
        assert!(!settled());
        assert!(matches!(events.next().await.unwrap().unwrap(), GenerationEvent::Finished { .. }));
        assert!(settled());
        world.log.lock().unwrap().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_between_ledger_and_us_is_asked_for_again() {
    let world = Arc::new(World { unavailable: AtomicU32::new(1), ..World::new(&[("a", Act::Draw)]) });
    assert_eq!(answer(&world, 1).await, (1, vec![]));
    let world = Arc::new(World { unavailable: AtomicU32::new(2), ..World::new(&[("a", Act::Draw)]) });
    assert_eq!(answer(&world, 1).await, (0, vec![FailureKind::Unavailable]));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_during_the_call_pays_for_it() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(100))]));
    let generator = generator(&world);
    let events = generator.generate(request(2), None).unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(events);
    generator.drain().await;
    let mut log = world.log();
    log.sort();
    assert_eq!(log, ["grant r/0/0 a", "grant r/1/0 a", "settle r/0/0 cancelled", "settle r/1/0 cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_before_anything_is_sent_pays_nothing() {
    let world = Arc::new(World::new(&[("a", Act::NeverConnect)]));
    for millis in [1, 1_000] {
        let generator = generator(&world);
        let events = generator.generate(request(1), None).unwrap();
        sleep(Duration::from_millis(millis)).await;
        drop(events);
        generator.drain().await;
        let log = std::mem::take(&mut *world.log.lock().unwrap());
        assert_eq!(log, ["grant r/0/0 a", "release r/0/0"], "hung up after {millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn no_account_at_all_is_a_failure_of_the_request() {
    assert_eq!(answer(&Arc::new(World::new(&[])), 3).await, (0, vec![FailureKind::NoAccount]));
}
