//! The store in Redis, which any number of services share: on one server, behind sentinels, or in a cluster.
//!
//! Every operation is one script, so one atomic step; scripts admit and count, and what a refusal or a standing
//! means is worked out here, by the ledger's own rules, from what a script tells. Time is the server's. An operation
//! that Redis does not answer in time fails, and a grant that nobody waits for any more is not made.
//!
//! Redis may lose what it acknowledged. So every service remembers what it was told, and tells it again to a Redis
//! that comes back as another than it was; until all that may know more have done so, nothing is granted.

mod answer;
mod changes;
mod connection;
mod exchange;
mod incarnation;
mod inspection;
mod link;
mod location;
mod question;
mod script;
mod settlement;
mod testimony;
mod time;
mod usage;
mod wish;
mod witness;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement, UsageFilter, UsageTotal,
    lease::{Closing, Renewal},
};
use tokio::{sync::broadcast, time::sleep};

use self::{
    answer::senseless,
    changes::Listener,
    question::{Close, Expire, Renew, Subjects, written},
    script::Scripts,
    settlement::Settle,
    testimony::Learning,
    time::Time,
    wish::Acquire,
    witness::Witness,
};
use super::{
    Acquisition, Candidate, Change, MOST_CANDIDATES, Store, StoreError, Survey, UsageCursor, UsagePage, Wish,
    feed::Feed,
    ledger::{Ending, Ledger},
};

pub use inspection::{Inspection, inspect};
pub(crate) use link::{Link, is_refusal, subscribe};
pub use location::{InvalidRedis, RedisLocation};

/// How often an operation is asked again that came with a wrong idea of the ledger, and was told the right one.
const CORRECTIONS: usize = 3;

/// A ledger in Redis.
pub(crate) struct RedisStore {
    link: Link,
    root: String,
    scripts: Scripts,
    time: Time,
    witness: Witness,
    /// Whoever testifies holds it: once is enough.
    testifying: tokio::sync::Mutex<()>,
    /// Whether the ledger was still learning when it was last asked for a lease.
    learns: AtomicBool,
    feed: Feed,
    _listener: Listener,
}

impl RedisStore {
    /// Connects to the ledger at this location, or begins one there, and waits while a new one asks whether anybody
    /// knows it. It tells time by the server, unless the location says that it is to be `clock`.
    pub(crate) async fn open(location: &RedisLocation, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let feed = Feed::new();
        let learning = Learning::CAREFUL;
        let learning = if location.among_friends { learning.among_friends() } else { learning };
        let store = Self {
            link: Link::open(location).await?,
            root: location.root(),
            scripts: Scripts::new(),
            time: Time::new(location.handed_clock.then_some(clock)),
            witness: Witness::new(learning),
            testifying: tokio::sync::Mutex::new(()),
            learns: AtomicBool::new(false),
            _listener: Listener::open(location, feed.clone()).await?,
            feed,
        };
        let learns_for = store.testify(0).await?;
        if learns_for <= learning.least {
            sleep(learns_for).await;
        }
        Ok(store)
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        let Wish { ids, candidates, .. } = wish;
        let candidates = &candidates[..candidates.len().min(MOST_CANDIDATES)];
        for _ in 0..=CORRECTIONS {
            self.time.is_trusted()?;
            let subjects = Subjects::of(candidates);
            let question = |time: &Time| {
                written(&Acquire::new(wish, candidates, &subjects, time.estimate(), time.not_after()))
            };
            let known = self.witness.incarnation();
            let answer = self.ask(&self.scripts.acquire, known, question).await?;
            let now = answer.now;
            match answer.word.as_str() {
                "granted" => return self.granted(known, answer),
                "mixed" => return Ok(Acquisition::Mixed { known: answer.id()? }),
                "limited" => {
                    let observed = self.observed(answer, subjects)?;
                    return Ok(Ledger::observed(now, observed).shortage(ids.len(), candidates));
                }
                "learning" => {
                    self.learns.store(true, Ordering::Relaxed);
                    return Err(StoreError::Learning { retry_after: answer.span()? });
                }
                "changed" | "silent" => {
                    self.testify(known).await?;
                }
                "lacking" => {
                    self.doubt(known, wish.known_fence).await?;
                }
                "client" => {
                    let ledger = Ledger::observed(now, answer.client(&wish.client.id)?);
                    let refusal = ledger.client_refusal(wish);
                    return refusal.ok_or_else(|| senseless(&"a client was refused what it may have"));
                }
                "late" | "day" => {}
                other => return Err(senseless(&format!("`{other}` answers no wish"))),
            }
        }
        Err(failed("grant a lease", &"Redis does not agree with its own past"))
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        let known = self.witness.incarnation();
        let answer = self.ask(&self.scripts.renew, known, |_| written(&Renew::new(id, fence))).await?;
        match answer.word.as_str() {
            "active" => Ok(Renewal::Active { expires_in: answer.span()? }),
            "ended" => Ok(Renewal::Ended),
            other => Err(senseless(&format!("`{other}` answers no renewal"))),
        }
    }

    async fn settle(
        &self,
        id: &LeaseId,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Closing, StoreError> {
        let ending = Ending::Settled(settlement.outcome.clone());
        let spelled = question::spelled(&ending);
        let question = Settle::new(Close::new(id, fence, &spelled, &ending), settlement);
        let closing = self.close(&self.scripts.settle, &question).await?;
        if matches!(closing, Closing::Closed | Closing::Duplicate) {
            self.witness.closed(fence, Some(&spelled));
        }
        Ok(closing)
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        let spelled = question::spelled(&Ending::Released);
        let question = Close::new(id, fence, &spelled, &Ending::Released);
        let closing = self.close(&self.scripts.release, &question).await?;
        if matches!(closing, Closing::Closed | Closing::Duplicate) {
            self.witness.closed(fence, None);
        }
        Ok(closing)
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        for _ in 0..=CORRECTIONS {
            let known = self.witness.incarnation();
            let round = written(&Expire::new(self.witness.learning));
            let answer = self.ask(&self.scripts.expire, known, |_| round.clone()).await?;
            match answer.word.as_str() {
                "expired" => {
                    let round = answer.round()?;
                    self.witness.heard(round.outlook);
                    return Ok(round.expired);
                }
                "changed" => {
                    self.testify(known).await?;
                }
                other => return Err(senseless(&format!("`{other}` answers no round of expiry"))),
            }
        }
        Err(failed("look for expired leases", &"Redis does not agree with its own past"))
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        let subjects = Subjects::of(candidates);
        let known = self.witness.incarnation();
        let answer = self.ask(&self.scripts.standing, known, |_| written(&subjects.view())).await?;
        let now = answer.now;
        let observed = self.observed(answer, subjects)?;
        Ok(Ledger::observed(now, observed).standing(now, candidates))
    }

    async fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        self.page(filter, from, limit).await
    }

    async fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        self.sums(filter).await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}

/// An operation on Redis that failed.
fn failed(action: &'static str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed { action, reason: reason.to_string() }
}
