//! What a service remembers of the ledger, to tell it again should Redis come back without it.
//!
//! It is what the ledger told this service: the leases it granted, what it last said was counted, what rests, and which
//! other services there are. A lease that was closed by way of another service is remembered as active here:
//! told again, it holds its slot until its term is over, and refunds nothing.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    Fence, Learned, LearnedLimit, LeaseId, QuotaDomain, Timestamp,
    lease::{Quota, term},
};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::{
    answer::{Outlook, Peer, Tally, Told},
    testimony::{GrantRecord, LearnedRecord, Learning, TallyRecord, Testimony, TrialRecord},
};
use crate::store::{Cooling, Scope, key, ledger::Observed, probation::Probation};

/// How long what was counted is remembered: longer than any day that it may count for.
const COUNTED: Duration = Duration::from_hours(50);
/// How many leases are told at a time: it holds up everybody else meanwhile.
const TOLD: usize = 500;

/// The memory of one service.
pub(super) struct Witness {
    /// What the service is called in the ledger; no other ever is.
    pub(super) name: String,
    pub(super) learning: Learning,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// The incarnation that it testified in, and whether nothing has come between since.
    incarnation: u64,
    is_current: bool,
    fence: u64,
    /// The highest fence that callers were given and the ledger lacks, for as long as it learns.
    claimed: u64,
    grants: BTreeMap<u64, Grant>,
    tallies: HashMap<Subject, (u64, Timestamp)>,
    rests: HashMap<Scope, Cooling>,
    /// What has to prove itself. One that did since is still here: told again, it proves itself once more.
    trials: HashMap<Scope, Probation>,
    learned: HashMap<QuotaDomain, Learned>,
    /// What the ledger told last of itself; of other services nothing here.
    outlook: Outlook,
    /// When other services were last heard of, and when what they granted has left the windows. Those are included that
    /// the ledger has since forgotten: nobody else remembers what they granted.
    peers: HashMap<String, (u64, Timestamp)>,
}

/// What is counted: the kind of thing, its name, and the field.
type Subject = (String, String, String);

struct Grant {
    id: LeaseId,
    granted_at: Timestamp,
    /// The lease's hash, as JSON: there may be very many.
    record: Box<RawValue>,
    /// How it was closed, if it was closed by way of this service.
    ending: Option<Box<str>>,
}

impl Witness {
    pub(super) fn new(learning: Learning) -> Self {
        Self { name: Uuid::new_v4().simple().to_string(), learning, memory: Mutex::default() }
    }

    /// The incarnation that it testified in last; 0 if in none.
    pub(super) fn incarnation(&self) -> u64 {
        self.memory().incarnation
    }

    /// Remembers leases that the ledger granted in an incarnation. It refuses those of one that is over: what was
    /// granted there at the last may be lost.
    pub(super) fn granted(
        &self,
        incarnation: u64,
        now: Timestamp,
        told: &[Told],
        tallies: Vec<Tally>,
    ) -> bool {
        let mut memory = self.memory();
        if !memory.is_current || memory.incarnation != incarnation {
            return false;
        }
        for Told { lease, granted_at, record } in told {
            let record = to_raw_value(record).expect("it is a map of texts");
            let grant = Grant { id: lease.id.clone(), granted_at: *granted_at, record, ending: None };
            memory.fence = memory.fence.max(lease.fence.0);
            memory.grants.insert(lease.fence.0, grant);
        }
        for (kind, name, field, units) in tallies {
            memory.count((kind, name, field), units, now);
        }
        memory.forget(now);
        true
    }

    /// Remembers that a caller was given this fence, which the ledger knows nothing of.
    pub(super) fn claimed(&self, fence: Fence) {
        let mut memory = self.memory();
        memory.claimed = memory.claimed.max(fence.0);
    }

    /// Remembers how a lease was closed; one that was released never was.
    pub(super) fn closed(&self, fence: Fence, ending: Option<&str>) {
        let mut memory = self.memory();
        let Some(ending) = ending else {
            memory.grants.remove(&fence.0);
            return;
        };
        if let Some(grant) = memory.grants.get_mut(&fence.0) {
            grant.ending = Some(ending.into());
        }
    }

    /// Remembers what a look at the ledger showed.
    pub(super) fn saw(&self, now: Timestamp, seen: &Observed) {
        let mut memory = self.memory();
        for (domain, counters) in &seen.domains {
            for (start, units) in counters.lasting().days.iter() {
                let field = format!("day:{}", start.as_millis());
                memory.count(("domain".into(), key::domain(domain), field), units.into(), now);
            }
            if counters.lasting().learned != Learned::NOTHING {
                memory.learned.insert(domain.clone(), counters.lasting().learned);
            }
        }
        memory.rests.extend(seen.coolings.iter().cloned());
        memory.trials.extend(seen.probations.iter().cloned());
    }

