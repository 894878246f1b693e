//! Random histories: whatever is asked of a store, in whatever order, it does what the model says.

use std::{sync::Arc, time::Duration};

use domain::{
    CallOutcome, Client, ClientId, ClientLimit, ClientLimits, Fence, LeaseId, Limits, ManualClock, RequestId,
    Settlement, Timestamp, Usage,
    lease::{Closing, Renewal, Window},
};
use proptest::{collection::vec, prelude::*, sample::subsequence, test_runner::TestRunner};
use quota::store::{Acquisition, Candidate, Location, RedisLocation, Store, Wish, open};
use tempfile::TempDir;

use crate::{
    model::{Expected, Model, Word},
    redis_server,
    scene::{MIDNIGHT, candidate_for, delivered, id, millis, seconds, throttled, wish},
};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Acquire { ids: Vec<usize>, candidates: Vec<Candidate>, patron: usize, request: usize },
    Renew(Named),
    Settle(Named, Settlement),
    Release(Named),
    Expire,
    Advance(Duration),
    SetBack(Duration),
    Crash,
}

/// Which lease is meant, and whether it is named with a fence that is not its own.
#[derive(Debug, Clone)]
struct Named {
    number: usize,
    /// Whether the number counts the active leases rather than all ids.
    active: bool,
    stale: bool,
}

/// How many lease ids there are; few, so that they meet again.
const IDS: usize = 40;

/// Two projects, one of them with two accounts, and two models; every limit binds somewhere.
fn everyone() -> Vec<Candidate> {
    let mut everyone = vec![];
    for (model, wide, narrow) in [
        ("pro", Limits::new(4, 9, 9, 3), Limits::new(9, 3, 12, 2)),
        ("flash", Limits::new(3, 5, 5, 9), Limits::new(6, 6, 2, 2)),
    ] {
        everyone.push(candidate_for(model, "a", "p", wide));
        everyone.push(candidate_for(model, "b", "p", wide));
        everyone.push(candidate_for(model, "c", "q", narrow));
    }
    everyone
}

