//! What happens to a fleet: kills, stops and partitions, all decided by a seed before the first of them.

use std::{fmt, time::Duration};

use domain::{Clock as _, SystemClock, Timestamp};
use tokio::{task::block_in_place, time::sleep};

use super::{
    chance::Chance,
    fleet::Fleet,
    post::Post,
    redis::Redis,
    wire::{Condition, Wire},
};

/// Something that happens after a pause, and is over after a while.
#[derive(Debug, Clone)]
pub(crate) struct Strike<F> {
    pause: Duration,
    fault: F,
    lasts: Duration,
}

/// What happens below the tap; one at a time, since a quota process does not start without Redis.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LedgerFault {
    QuotaKilled(usize),
    RedisKilled,
    RedisStopped,
    RedisCutOff,
    RedisSilent,
    /// It comes back with nothing.
    RedisEmptied,
}

/// What happens above it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WorkerFault {
    GenerationKilled(usize),
    GenerationStopped(usize),
    GatewayKilled,
    PartitionSilent(usize),
    PartitionCut(usize),
}

/// Everything that is to happen.
#[derive(Debug)]
pub(crate) struct Schedule {
    ledger: Vec<Strike<LedgerFault>>,
    worker: Vec<Strike<WorkerFault>>,
}

/// Pauses between faults, and how long faults last. Without the ledger nothing happens at all: it is left alone longer.
const LEDGER_PAUSE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(9));
const WORKER_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));
/// How long a trial must be for the ledger to forget in it: afterwards nothing is granted for more than a minute.
const WORTH_LEARNING: Duration = Duration::from_mins(4);
const LASTING: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));

impl Schedule {
    /// Every fault once in random order, then again, for about as long as this. Generation processes are killed first:
    /// what becomes of their leases shows only when those expire.
    pub(crate) fn of(seed: u64, quotas: usize, generations: usize, length: Duration) -> Self {
        let learns = (length > WORTH_LEARNING).then_some(LedgerFault::RedisEmptied);
        let each = |count: usize, fault: fn(usize) -> WorkerFault| (0..count).map(fault);
        let ledger = (0..quotas).map(LedgerFault::QuotaKilled).chain([
            LedgerFault::RedisKilled,
            LedgerFault::RedisStopped,
            LedgerFault::RedisCutOff,
            LedgerFault::RedisSilent,
        ]);
        let ledger = ledger.chain(learns);
        let killed = each(generations, WorkerFault::GenerationKilled);
        let others = each(generations, WorkerFault::GenerationStopped)
            .chain(each(generations, WorkerFault::PartitionSilent))
            .chain(each(generations, WorkerFault::PartitionCut))
            .chain([WorkerFault::GatewayKilled]);
        let worker = [killed.collect::<Vec<_>>(), others.collect()];
        Self {
            ledger: lane(&mut Chance::of(seed, "ledger faults"), &[ledger.collect()], LEDGER_PAUSE, length),
            worker: lane(&mut Chance::of(seed, "worker faults"), &worker, WORKER_PAUSE, length),
        }
    }

    /// Lets it all happen; `tell` is told what does. Answers with when the ledger was made to forget.
    pub(crate) async fn run(self, fleet: &mut Fleet, tell: impl Fn(&dyn fmt::Debug)) -> Vec<Timestamp> {
        let Fleet { redis, quotas, generations, gateway, straits, .. } = fleet;
        let below = async {
            let mut forgotten = Vec::new();
            for Strike { pause, fault, lasts } in self.ledger {
                sleep(pause).await;
                tell(&fault);
                forgotten.extend(strike_ledger(fault, lasts, redis, quotas).await);
            }
            forgotten
        };
        let above = async {
            for Strike { pause, fault, lasts } in self.worker {
                sleep(pause).await;
                tell(&fault);
                strike_worker(fault, lasts, generations, gateway, straits).await;
            }
        };
        tokio::join!(below, above).0
    }
}

/// The faults of each group in random order, one group after the other and then from the beginning again.
fn lane<F: Copy>(
    chance: &mut Chance,
    groups: &[Vec<F>],
    pauses: (Duration, Duration),
    length: Duration,
) -> Vec<Strike<F>> {
    let (mut strikes, mut taken) = (Vec::new(), Duration::ZERO);
    for group in groups.iter().cycle() {
        for fault in shuffled(chance, group) {
            if taken >= length {
                return strikes;
            }
            let (pause, lasts) = (chance.pause(pauses.0, pauses.1), chance.pause(LASTING.0, LASTING.1));
            taken += pause + lasts;
            strikes.push(Strike { pause, fault, lasts });
        }
    }
    strikes
}

fn shuffled<F: Copy>(chance: &mut Chance, faults: &[F]) -> Vec<F> {
    let mut rest = faults.to_vec();
    let place =
        |chance: &mut Chance, length| chance.below(u32::try_from(length).expect("there are few faults"));
    faults.iter().map(|_| rest.swap_remove(place(chance, rest.len()) as usize)).collect()
}

/// Answers with when the ledger forgot, if it did.
async fn strike_ledger(
    fault: LedgerFault,
    lasts: Duration,
    redis: &mut Redis,
    quotas: &mut [Post],
) -> Option<Timestamp> {
    match fault {
        LedgerFault::QuotaKilled(index) => replace(&mut quotas[index], lasts).await,
        LedgerFault::RedisKilled => {
            block_in_place(|| redis.kill());
            sleep(lasts).await;
            block_in_place(|| redis.restart());
        }
        LedgerFault::RedisStopped => {
            redis.signal("STOP");
            sleep(lasts).await;
            redis.signal("CONT");
        }
        LedgerFault::RedisCutOff => bend(&redis.wire, Condition::Cut, lasts).await,
        LedgerFault::RedisSilent => bend(&redis.wire, Condition::Held, lasts).await,
        LedgerFault::RedisEmptied => {
            block_in_place(|| {
                redis.kill();
                redis.forget();
                redis.restart();
            });
            return Some(SystemClock.now());
        }
    }
    None
}

async fn strike_worker(
    fault: WorkerFault,
    lasts: Duration,
    generations: &mut [Post],
    gateway: &mut Post,
    straits: &[Wire],
) {
    match fault {
        WorkerFault::GenerationKilled(index) => replace(&mut generations[index], lasts).await,
        WorkerFault::GenerationStopped(index) => {
            generations[index].signal("STOP");
            sleep(lasts).await;
            generations[index].signal("CONT");
        }
        WorkerFault::GatewayKilled => replace(gateway, lasts).await,
        WorkerFault::PartitionSilent(index) => bend(&straits[index], Condition::Held, lasts).await,
        WorkerFault::PartitionCut(index) => bend(&straits[index], Condition::Cut, lasts).await,
    }
}

async fn replace(post: &mut Post, after: Duration) {
    post.kill();
    sleep(after).await;
    post.restart();
}

async fn bend(wire: &Wire, condition: Condition, lasts: Duration) {
    wire.set(condition);
    sleep(lasts).await;
    wire.set(Condition::Whole);
}
