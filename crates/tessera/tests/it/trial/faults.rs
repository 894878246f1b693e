//! What happens to a fleet: kills, stops and partitions, all decided by a seed before the first of them.

use std::{fmt, time::Duration};

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
const LASTING: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));

impl Schedule {
    /// Every fault once in random order, then any of them again, for about as long as this.
    pub(crate) fn of(seed: u64, quotas: usize, generations: usize, length: Duration) -> Self {
        let each = |count: usize, fault: fn(usize) -> WorkerFault| (0..count).map(fault);
        let ledger = (0..quotas).map(LedgerFault::QuotaKilled).chain([
            LedgerFault::RedisKilled,
            LedgerFault::RedisStopped,
            LedgerFault::RedisCutOff,
            LedgerFault::RedisSilent,
        ]);
        let worker = each(generations, WorkerFault::GenerationKilled)
            .chain(each(generations, WorkerFault::GenerationStopped))
            .chain(each(generations, WorkerFault::PartitionSilent))
            .chain(each(generations, WorkerFault::PartitionCut))
            .chain([WorkerFault::GatewayKilled]);
        Self {
            ledger: lane(
                &mut Chance::of(seed, "ledger faults"),
                &ledger.collect::<Vec<_>>(),
                LEDGER_PAUSE,
                length,
            ),
            worker: lane(
                &mut Chance::of(seed, "worker faults"),
                &worker.collect::<Vec<_>>(),
                WORKER_PAUSE,
                length,
            ),
        }
    }

    /// Lets it all happen. `tell` is told what does.
    pub(crate) async fn run(self, fleet: &mut Fleet, tell: impl Fn(&dyn fmt::Debug)) {
        let Fleet { redis, quotas, generations, gateway, straits, .. } = fleet;
        let below = async {
            for Strike { pause, fault, lasts } in self.ledger {
                sleep(pause).await;
                tell(&fault);
                strike_ledger(fault, lasts, redis, quotas).await;
            }
        };
        let above = async {
            for Strike { pause, fault, lasts } in self.worker {
                sleep(pause).await;
                tell(&fault);
                strike_worker(fault, lasts, generations, gateway, straits).await;
            }
        };
        tokio::join!(below, above);
    }
}

fn lane<F: Copy>(
    chance: &mut Chance,
    faults: &[F],
    pauses: (Duration, Duration),
    length: Duration,
) -> Vec<Strike<F>> {
    let (mut strikes, mut rest, mut taken) = (Vec::new(), faults.to_vec(), Duration::ZERO);
    while taken < length {
        if rest.is_empty() {
            rest = faults.to_vec();
        }
        let place = chance.below(u32::try_from(rest.len()).expect("there are few faults"));
        let fault = rest.swap_remove(place as usize);
        let (pause, lasts) = (chance.pause(pauses.0, pauses.1), chance.pause(LASTING.0, LASTING.1));
        taken += pause + lasts;
        strikes.push(Strike { pause, fault, lasts });
    }
    strikes
}

async fn strike_ledger(fault: LedgerFault, lasts: Duration, redis: &mut Redis, quotas: &mut [Post]) {
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
    }
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