    /// Remembers what the ledger told of itself and of other services, and forgets what nothing depends on any more.
    pub(super) fn heard(&self, mut outlook: Outlook) {
        let mut memory = self.memory();
        let now = outlook.at;
        for (name, moment, left) in mem::take(&mut outlook.peers) {
            memory.peers.insert(name, (moment, Timestamp::from_millis(left)));
        }
        if outlook.ends == 0 {
            memory.claimed = 0;
        }
        memory.outlook = outlook;
        memory.peers.retain(|_, (_, left)| *left > now);
        memory.forget(now);
        memory.tallies.retain(|_, (_, told)| *told + COUNTED > now);
        memory.rests.retain(|_, rest| rest.until > now);
        memory.trials.retain(|_, trial| trial.holds(now));
        memory.learned.retain(|_, learned| learned.believed(now) != Learned::NOTHING);
    }

    /// A word to the ledger, before it is known whether it lacks anything.
    pub(super) fn greeting(&self) -> Testimony {
        let memory = self.memory();
        Testimony { fence: memory.fence, ..memory.about_others(self.learning) }
    }

    /// All that the ledger may lack which has every lease up to the fence `base`, in portions. From now on no grant of
    /// the incarnation before is taken for one.
    pub(super) fn testimony(&self, base: u64) -> Vec<Testimony> {
        let mut memory = self.memory();
        memory.is_current = false;
        let leases: Vec<_> = memory.grants.range(base + 1..).map(|(_, grant)| grant.told()).collect();
        let mut portions: Vec<_> = leases
            .chunks(TOLD)
            .map(|leases| Testimony { leases: leases.to_vec(), ..Testimony::empty(self.learning) })
            .collect();
        portions.push(Testimony {
            complete: true,
            fence: memory.fence,
            tallies: memory.tallies.iter().map(tally).collect(),
            rests: memory.rests.iter().map(rest).collect(),
            trials: memory.trials.iter().map(trial).collect(),
            learned: memory.learned.iter().flat_map(learned).collect(),
            ..memory.about_others(self.learning)
        });
        portions
    }

    /// Notes that the ledger heard all of it in this incarnation.
    pub(super) fn testified(&self, incarnation: u64) {
        let mut memory = self.memory();
        memory.incarnation = incarnation;
        memory.is_current = true;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Keeps the latest that was told of something counted; answers may overtake one another.
    fn count(&mut self, subject: Subject, units: u64, now: Timestamp) {
        let counted = self.tallies.entry(subject).or_insert((units, now));
        match counted.1.cmp(&now) {
            Ordering::Less => *counted = (units, now),
            Ordering::Equal => counted.0 = counted.0.max(units),
            Ordering::Greater => {}
        }
    }

    /// What the ledger told of itself and of other services, and nothing else.
    fn about_others(&self, learning: Learning) -> Testimony {
        let Outlook { at, ends, surely, .. } = self.outlook;
        let peer = |(name, (moment, left)): (&String, &(u64, Timestamp))| -> Peer {
            (name.clone(), *moment, left.as_millis())
        };
        let peers = self.peers.iter().map(peer).collect();
        let claimed = self.claimed;
        Testimony { peers, round: at.as_millis(), ends, surely, claimed, ..Testimony::empty(learning) }
    }

    /// Forgets leases that can neither be active nor counted in a minute any more.
    fn forget(&mut self, now: Timestamp) {
        while let Some(first) =
            self.grants.first_entry().filter(|it| it.get().granted_at + term::LONGEST <= now)
        {
            first.remove();
        }
    }
}

impl Grant {
    fn told(&self) -> GrantRecord {
        GrantRecord { id: self.id.to_string(), lease: self.record.clone(), ending: self.ending.clone() }
    }
}

fn tally((subject, (units, told)): (&Subject, &(u64, Timestamp))) -> TallyRecord {
    let (kind, name, field) = subject.clone();
    (kind, name, field, *units, told.as_millis())
}

fn rest((scope, cooling): (&Scope, &Cooling)) -> (String, u64, &'static str) {
    (key::scope(scope), cooling.until.as_millis(), cooling.reason.as_str())
}

fn trial((scope, trial): (&Scope, &Probation)) -> TrialRecord {
    (key::scope(scope), trial.since.as_millis(), trial.rounds, trial.reason.as_str())
}

fn learned((domain, learned): (&QuotaDomain, &Learned)) -> Vec<LearnedRecord> {
    let told = |quota: Quota| {
        let LearnedLimit { limit, since } = learned.get(quota)?;
        Some((key::domain(domain), quota.as_str(), limit, since.as_millis()))
    };
    Quota::ALL.into_iter().filter_map(told).collect()
}
