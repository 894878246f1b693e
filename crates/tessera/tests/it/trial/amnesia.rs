//! Redis comes back with nothing, or with what it knew a while ago: no window is overspent all the same.

use std::time::Duration;

use domain::{Clock as _, Limits, SystemClock};
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::{
    checker,
    fleet::{Fleet, Plan},
    load::{Crowd, Desk, Habits, MODELS, Way},
    outages::is_prompt_refusal,
    post::Post,
    provider::Owned,
    record::{Answer, End},
    redis::Fsync,
};

/// What Redis knows when it comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Memory {
    /// Nothing.
    Gone,
    /// What it knew before the windows were filled.
    Old,
    /// Nothing, and every process that asks it or is granted its leases is killed with it: what is left is on the disks
    /// of those that call.
    Nowhere,
}

/// Until the windows are full.
const FILLING: Duration = Duration::from_secs(6);
/// Within how long of its return the ledger must have learned what it needs to grant again.
const LEARNED: Duration = Duration::from_secs(75);

/// For how long more is asked then: what was spent before must not be spent again.
const AFTERWARDS: Duration = Duration::from_secs(8);

const CLIENTS: usize = 8;
const HABITS: Habits = Habits {
    most: 2,
    models: 1,
    rest: (Duration::from_millis(100), Duration::from_millis(300)),
    patience: Duration::from_secs(1),
};

/// Fills the windows, takes the ledger's memory, and goes on asking; tells what was wrong.
pub(crate) async fn run(seed: u64, memory: Memory) -> Vec<String> {
    let plan = plan(seed, memory);
    let mut fleet = Fleet::start(&plan).await;
    let ways = Way::all(&fleet);
    let desk = Desk::default();
    let copy = fleet.home().join("copy");
    let began = until_served(&desk, &ways[0]).await;
    assert!(began.is_ok(), "{began:?}");
    block_in_place(|| fleet.redis.copy_to(&copy));

    let crowd = Crowd::send(CLIENTS, seed, &desk, &ways, HABITS);
    sleep(FILLING).await;
    if matches!(memory, Memory::Gone) {
        // It takes what it granted with it: the others must wait until that has left the windows.
        fleet.quotas[1].kill();
        fleet.quotas[1].restart();
        sleep(FILLING).await;
    }
    block_in_place(|| {
        fleet.redis.kill();
        match memory {
            Memory::Gone | Memory::Nowhere => fleet.redis.forget(),
            Memory::Old => fleet.redis.go_back_to(&copy),
        }
    });
    if matches!(memory, Memory::Nowhere) {
        fleet.quotas.iter_mut().chain(&mut fleet.generations).for_each(Post::kill);
    }
    let forgotten = SystemClock.now();
    block_in_place(|| fleet.redis.restart());
    if matches!(memory, Memory::Nowhere) {
        fleet.quotas.iter_mut().chain(&mut fleet.generations).for_each(Post::restart);
    }
    let returned = until_served(&desk, &ways[0]).await;
    sleep(AFTERWARDS).await;
    crowd.stop().await;

    let record = fleet.record(&plan, desk.answers(), vec![forgotten]);
    let mut wrong: Vec<_> = checker::check(&record).iter().map(ToString::to_string).collect();
    if let Err(last) = returned {
        wrong.push(format!("service did not return within {LEARNED:?}: {last:?}"));
    }
    let unavailable = |answer: &&Answer| matches!(&answer.end, End::Refused(refusal) if refusal.unavailable);
    let late = record.answers.iter().filter(unavailable).filter(|answer| !is_prompt_refusal(answer));
    wrong.extend(late.map(|answer| format!("after {:?}: {answer:?}", answer.took())));
    wrong
}

fn plan(seed: u64, memory: Memory) -> Plan {
    // One of them has not two full windows in a day; but who is left in the end knows of minutes alone.
    let short = if matches!(memory, Memory::Nowhere) { 10_000 } else { 14 };
    let days = [("amber", 10_000), ("birch", 10_000), ("coral", short)];
    Plan {
        seed,
        owned: days.map(|(name, day)| Owned::new(name, Limits::new(9, 9, day, 4))).into(),
        manners: "latency.default = '200ms'".to_owned(),
        fsync: Fsync::Always,
        quotas: 2,
        generations: 3,
        meddling: 0,
    }
}

async fn until_served(desk: &Desk, way: &Way) -> Result<(), Answer> {
    let began = Instant::now();
    loop {
        let answer = desk.ask(way, MODELS[0], 1).await;
        if answer.is_whole() {
            return Ok(());
        }
        if began.elapsed() > LEARNED {
            return Err(answer);
        }
        sleep(Duration::from_millis(500)).await;
    }
}