/// One client that may do anything, and two of which every limit binds somewhere.
fn clients() -> Vec<Client> {
    let client = |id: &str, limits| Client { id: ClientId::new(id).unwrap(), limits };
    let price = 134_000;
    vec![
        client("studio", ClientLimits::NONE),
        client(
            "press",
            ClientLimits { requests_per_minute: Some(2), images_per_day: Some(7), ..ClientLimits::NONE },
        ),
        client(
            "agency",
            ClientLimits {
                requests_per_minute: Some(3),
                spend_per_day_micro_usd: Some(9 * price),
                concurrent: Some(3),
                ..ClientLimits::NONE
            },
        ),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let ids = subsequence((0..IDS).collect::<Vec<_>>(), 1..=4).prop_shuffle();
    let candidates = (0..2usize, subsequence(vec![0usize, 1, 2], 1..=3).prop_shuffle());
    let candidates = candidates.prop_map(|(model, picked)| {
        picked.into_iter().map(|account| everyone().swap_remove(model * 3 + account)).collect()
    });
    prop_oneof![
        12 => (ids, candidates, 0..3usize, 0..9usize).prop_map(|(ids, candidates, patron, request)| {
            Step::Acquire { ids, candidates, patron, request }
        }),
        3 => named().prop_map(Step::Renew),
        8 => (named(), settlement()).prop_map(|(named, settlement)| Step::Settle(named, settlement)),
        2 => named().prop_map(Step::Release),
        3 => Just(Step::Expire),
        8 => pause().prop_map(Step::Advance),
        1 => pause().prop_map(Step::SetBack),
        1 => Just(Step::Crash),
    ]
}

fn named() -> impl Strategy<Value = Named> {
    let whether = prop::bool::weighted;
    (0..IDS, whether(0.7), whether(0.1)).prop_map(|(number, active, stale)| Named { number, active, stale })
}

fn settlement() -> impl Strategy<Value = Settlement> {
    let sent_after = prop_oneof![Just(None), (0..3_500u64).prop_map(|after| Some(millis(after)))];
    (outcome(), sent_after).prop_map(|(outcome, sent_after)| Settlement { outcome, sent_after })
}

fn outcome() -> impl Strategy<Value = CallOutcome> {
    let wait = prop_oneof![Just(None), (0..90u64).prop_map(|wait| Some(seconds(wait)))];
    let window = prop_oneof![Just(None), Just(Some(Window::Minute))];
    prop_oneof![
        5 => Just(delivered()),
        2 => (0..3u32, 0..3_000u64).prop_map(|(images, output_image_tokens)| CallOutcome::Delivered {
            images,
            usage: Usage { output_image_tokens, ..Usage::default() },
        }),
        1 => Just(CallOutcome::Declined),
        1 => Just(CallOutcome::Rejected),
        1 => Just(CallOutcome::Ambiguous),
        3 => (window, wait).prop_map(|(window, wait)| throttled(window, wait)),
        3 => Just(throttled(None, None)),
        1 => Just(throttled(Some(Window::Day), Some(Duration::ZERO))),
        1 => Just(CallOutcome::Overloaded),
        1 => Just(CallOutcome::CredentialRejected),
        1 => Just(CallOutcome::BillingClosed),
        1 => Just(CallOutcome::Forbidden),
        4 => Just(CallOutcome::Transient),
    ]
}

fn pause() -> impl Strategy<Value = Duration> {
    let millis = prop_oneof![
        4 => 0..3_000u64,
        6 => 3_000..40_000u64,
        1 => 40_000..70_000u64,
        2 => 70_000..1_200_000u64,
        1 => 1_200_000..40_000_000u64,
        // The edges of windows and terms, to the millisecond.
        2 => prop::sample::select(vec![1, 2_000, 5_000, 45_000, 44_999, 60_000, 59_999, 63_000, 62_999]),
    ];
    millis.prop_map(Duration::from_millis)
}

/// A store, the clock it goes by, and the model that judges it.
struct Trial {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    model: Model,
    home: Home,
}

/// Where the ledger is.
enum Home {
    Memory,
    /// In a file of this directory.
    File(TempDir),
    Redis(RedisLocation),
}

impl Home {
    fn location(&self) -> Location {
        match self {
            Self::Memory => Location::Memory,
            Self::File(directory) => Location::Embedded(ledger(directory)),
            Self::Redis(location) => Location::Redis(location.clone()),
        }
    }
}

impl Trial {
    async fn new(home: Home) -> Self {
        let clock = Arc::new(ManualClock::at(MIDNIGHT - seconds(100)));
        let store = open(&home.location(), clock.clone()).await.unwrap();
        Self { store, clock, model: Model::default(), home }
    }

    async fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.take(step).await;
            self.compare().await;
        }
        for candidate in everyone() {
            self.model.no_minute_at_the_provider_holds_more_than_is_allowed(&candidate);
        }
    }

    async fn take(&mut self, step: Step) {
        self.model.tick(self.now());
        match step {
            Step::Acquire { ids, candidates, patron, request } => {
                let ids: Vec<_> = ids.iter().map(id).collect();
                let request = RequestId::new(format!("request-{request}")).unwrap();
                let client = clients().swap_remove(patron);
                self.acquire(&Wish { client, request, ..wish(&ids, &candidates) }).await;
            }
            Step::Renew(named) => self.renew(&named).await,
            Step::Settle(named, settlement) => self.close(&named, Some(settlement)).await,
            Step::Release(named) => self.close(&named, None).await,
            Step::Expire => {
                let expired = self.store.expire().await.unwrap();
                let mut expired: Vec<_> = expired.into_iter().map(|lease| lease.id).collect();
                expired.sort();
                assert_eq!(expired, self.model.sweep());
            }
            Step::Advance(time) => self.clock.advance(time),
            Step::SetBack(time) => self.clock.set(self.now() - time),
            Step::Crash => self.crash().await,
        }
    }

    async fn acquire(&mut self, wish: &Wish) {
        let Wish { ids, candidates, .. } = wish;
        let expected = self.model.expect(wish);
        let answer = self.store.acquire(wish).await.unwrap();
        match (expected, answer) {
            (Expected::Again(known), Acquisition::Granted { leases, .. }) => assert_eq!(leases, known),
            (Expected::On(candidates), Acquisition::Granted { leases, now }) => {
                assert_eq!(now.as_millis(), self.model.now);
                for ((lease, candidate), id) in leases.iter().zip(&candidates).zip(ids) {
                    assert_eq!((&lease.account, &lease.domain), (&candidate.account, &candidate.domain));
                    assert_eq!(lease.id, *id);
                    assert!(self.model.held.iter().all(|held| held.fence < lease.fence), "a fence fell");
                    self.model.grant(lease, candidate, wish);
                }
                assert_eq!(leases.len(), ids.len());
            }
            (Expected::Limited, Acquisition::Limited { retry_after, at_most, .. }) => {
                let wish = u32::try_from(ids.len()).unwrap();
                assert_eq!(at_most, self.model.at_most(candidates, wish));
                self.honest(candidates, wish, at_most, retry_after);
            }
            (Expected::ClientLimited, Acquisition::ClientLimited { limit, retry_after }) => {
                self.honest_with_client(wish, limit, retry_after);
            }
            (Expected::Mixed, Acquisition::Mixed { known }) => assert!(self.model.known(&known).is_some()),
            (expected, answer) => panic!("expected {expected:?}, got {answer:?}"),
        }
    }

    /// A hint is right when nothing fits before it, and something can fit then: surely where it is short,
    /// and where it is long provided that calls in flight end before.
    fn honest(&self, candidates: &[Candidate], wish: u32, at_most: u32, retry_after: Duration) {
        let retry_at = self.model.now + u64::try_from(retry_after.as_millis()).unwrap();
        let fit = wish.min(at_most);
        let fits = |at, whatever_flies| self.model.fits(candidates, wish, fit, at, whatever_flies);
        if retry_after.is_zero() {
            return assert!(fits(retry_at, false));
        }
        assert!(fits(retry_at, true), "nothing can fit at {retry_at}");
        assert!(!fits(retry_at - 1, false), "it fits before {retry_at}");
        if retry_after > seconds(1) {
            assert!(!fits(retry_at - 1, true), "it can fit before {retry_at}");
        } else if retry_after < seconds(1) {
            assert!(fits(retry_at, false), "it does not fit at {retry_at}");
        }
    }

    /// The same for a client's limit, and it can never fit only where the wish alone is too large.
    fn honest_with_client(&self, wish: &Wish, limit: ClientLimit, retry_after: Option<Duration>) {
        let now = self.model.now;
        let beyond = |limit, at, whatever_flies| self.model.is_beyond(limit, wish, at, whatever_flies);
        let fits =
            |at, whatever_flies| !ClientLimit::ALL.iter().any(|limit| beyond(*limit, at, whatever_flies));
        assert!(beyond(limit, now, false), "{limit} is not in the way");
        assert_eq!(retry_after.is_none(), Model::is_alone_beyond(wish), "{limit}");
        let Some(retry_after) = retry_after else { return };
        let retry_at = now + u64::try_from(retry_after.as_millis()).unwrap();
        assert!(fits(retry_at, true), "nothing can fit at {retry_at}");
        assert!(!fits(retry_at - 1, false), "it fits before {retry_at}");
        if retry_after > seconds(1) {
            assert!(!fits(retry_at - 1, true), "it can fit before {retry_at}");
        }
    }

    async fn renew(&mut self, named: &Named) {
        let (id, fence) = self.find(named);
        let expected = match self.model.renew(&id, fence) {
            Some(left) => Renewal::Active { expires_in: Duration::from_millis(left) },
            None => Renewal::Ended,
        };
        assert_eq!(self.store.renew(&id, fence).await, Ok(expected));
    }

    async fn close(&mut self, named: &Named, settlement: Option<Settlement>) {
        let (id, fence) = self.find(named);
        let closing = match &settlement {
            Some(settlement) => self.store.settle(&id, fence, settlement).await,
            None => self.store.release(&id, fence).await,
        };
        let word = match closing.unwrap() {
            Closing::Closed => Word::Closed,
            Closing::Duplicate => Word::Duplicate,
            Closing::Conflict => Word::Conflict,
            Closing::Late => Word::Late,
            Closing::Fenced => Word::Fenced,
            Closing::Unknown => Word::Unknown,
        };
        assert_eq!(word, self.model.close(&id, fence, settlement));
    }

    /// Goes on with what is on the disk at this moment, as if the process had been killed; or in Redis with what another
    /// process finds there, scripts excepted.
    async fn crash(&mut self) {
        match &self.home {
            Home::Memory => return,
            Home::File(directory) => {
                let next = tempfile::tempdir().unwrap();
                for file in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
                    std::fs::copy(file.path(), next.path().join(file.file_name())).unwrap();
                }
                self.home = Home::File(next);
            }
            Home::Redis(_) => {
                let mut connection = redis_server::shared().connection().await;
                let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut connection).await.unwrap();
            }
        }
        self.store = open(&self.home.location(), self.clock.clone()).await.unwrap();
        // What was only looked at need not be remembered, so its time may be taken back; no other may.
        let now = self.store.standing(&[]).await.unwrap().now.as_millis();
        assert!(self.model.lasting <= now && self.now().as_millis() <= now && now <= self.model.now);
        self.model.now = now;
    }

    async fn compare(&mut self) {
        self.model.tick(self.now());
        let everyone = everyone();
        let survey = self.store.standing(&everyone).await.unwrap();
        assert_eq!(survey.now.as_millis(), self.model.now);
        for (candidate, standing) in everyone.iter().zip(&survey.standings) {
            self.model.agrees(candidate, standing);
        }
    }

    fn now(&self) -> Timestamp {
        domain::Clock::now(&*self.clock)
    }

    fn find(&self, named: &Named) -> (LeaseId, Fence) {
        let active = self.model.active();
        let id = if named.active && !active.is_empty() {
            active[named.number % active.len()].clone()
        } else {
            id(named.number)
        };
        let fence = self.model.known(&id).map_or(Fence(7), |held| held.fence);
        (id, if named.stale { Fence(fence.0 - 1) } else { fence })
    }
}

fn ledger(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("ledger.redb")
}

fn histories(cases: u32, home: impl Fn() -> Home) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = TestRunner::new(config).run(&vec(step(), 1..120), |steps| {
        runtime.block_on(async { Trial::new(home()).await.run(steps).await });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn the_memory_store_does_what_the_model_says_through_any_history() {
    histories(400, || Home::Memory);
}

#[test]
fn the_embedded_store_does_what_the_model_says_through_any_history_of_crashes() {
    histories(60, || Home::File(tempfile::tempdir().unwrap()));
}

#[test]
fn the_redis_store_does_what_the_model_says_through_any_history_of_restarted_services() {
    histories(60, || Home::Redis(redis_server::place()));
}
