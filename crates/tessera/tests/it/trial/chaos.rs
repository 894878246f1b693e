//! Everything at once: tight limits, batches, a provider that often fails, and processes that die.

use std::{fmt, time::Duration};

use domain::Limits;
use tokio::time::sleep;

use super::{
    chance::Chance,
    checker::{self, Violation},
    faults::Schedule,
    fleet::{Fleet, Plan},
    load::{Crowd, Desk, Habits, MODELS, Way},
    outages, probe, progress,
    provider::{Owned, THROTTLING},
    record::{Asker, Record, Told},
    redis::Fsync,
};

/// How long after the last fault every counter must be true again: a window, and a lease that nobody closed.
const REST: Duration = Duration::from_secs(66);
/// More than anybody can call in a day.
const NO_LIMIT: u32 = 100_000;

const CLIENTS: usize = 16;
const HABITS: Habits = Habits {
    most: 5,
    models: MODELS.len(),
    rest: (Duration::from_millis(100), Duration::from_millis(600)),
    patience: Duration::from_secs(2),
};

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) record: Record,
    pub(crate) violations: Vec<Violation>,
    /// Slots that were not free at rest, and ways that led to no picture.
    pub(crate) wrong_at_rest: Vec<String>,
}

/// Lets faults happen for so long; `tell` is told what does.
pub(crate) async fn run(seed: u64, faults: Duration, tell: impl Fn(&dyn fmt::Debug)) -> Outcome {
    let plan = plan(seed);
    let mut fleet = Fleet::start(&plan).await;
    let desk = Desk::default();
    let ways = Way::all(&fleet);
    let crowd = Crowd::send(CLIENTS, seed, &desk, &ways, HABITS);
    let schedule = Schedule::of(seed, plan.quotas, plan.generations, faults);
    let forgotten = tokio::select! {
        forgotten = schedule.run(&mut fleet, &tell) => forgotten,
        never = progress::tell(&desk, &tell) => match never {},
    };
    crowd.stop().await;
    tell(&"at rest");
    sleep(REST).await;
    let wrong_slots = probe::wrong_slots(&fleet, &plan.owned, is_sound, MODELS[0].name).await;
    let used = fleet.used().await;
    let mut after = outages::Scene { desk, wrong: Vec::new() };
    after.back(&ways, "after the faults").await;
    let record = Record { used: Some(used), ..fleet.record(&plan, after.desk.answers(), forgotten) };
    Outcome {
        violations: checker::check(&record),
        wrong_at_rest: [wrong_slots, after.wrong].concat(),
        record,
    }
}

/// Five projects with limits that bind, one of them with two accounts, one with a short day, one whose key is bad.
fn plan(seed: u64) -> Plan {
    let mut chance = Chance::of(seed, "plan");
    let mut owned: Vec<Owned> = ["amber", "birch", "coral", "delta", SHORT_DAY]
        .map(|name| Owned::new(name, limits(&mut chance, if name == SHORT_DAY { 12 } else { NO_LIMIT })))
        .into();
    owned.push(Owned { account: "amber-too".to_owned(), ..owned[0].clone() });
    owned.push(Owned::new(BAD_KEY, limits(&mut chance, NO_LIMIT)));
    Plan {
        seed,
        owned,
        manners: manners(&mut chance),
        fsync: *chance.pick(&[Fsync::Always, Fsync::EverySecond]),
        quotas: 2,
        generations: 3,
        meddling: 20,
    }
}

const SHORT_DAY: &str = "short-day";
const BAD_KEY: &str = "bad-key";

/// Whether its slots can all be had at rest.
fn is_sound(owned: &Owned) -> bool {
    owned.account != BAD_KEY && owned.project != SHORT_DAY
}

fn limits(chance: &mut Chance, requests_per_day: u32) -> Limits {
    let (requests, images) = (chance.between(12, 18), chance.between(11, 16));
    Limits::new(requests, images, requests_per_day, chance.between(3, 5))
}

/// Of a hundred calls, thirty fail.
fn manners(chance: &mut Chance) -> String {
    let bad_key = format!("[[rules]]\nmatch = {{ key = '{BAD_KEY}' }}\nfault = 'bad-key'\n");
    let rules = FAULTS.map(|(fault, percent)| {
        let more =
            if fault == "quota-minute" { format!("retry_after = '{THROTTLING:?}'\n") } else { String::new() };
        let seed = chance.next() >> 1;
        format!(
            "[[rules]]\nmatch = {{ probability = {}, seed = {seed} }}\nfault = '{fault}'\n{more}",
            f64::from(percent) / 100.0
        )
    });
    format!("latency.default = '900ms'\n{bad_key}{}", rules.concat())
}

const FAULTS: [(&str, u32); 11] = [
    ("internal", 7),
    ("html-error", 5),
    ("quota-minute", 4),
    ("reset", 3),
    ("truncate", 3),
    ("unavailable", 2),
    ("no-image", 2),
    ("quota-bare", 1),
    ("blocked-prompt", 1),
    ("hang", 1),
    ("mislabelled", 1),
];

impl Outcome {
    /// Whether nothing was wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.wrong_at_rest.is_empty()
    }

    /// Whether enough happened for the absence of violations to mean something.
    pub(crate) fn is_telling(&self) -> bool {
        let Counts { delivered, calls, limited, failed, meddled } = self.counts();
        delivered > 40 && calls > 80 && limited > 20 && failed * 5 > calls && meddled > 40
    }

    fn counts(&self) -> Counts {
        let Record { calls, answers, exchanges, .. } = &self.record;
        let is_limited = |told: &Told| matches!(told, Told::Acquired(domain::lease::Acquired::Refused(_)));
        let answered = |wanted: &dyn Fn(Asker, &Told) -> bool| {
            let told = exchanges.iter().filter_map(|it| Some((it.by, &it.answer.as_ref()?.1)));
            told.filter(|(by, told)| wanted(*by, told)).count()
        };
        Counts {
            delivered: answers.iter().map(|answer| answer.delivered as usize).sum(),
            calls: calls.len(),
            limited: answered(&|_, told| is_limited(told)),
            failed: calls.iter().filter(|call| call.fault.is_some()).count(),
            meddled: answered(&|by, _| by != Asker::Worker),
        }
    }
}

/// How much happened.
#[derive(Debug)]
struct Counts {
    delivered: usize,
    calls: usize,
    limited: usize,
    failed: usize,
    meddled: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests; {:?}", self.record.answers.len(), self.counts())?;
        self.violations.iter().try_for_each(|violation| writeln!(f, "VIOLATION {violation}"))?;
        self.wrong_at_rest.iter().try_for_each(|wrong| writeln!(f, "VIOLATION at rest, {wrong}"))
    }
}
