//! The ledger is out of reach: clients are told so in time, and service returns by itself.

use std::time::Duration;

use domain::Limits;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    checker,
    fleet::{Fleet, Plan},
    load::{Desk, MODELS, Way},
    provider::Owned,
    record::{Answer, End},
    redis::Fsync,
    wire::Condition,
};

/// Within how long a client must hear that it is to come back: two seconds, and a moment for a busy machine.
const PROMPT: Duration = Duration::from_millis(2_250);
/// Within how long service must be back once what was missing is there again.
const BACK: Duration = Duration::from_secs(10);
/// How long each outage lasts.
const LENGTH: Duration = Duration::from_secs(10);

/// Stops Redis, then parts half the generation processes from the ledger; tells what was wrong.
pub(crate) async fn run(seed: u64) -> Vec<String> {
    let limits = Limits::new(200, 200, 10_000, 8);
    let plan = Plan {
        seed,
        owned: ["amber", "birch", "coral"].map(|name| Owned::new(name, limits)).into(),
        manners: "latency.default = '100ms'".to_owned(),
        fsync: Fsync::Always,
        quotas: 2,
        generations: 4,
        meddling: 0,
    };
    let fleet = Fleet::start(&plan).await;
    // The gateway asks the first of the generation processes, which come after it.
    let ways = Way::all(&fleet);
    let (parted, reached) = ways.split_at(3);
    let mut scene = Scene { desk: Desk::default(), wrong: Vec::new() };
    scene.back(&ways, "before anything happened").await;

    fleet.redis.signal("STOP");
    scene.refused_for(LENGTH, &ways, "while Redis was stopped").await;
    fleet.redis.signal("CONT");
    scene.back(&ways, "after Redis was stopped").await;

    fleet.straits[..2].iter().for_each(|strait| strait.set(Condition::Held));
    let refused = scene.desk.clone();
    let mut others = Scene { desk: refused, wrong: Vec::new() };
    tokio::join!(
        scene.refused_for(LENGTH, parted, "on the far side of the partition"),
        others.served(reached, "on the near side of the partition"),
    );
    fleet.straits.iter().for_each(|strait| strait.set(Condition::Whole));
    scene.back(&ways, "after the partition").await;

    let record = fleet.record(&plan, scene.desk.answers(), Vec::new());
    let broken = checker::check(&record).into_iter().map(|violation| violation.to_string());
    scene.wrong.into_iter().chain(others.wrong).chain(broken).collect()
}

/// What was asked, and what was wrong with the answers.
pub(crate) struct Scene {
    pub(crate) desk: Desk,
    pub(crate) wrong: Vec<String>,
}

impl Scene {
    /// Every way leads to a picture.
    pub(crate) async fn served(&mut self, ways: &[Way], when: &str) {
        for way in ways {
            let answer = self.desk.ask(way, MODELS[0], 1).await;
            if !answer.is_whole() {
                self.wrong.push(format!("{when}: {answer:?}"));
            }
        }
    }

    /// For so long every way leads to a refusal in time, which says when to come back.
    pub(crate) async fn refused_for(&mut self, length: Duration, ways: &[Way], when: &str) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            let asked = ways.iter().cloned().map(|way| {
                let desk = self.desk.clone();
                async move { desk.ask(&way, MODELS[0], 1).await }
            });
            for answer in asked.collect::<JoinSet<_>>().join_all().await {
                if Instant::now() < end && !is_prompt_refusal(&answer) {
                    self.wrong.push(format!("{when}, after {:?}: {answer:?}", answer.took()));
                }
            }
            sleep(Duration::from_millis(300)).await;
        }
    }

    /// Soon every way leads to a picture again.
    pub(crate) async fn back(&mut self, ways: &[Way], when: &str) {
        let began = Instant::now();
        for way in ways {
            loop {
                let answer = self.desk.ask(way, MODELS[0], 1).await;
                if answer.is_whole() {
                    break;
                }
                if began.elapsed() > BACK {
                    self.wrong.push(format!("{when}, service did not return: {answer:?}"));
                    break;
                }
                sleep(Duration::from_millis(300)).await;
            }
        }
    }
}

/// 503 with `Retry-After`, in time.
pub(crate) fn is_prompt_refusal(answer: &Answer) -> bool {
    let tells =
        matches!(&answer.end, End::Refused(refusal) if refusal.unavailable && refusal.retry_after.is_some());
    tells && answer.took() <= PROMPT
}
