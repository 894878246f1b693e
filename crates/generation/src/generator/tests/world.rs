//! A provider and a ledger in one, which write down what happens to them.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    AccountId, CallOutcome, FailureKind, Fence, Grant, LeaseId, ProjectId, Provider, QuotaDomain, Settlement,
    Usage,
    lease::{Acquired, Acquiring, Closing, LeaseRequest, Renewal, Scarcity, Shortage, term},
};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::{
    leases::{Hearing, Leases},
    upstream::{Call, CallFailure, Drawn, Ending, TiledImage, Upstream},
};

/// What an account does when it is called.
#[derive(Clone, Copy)]
pub(super) enum Act {
    Draw,
    /// Draws after so many seconds.
    DrawAfter(u64),
    /// Fails, having been sent.
    Fail(Fault),
    /// Never gets the call on the wire.
    NeverConnect,
}

/// How a call fails that was sent.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Throttled,
    Refused,
    Transient,
    Overloaded,
    Unknown,
}

pub(super) struct World {
    pub(super) acts: Vec<(&'static str, Act)>,
    /// The most leases granted together.
    pub(super) at_most: u32,
    /// How many more leases this minute has; whoever waits for the next finds a hundred.
    pub(super) grants_left: AtomicU32,
    /// How many questions of any kind fail before one succeeds.
    pub(super) unavailable: AtomicU32,
    /// Whether a wish that is given up in the queue is granted at that very moment.
    pub(super) grants_cross: AtomicBool,
    /// What the ledger makes of closings.
    pub(super) closing: Mutex<Closing>,
    pub(super) log: Mutex<Vec<String>>,
    /// How long after they were asked for leases were used, as far as their settlements say.
    pub(super) sent_after: Mutex<Vec<Option<Duration>>>,
    /// Accounts that were throttled, and have no quota until [`DRY`] is over.
    pub(super) throttled: Mutex<Vec<AccountId>>,
    /// Until when the model rests for want of capacity.
    pub(super) resting: Mutex<Option<Instant>>,
}

/// How long a throttled account stays without quota.
pub(super) const DRY: Duration = Duration::from_hours(16);
/// How long a model rests that is short of capacity.
pub(super) const REST: Duration = Duration::from_secs(2);
/// How long a call takes to be on the wire.
pub(super) const CONNECTING: Duration = Duration::from_micros(20_500);
/// What the ledger thinks a picture takes: nobody waits who would have less left.
const USUAL: Duration = Duration::from_secs(10);

impl World {
    pub(super) fn new(acts: &[(&'static str, Act)]) -> Self {
        Self {
            acts: acts.to_vec(),
            at_most: 10,
            grants_left: AtomicU32::new(100),
            unavailable: AtomicU32::new(0),
            grants_cross: AtomicBool::new(false),
            closing: Mutex::new(Closing::Closed),
            log: Mutex::default(),
            sent_after: Mutex::default(),
            throttled: Mutex::default(),
            resting: Mutex::default(),
        }
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How many lines end so.
    pub(super) fn count(&self, end: &str) -> usize {
        self.log().iter().filter(|line| line.ends_with(end)).count()
    }

    /// The account that a lease was granted on.
    fn account_of(&self, lease: &LeaseId) -> Option<AccountId> {
        let grant = format!("grant {lease} ");
        let name = self.log().iter().find_map(|line| line.strip_prefix(&grant).map(str::to_owned));
        name.map(|name| AccountId::new(name).unwrap())
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    fn is_down(&self) -> bool {
        self.unavailable.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    /// Answers a wish, perhaps after a wait.
    async fn answer(&self, wish: LeaseRequest, tell: mpsc::Sender<Result<Acquiring, Failure>>) {
        // The answer travels for a while, so that a caller can go away meanwhile.
        sleep(Duration::from_millis(10)).await;
        if self.is_down() {
            return tell.send(Err(down())).await.unwrap();
        }
        let shortage = match self.grant(&wish) {
            Ok(grants) => {
                let _ = tell.send(Ok(Acquiring::Answered(Acquired::Granted(grants)))).await;
                return;
            }
            Err(shortage) => shortage,
        };
        if let Shortage::Limited { retry_after, at_most, .. } = shortage
            && wish.ids.len() <= at_most as usize
            && retry_after + USUAL <= wish.patience
        {
            self.note(format!("wait {}", wish.ids.len()));
            tell.send(Ok(Acquiring::Waiting)).await.unwrap();
            tokio::select! {
                () = sleep(retry_after) => {}
                () = tell.closed() => {
                    self.note("leave".to_owned());
                    if self.grants_cross.load(Ordering::SeqCst) {
                        self.grants_left.store(100, Ordering::SeqCst);
                        self.grant(&wish).unwrap();
                    }
                    return;
                }
            }
            self.grants_left.store(100, Ordering::SeqCst);
            let waited = LeaseRequest { patience: wish.patience.saturating_sub(retry_after), ..wish };
            let grants = self.grant(&waited).unwrap().into_iter();
            let grants = grants.map(|grant| Grant { start_within: retry_after + term::START, ..grant });
            let _ = tell.send(Ok(Acquiring::Answered(Acquired::Granted(grants.collect())))).await;
        } else {
            self.note(format!("limited {}", wish.ids.len()));
            let _ = tell.send(Ok(Acquiring::Answered(Acquired::Refused(shortage)))).await;
        }
    }

    fn grant(&self, wish: &LeaseRequest) -> Result<Vec<Grant>, Shortage> {
        let free = self.free(wish)?;
        let wanted = u32::try_from(wish.ids.len()).unwrap();
        let left = self.grants_left.load(Ordering::SeqCst);
        let scarcity = Scarcity::Quota;
        if wanted > self.at_most || wanted > left {
            return Err(Shortage::Limited {
                retry_after: Duration::from_mins(1),
                at_most: self.at_most,
                scarcity,
            });
        }
        self.grants_left.store(left - wanted, Ordering::SeqCst);
        let grant = |(place, id): (usize, &LeaseId)| {
            let account = self.account_of(id).unwrap_or_else(|| {
                let account = free[place % free.len()].clone();
                self.note(format!("grant {id} {account}"));
                account
            });
            let project = ProjectId::new("p").unwrap();
            let domain = QuotaDomain { provider: Provider::Gemini, project, model: wish.model.clone() };
            let (id, start_within, expires_in) = (id.clone(), term::START, term::LEASE);
            Grant { id, account, domain, fence: Fence(7), start_within, expires_in, credential: None }
        };
        Ok(wish.ids.iter().enumerate().map(grant).collect())
    }

    /// The accounts that may serve a wish.
    fn free(&self, wish: &LeaseRequest) -> Result<Vec<AccountId>, Shortage> {
        let all = self.acts.iter().map(|(name, _)| AccountId::new(*name).unwrap());
        let mut free: Vec<_> = all.filter(|account| !wish.excluded.contains(account)).collect();
        if free.is_empty() {
            return Err(Shortage::NoAccount);
        }
        let now = Instant::now();
        let limited =
            |retry_after, scarcity| Shortage::Limited { retry_after, at_most: self.at_most, scarcity };
        if let Some(until) = self.resting.lock().unwrap().filter(|until| *until > now) {
            return Err(limited(until - now, Scarcity::Capacity));
        }
        let dry = self.throttled.lock().unwrap().clone();
        free.retain(|account| !dry.contains(account));
        if free.is_empty() { Err(limited(DRY, Scarcity::Quota)) } else { Ok(free) }
    }

    fn learn(&self, id: &LeaseId, outcome: &CallOutcome) {
        match outcome {
            CallOutcome::Throttled { .. } => self.throttled.lock().unwrap().extend(self.account_of(id)),
            CallOutcome::Overloaded => *self.resting.lock().unwrap() = Some(Instant::now() + REST),
            _ => {}
        }
    }
}

fn down() -> Failure {
    Failure::new(FailureKind::Unavailable, "down")
}

/// The world's ledger.
pub(super) struct Books(pub(super) Arc<World>);

#[async_trait]
impl Leases for Books {
    fn acquire(&self, wish: LeaseRequest) -> Hearing {
        let (tell, heard) = mpsc::channel(4);
        let world = Arc::clone(&self.0);
        tokio::spawn(async move { world.answer(wish, tell).await });
        ReceiverStream::new(heard).boxed()
    }

    async fn renew(&self, id: &LeaseId, _: Fence) -> Result<Renewal, Failure> {
        self.0.note(format!("renew {id}"));
        Ok(Renewal::Active { expires_in: term::LEASE })
    }

    async fn settle(&self, id: &LeaseId, _: Fence, settlement: Settlement) -> Result<Closing, Failure> {
        if self.0.is_down() {
            return Err(down());
        }
        self.0.learn(id, &settlement.outcome);
        self.0.sent_after.lock().unwrap().push(settlement.sent_after);
        self.0.note(format!("settle {id} {}", settlement.outcome.as_str()));
        Ok(*self.0.closing.lock().unwrap())
    }

    async fn release(&self, id: &LeaseId, _: Fence) -> Result<Closing, Failure> {
        self.0.note(format!("release {id}"));
        Ok(Closing::Closed)
    }
}

/// The world's provider.
pub(super) struct Provided(pub(super) Arc<World>);

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
        sleep(CONNECTING).await;
        assert!(call.dispatch.send(), "the lease was too old when it was granted");
        match act {
            Act::Fail(fault) => Err(fault.into()),
            Act::DrawAfter(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                Ok(drawn())
            }
            Act::Draw | Act::NeverConnect => Ok(drawn()),
        }
    }
}

impl From<Fault> for CallFailure {
    fn from(fault: Fault) -> Self {
        let (outcome, kind) = match fault {
            Fault::Throttled => (
                CallOutcome::Throttled { window: None, retry_after: None, revealed: None },
                FailureKind::QuotaExhausted,
            ),
            Fault::Refused => (CallOutcome::CredentialRejected, FailureKind::UpstreamRejected),
            Fault::Transient => (CallOutcome::Transient, FailureKind::UpstreamOverloaded),
            Fault::Overloaded => (CallOutcome::Overloaded, FailureKind::UpstreamOverloaded),
            Fault::Unknown => (CallOutcome::Ambiguous, FailureKind::UpstreamTimeout),
        };
        Self::sent(outcome, Failure::new(kind, "no"), "in words of its own")
    }
}

fn drawn() -> Drawn {
    let png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01IEND\xae\x42\x60\x82";
    let image = TiledImage::inspect(vec![Bytes::from_static(png)]).unwrap();
    Drawn { image, caption: String::new(), usage: Usage::default() }
}
