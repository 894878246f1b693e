//! The store in Redis, which any number of services share: on one server, behind sentinels, or in a cluster.
//!
//! Every operation is one script, so one atomic step; scripts admit and count, and what a refusal or a standing
//! means is worked out here, by the ledger's own rules, from what a script tells. Time is the server's. An operation
//! that Redis does not answer in time fails, and a grant that nobody waits for any more is not made.

mod answer;
mod link;
mod location;
mod question;
mod script;
mod settlement;
mod time;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    Clock, Fence, Lease, LeaseId, Settlement,
    lease::{Closing, Renewal},
};
use serde::Serialize;
use tokio::{sync::broadcast, time::timeout};

use self::{
    answer::{Answer, senseless},
    link::{CALL, Link, is_refusal},
    question::{Acquire, Close, Expire, Renew, Subjects},
    script::{Script, Scripts},
    settlement::Settle,
    time::Time,
};
use super::{
    Acquisition, Candidate, Change, MOST_CANDIDATES, Store, StoreError, Survey, Wish,
    ending::EndingRecord,
    feed::Feed,
    ledger::{Ending, Ledger},
};

pub use location::{InvalidRedis, RedisLocation};

/// How often a wish is asked again that came with a wrong idea of the server's time, and was told the right one.
const CORRECTIONS: usize = 2;

/// A ledger in Redis.
pub(crate) struct RedisStore {
    link: Link,
    root: String,
    scripts: Scripts,
    time: Time,
    feed: Feed,
}

impl RedisStore {
    /// Connects to the ledger at this location, or begins one there. It tells time by the server, unless the location
    /// says that it is to be `clock`.
    pub(crate) async fn open(location: &RedisLocation, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = Self {
            link: Link::open(location).await?,
            root: location.root(),
            scripts: Scripts::new(),
            time: Time::new(location.handed_clock.then_some(clock)),
            feed: Feed::new(),
        };
        store.standing(&[]).await?;
        Ok(store)
    }

    /// Asks a script, and learns from its answer what time it is.
    async fn ask(&self, script: &Script, question: impl Fn(&Time) -> String) -> Result<Answer, StoreError> {
        let mut connection = self.link.connection().await?;
        let handed = self.time.handed().map(|moment| moment.as_millis().to_string()).unwrap_or_default();
        let arguments = [handed, self.time.seen().as_millis().to_string(), question(&self.time)];
        let answer = timeout(CALL, script::run(&mut connection, script, &self.root, &arguments)).await;
        let error = match answer {
            Ok(Ok(value)) => {
                let answer = Answer::read(value)?;
                self.time.note(answer.now, answer.server);
                return Ok(answer);
            }
            Ok(Err(error)) if is_refusal(&error) => return Err(failed("perform an operation", &error)),
            Ok(Err(error)) => failed("reach Redis", &error),
            Err(_) => failed("perform an operation", &"Redis did not answer in time"),
        };
        self.link.give_up().await;
        Err(error)
    }

    async fn close(&self, script: &Script, question: &impl Serialize) -> Result<Closing, StoreError> {
        let answer = self.ask(script, |_| written(question)).await?;
        self.feed.send(Change::Everything);
        match answer.word.as_str() {
            "closed" => Ok(Closing::Closed),
            "duplicate" => Ok(Closing::Duplicate),
            "conflict" => Ok(Closing::Conflict),
            "late" => Ok(Closing::Late),
            "fenced" => Ok(Closing::Fenced),
            "unknown" => Ok(Closing::Unknown),
            other => Err(senseless(&format!("`{other}` answers no closing"))),
        }
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn acquire(&self, wish: &Wish) -> Result<Acquisition, StoreError> {
        let Wish { ids, candidates, .. } = wish;
        let candidates = &candidates[..candidates.len().min(MOST_CANDIDATES)];
        for _ in 0..=CORRECTIONS {
            let subjects = Subjects::of(candidates);
            let question = |time: &Time| {
                written(&Acquire::new(ids, candidates, &subjects, time.estimate(), time.not_after()))
            };
            let answer = self.ask(&self.scripts.acquire, question).await?;
            let now = answer.now;
            match answer.word.as_str() {
                "granted" => {
                    self.feed.send(Change::Everything);
                    return Ok(Acquisition::Granted { now, leases: answer.leases()? });
                }
                "mixed" => return Ok(Acquisition::Mixed { known: answer.id()? }),
                "limited" => {
                    let ledger = Ledger::observed(now, answer.observed(subjects)?);
                    return Ok(ledger.shortage(ids.len(), candidates));
                }
                "late" | "day" => {}
                other => return Err(senseless(&format!("`{other}` answers no wish"))),
            }
        }
        Err(failed("grant a lease", &"the clock of Redis does not agree with its own past"))
    }

    async fn renew(&self, id: &LeaseId, fence: Fence) -> Result<Renewal, StoreError> {
        let answer = self.ask(&self.scripts.renew, |_| written(&Renew::new(id, fence))).await?;
        match answer.word.as_str() {
            "active" => Ok(Renewal::Active { expires_in: Duration::from_millis(answer.millis()?) }),
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
        let ending = spelled(&Ending::Settled(settlement.outcome.clone()));
        self.close(&self.scripts.settle, &Settle::new(Close::new(id, fence, ending), settlement)).await
    }

    async fn release(&self, id: &LeaseId, fence: Fence) -> Result<Closing, StoreError> {
        let question = Close::new(id, fence, spelled(&Ending::Released));
        self.close(&self.scripts.release, &question).await
    }

    async fn expire(&self) -> Result<Vec<Lease>, StoreError> {
        self.ask(&self.scripts.expire, |_| written(&Expire::new())).await?.leases()
    }

    async fn standing(&self, candidates: &[Candidate]) -> Result<Survey, StoreError> {
        let subjects = Subjects::of(candidates);
        let answer = self.ask(&self.scripts.standing, |_| written(&subjects.view())).await?;
        let now = answer.now;
        Ok(Ledger::observed(now, answer.observed(subjects)?).standing(now, candidates))
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.feed.listen()
    }
}

/// How a lease ended, in the same words whenever it ended in the same way.
fn spelled(ending: &Ending) -> String {
    written(&EndingRecord::from(ending))
}

fn written(question: &impl Serialize) -> String {
    serde_json::to_string(question).expect("these are plain structs with text for keys")
}

/// An operation on Redis that failed.
fn failed(action: &'static str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed { action, reason: reason.to_string() }
}
