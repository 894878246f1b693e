//! More is asked for than can be had: nothing that was paid for stays unused.

use std::{collections::BTreeMap, time::Duration};

use domain::{Limits, Timestamp, lease::term};
use tokio::time::sleep;

use super::{
    checker::{self, Violation},
    fleet::{Fleet, Plan},
    load::{Crowd, Desk, Habits, Way},
    provider::Owned,
    record::Record,
    redis::Fsync,
};

/// Longer than two windows as the ledger keeps them: the first calls of the third tell when the second was over.
const LENGTH: Duration = Duration::from_secs(130);
const CLIENTS: usize = 16;
const HABITS: Habits = Habits {
    most: 3,
    models: 1,
    rest: (Duration::from_millis(50), Duration::from_millis(150)),
    patience: Duration::from_millis(250),
};

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) violations: Vec<Violation>,
    /// The part of the allowed quota that was used, 1 being all.
    pub(crate) used: f64,
    /// The part of all calls that the provider refused for a limit.
    pub(crate) refused: f64,
}

/// Asks for as much as can be had, and more.
pub(crate) async fn run(seed: u64) -> Outcome {
    let day = 10_000;
    let limits = [Limits::new(10, 12, day, 4), Limits::new(18, 15, day, 8), Limits::new(20, 20, day, 8)];
    let names = ["amber", "birch", "coral"];
    let plan = Plan {
        seed,
        owned: names.into_iter().zip(limits).map(|(name, limits)| Owned::new(name, limits)).collect(),
        manners: "latency.default = '200ms'".to_owned(),
        fsync: Fsync::Always,
        quotas: 2,
        generations: 3,
        meddling: 5,
    };
    let fleet = Fleet::start(&plan).await;
    let desk = Desk::default();
    let crowd = Crowd::send(CLIENTS, seed, &desk, &Way::all(&fleet), HABITS);
    sleep(LENGTH).await;
    crowd.stop().await;
    let record = fleet.record(&plan, desk.answers(), Vec::new());
    let refused = record.calls.iter().filter(|call| call.overstepped()).count();
    Outcome {
        violations: checker::check(&record),
        used: used(&record),
        refused: share(refused as u64, record.calls.len() as u64),
    }
}

/// How long the calls of whole windows must have taken, over how long they took.
fn used(record: &Record) -> f64 {
    let mut domains: BTreeMap<_, Vec<Timestamp>> = BTreeMap::new();
    for call in &record.calls {
        domains.entry((&call.project, &call.model)).or_default().push(call.at);
    }
    let (mut needed, mut taken) = (0, 0);
    for ((project, _), mut times) in domains {
        let limits = record.projects[project];
        let limit = limits.requests_per_minute.min(limits.images_per_minute);
        times.sort_unstable();
        let windows = (times.len() - 1) / limit as usize;
        let lasted = times[windows * limit as usize].since(times[0]);
        needed += u64::from(limit) * windows as u64 * millis(term::MINUTE);
        taken += u64::from(limit) * millis(lasted);
    }
    share(needed, taken)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// One over the other; nothing of nothing is nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole.max(1))
}
