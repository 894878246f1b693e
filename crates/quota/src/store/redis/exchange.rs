//! How a script is asked, and what is learned from its answer.

use std::{sync::atomic::Ordering, time::Instant};

use ::redis::{RedisResult, Value};
use domain::lease::Closing;
use serde::Serialize;
use tokio::time::timeout;

use super::{
    RedisStore,
    answer::{Answer, senseless},
    failed,
    link::{CALL, Way, is_refusal, silent},
    question::{Subjects, written},
    script::{self, Script},
    time::{Reading, Time},
};
use crate::store::{Acquisition, StoreError, ledger::Observed};

impl RedisStore {
    /// Asks a script, and learns from its answer what time it is.
    pub(super) async fn ask(
        &self,
        script: &Script,
        incarnation: u64,
        question: impl Fn(&Time) -> String,
    ) -> Result<Answer, StoreError> {
        let mut way = self.link.way().await?;
        let handed = self.time.handed().map(|moment| moment.as_millis().to_string()).unwrap_or_default();
        let seen = self.time.seen().as_millis().to_string();
        let name = self.witness.name.clone();
        let arguments = [handed, seen, question(&self.time), name, incarnation.to_string()];
        let asked = Instant::now();
        let answer = timeout(CALL, self.run(&mut way, script, &arguments)).await;
        let error = match answer {
            Ok(Ok(value)) => {
                let answer = Answer::read(value)?;
                let reading = Reading { shown: answer.server, asked, answered: Instant::now() };
                self.time.note(answer.now, reading);
                return Ok(answer);
            }
            Ok(Err(error)) if is_refusal(&error) => return Err(failed("perform an operation", &error)),
            Ok(Err(error)) => failed("reach Redis", &error),
            Err(_) => silent("perform an operation"),
        };
        self.link.give_up(&way);
        Err(error)
    }

    async fn run(&self, way: &mut Way, script: &Script, arguments: &[String; 5]) -> RedisResult<Value> {
        script::run(&mut way.connection, script, &self.root, arguments).await
    }

    /// Asks a script that closes a lease.
    pub(super) async fn close(
        &self,
        script: &Script,
        question: &impl Serialize,
    ) -> Result<Closing, StoreError> {
        let answer = self.ask(script, self.witness.incarnation(), |_| written(question)).await?;
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

    /// Takes grants that were asked for in the incarnation `known`, and remembers them.
    pub(super) fn granted(&self, known: u64, answer: Answer) -> Result<Acquisition, StoreError> {
        let now = answer.now;
        let (told, tallies) = answer.granted()?;
        if !self.witness.granted(known, now, &told, tallies) {
            return Err(failed("grant a lease", &"Redis has changed meanwhile"));
        }
        if self.learns.swap(false, Ordering::Relaxed) {
            tracing::info!("the ledger has learned what Redis had lost, and grants again");
        }
        Ok(Acquisition::Granted { now, leases: told.into_iter().map(|told| told.lease).collect() })
    }

    /// What an answer tells of the subjects it was asked about, which is remembered too.
    pub(super) fn observed(&self, answer: Answer, subjects: Subjects) -> Result<Observed, StoreError> {
        let now = answer.now;
        let observed = answer.observed(subjects)?;
        self.witness.saw(now, &observed);
        Ok(observed)
    }
}
