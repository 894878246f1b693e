//! How a service tells the ledger what it remembers, whenever Redis comes back as another than it was.

use std::time::Duration;

use domain::Fence;

use super::{
    RedisStore,
    answer::{Reception, senseless},
    failed,
    testimony::Testimony,
    written,
};
use crate::store::{Change, StoreError};

impl RedisStore {
    /// Says that this service is there, and if the ledger is not the incarnation `known`, all that it remembers. Tells
    /// how long the ledger goes on learning.
    pub(super) async fn testify(&self, known: u64) -> Result<Duration, StoreError> {
        let _turn = self.testifying.lock().await;
        if self.witness.incarnation() != known {
            return Ok(Duration::ZERO);
        }
        let greeted = self.tell(known, &self.witness.greeting()).await?;
        if greeted.incarnation == known {
            self.witness.heard(greeted.outlook);
            return Ok(greeted.learns_for);
        }
        let Reception { base, incarnation, mut learns_for, mut outlook } = greeted;
        for portion in self.witness.testimony(base) {
            let received = self.tell(known, &portion).await?;
            if received.incarnation != incarnation {
                return Err(failed("be told what it lacks", &"Redis has changed once more meanwhile"));
            }
            (learns_for, outlook) = (received.learns_for, received.outlook);
        }
        // Not before: what was told of the time when others were last heard of belongs together.
        self.witness.heard(outlook);
        self.witness.testified(incarnation);
        self.feed.send(Change::Everything);
        if known > 0 {
            let learns_for_ms = learns_for.as_millis();
            tracing::warn!(
                incarnation,
                learns_for_ms,
                "Redis came back; the ledger learns what it may have lost"
            );
        }
        Ok(learns_for)
    }

    /// Tells the ledger that a caller was given this fence, of which neither it nor any service knows: what was granted
    /// then is lost, and has to leave the windows before anything is.
    pub(super) async fn doubt(&self, known: u64, fence: Option<Fence>) -> Result<(), StoreError> {
        let Some(fence) = fence else { return Err(senseless(&"nothing is lacking that nobody holds")) };
        self.witness.claimed(fence);
        let learns_for = self.testify(known).await?;
        let learns_for_ms = learns_for.as_millis();
        tracing::warn!(
            fence = fence.0,
            learns_for_ms,
            "leases are held that the ledger never gave: Redis lost them, and no service remembers them"
        );
        Ok(())
    }

    async fn tell(&self, known: u64, testimony: &Testimony) -> Result<Reception, StoreError> {
        let answer = self.ask(&self.scripts.testify, known, |_| written(testimony)).await?;
        match answer.word.as_str() {
            "noted" => answer.reception(),
            other => Err(senseless(&format!("`{other}` answers no testimony"))),
        }
    }
}
