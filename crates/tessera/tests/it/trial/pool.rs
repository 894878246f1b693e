//! Twenty accounts, of which twelve cannot serve: their state is learned once, and then nobody notices.

use std::{collections::HashSet, time::Duration};

use domain::{Clock as _, Limits, SystemClock, Timestamp};
use tokio::time::{sleep, timeout};

use super::{
    checker::{self, Violation},
    fleet::{Fleet, Plan},
    load::{Crowd, Desk, Habits, Way},
    provider::Owned,
    record::{Answer, Record},
    redis::Fsync,
    saturation::share,
};

/// What the provider says of those that cannot serve.
const TROUBLES: [&str; 12] = [
    "bad-key",
    "bad-key",
    "bad-key",
    "billing",
    "forbidden",
    "forbidden-validation",
    "limit-zero",
    "quota-day",
    "quota-day",
    "quota-day-zero-delay",
    "quota-minute",
    "quota-minute",
];
/// How many can.
const SOUND: usize = 8;
/// How long the cooling ones do.
const COOLING: &str = "1m 30s";

const CLIENTS: usize = 6;
const HABITS: Habits = Habits {
    most: 1,
    models: 1,
    rest: (Duration::from_millis(100), Duration::from_millis(200)),
    patience: Duration::ZERO,
};
/// How long until every trouble must have been met.
const LEARNING: Duration = Duration::from_secs(40);
const LENGTH: Duration = Duration::from_secs(25);

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) violations: Vec<Violation>,
    /// Requests, once every trouble was known.
    pub(crate) requests: usize,
    /// The part of them whose first call drew.
    pub(crate) at_first: f64,
    /// Those that did not get their picture.
    pub(crate) failed: Vec<Answer>,
}

/// Learns of every trouble, and then counts.
pub(crate) async fn run(seed: u64) -> Outcome {
    let plan = plan(seed);
    let fleet = Fleet::start(&plan).await;
    let desk = Desk::default();
    let crowd = Crowd::send(CLIENTS, seed, &desk, &Way::all(&fleet), HABITS);
    timeout(LEARNING, until_known(&fleet)).await.expect("every account is tried");
    // What was under way when the last was learned may still meet another.
    sleep(Duration::from_secs(2)).await;
    let known = SystemClock.now();
    sleep(LENGTH).await;
    crowd.stop().await;
    judge(&fleet.record(&plan, desk.answers(), Vec::new()), known)
}

fn plan(seed: u64) -> Plan {
    let limits = Limits::new(120, 120, 10_000, 6);
    let troubled = TROUBLES.iter().enumerate().map(|(index, trouble)| format!("{trouble}-{index}"));
    let sound = (0..SOUND).map(|index| format!("sound-{index}"));
    let owned = troubled.chain(sound).map(|name| Owned::new(&name, limits)).collect();
    let rules = TROUBLES.iter().enumerate().map(|(index, trouble)| {
        let cooling =
            if *trouble == "quota-minute" { format!("retry_after = '{COOLING}'\n") } else { String::new() };
        format!("[[rules]]\nmatch = {{ key = '{trouble}-{index}' }}\nfault = '{trouble}'\n{cooling}")
    });
    let manners = format!("latency.default = '100ms'\n{}", rules.collect::<String>());
    Plan { seed, owned, manners, fsync: Fsync::EverySecond, quotas: 2, generations: 3, meddling: 5 }
}

async fn until_known(fleet: &Fleet) {
    loop {
        let calls = fleet.provider.calls();
        let met: HashSet<_> =
            calls.iter().filter(|call| call.fault.is_some()).map(|call| &call.account).collect();
        if met.len() == TROUBLES.len() {
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn judge(record: &Record, known: Timestamp) -> Outcome {
    let answers: Vec<_> = record.answers.iter().filter(|answer| answer.asked >= known).collect();
    let at_first = |answer: &&&Answer| {
        let mut calls = record.calls.iter().filter(|call| call.prompt == answer.prompt);
        calls.next().is_some_and(|first| first.fault.is_none() && first.status == Some(200))
    };
    let drawn_at_first = answers.iter().filter(at_first).count();
    Outcome {
        violations: checker::check(record),
        requests: answers.len(),
        at_first: share(drawn_at_first as u64, answers.len() as u64),
        failed: answers.iter().filter(|answer| !answer.is_whole()).map(|answer| (*answer).clone()).collect(),
    }
}
