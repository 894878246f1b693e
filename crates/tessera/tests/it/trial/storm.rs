//! A provider that fails often: more calls are no remedy, and few follow.

use std::time::Duration;

use domain::Limits;
use tokio::time::sleep;

use super::{
    checker,
    fleet::{Fleet, Plan},
    load::{Crowd, Desk, Habits, Way},
    provider::Owned,
    redis::Fsync,
};

const LENGTH: Duration = Duration::from_secs(15);
const CLIENTS: usize = 8;
const HABITS: Habits = Habits {
    most: 4,
    models: 1,
    rest: (Duration::from_millis(10), Duration::from_millis(30)),
    patience: Duration::ZERO,
};

/// What came of it.
pub(crate) struct Outcome {
    /// Each begins with the rule that was broken.
    pub(crate) violations: Vec<String>,
    /// Calls that the provider failed.
    pub(crate) failed: usize,
    /// Calls that followed one of them.
    pub(crate) again: usize,
}

/// Asks one generation process, which nothing else befalls: its budget is as old as the trial.
pub(crate) async fn run(seed: u64) -> Outcome {
    let limits = Limits::new(6_000, 6_000, 100_000, 16);
    let plan = Plan {
        seed,
        owned: (0..8).map(|index| Owned::new(&format!("owned-{index}"), limits)).collect(),
        // Rarely so many in a row that a project rests.
        manners: "latency.default = '50ms'\n[[rules]]\nmatch = { probability = 0.3, seed = 7 }\n\
                  fault = 'internal'\n"
            .to_owned(),
        fsync: Fsync::EverySecond,
        quotas: 1,
        generations: 1,
        meddling: 0,
    };
    let fleet = Fleet::start(&plan).await;
    let desk = Desk::default();
    let crowd = Crowd::send(CLIENTS, seed, &desk, &Way::all(&fleet), HABITS);
    sleep(LENGTH).await;
    crowd.stop().await;
    let record = fleet.record(&plan, desk.answers(), Vec::new());
    Outcome {
        violations: checker::check(&record).iter().map(ToString::to_string).collect(),
        failed: record.calls.iter().filter(|call| call.fault.is_some()).count(),
        again: checker::retries(&record),
    }
}
