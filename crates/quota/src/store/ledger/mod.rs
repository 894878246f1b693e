//! The rules of leasing as plain data and plain functions: no lock, no medium, no clock.
//!
//! Every operation takes the present moment, decides, and notes which records it changed; whoever owns the ledger
//! may then persist those. Windows and slots are not records of their own: they follow from the leases, so that
//! nothing can drift apart.

mod acquire;
mod client;
mod close;
mod counters;
mod entry;
mod judge;
mod minute;
mod past;
mod place;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use domain::{AccountId, ClientId, Fence, LeaseId, QuotaDomain, Timestamp, UsageRecord};

pub(crate) use client::{ClientCounters, SpentDays};
pub(crate) use counters::{Counters, Days, Lasting, MIDNIGHT};
pub(crate) use entry::{AWAITED, Ending, Entry, REMEMBERED, State, spent};
pub(crate) use minute::{Minute, was_answered};

use self::past::Past;
use super::{Cooling, Scope, probation::Probation};

/// How long to wait where only calls in flight are in the way: any of them may end at once.
const LANDING: Duration = Duration::from_secs(1);

/// All leases that are remembered, and what is counted of them.
pub(crate) struct Ledger {
    /// The latest moment it was told of.
    now: Timestamp,
    /// The last fence it gave.
    fence: Fence,
    past: Past,
    leases: HashMap<LeaseId, Entry>,
    /// When each lease next needs attention: to expire, or to be forgotten.
    agenda: BTreeMap<(Timestamp, Fence), LeaseId>,
    domains: HashMap<QuotaDomain, Counters>,
    clients: HashMap<ClientId, ClientCounters>,
    coolings: HashMap<Scope, Cooling>,
    probations: HashMap<Scope, Probation>,
    last_used: HashMap<AccountId, Fence>,
    changes: Changes,
}

/// The records that were written or removed since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) leases: BTreeSet<LeaseId>,
    pub(crate) domains: BTreeSet<QuotaDomain>,
    pub(crate) clients: BTreeSet<ClientId>,
    pub(crate) coolings: BTreeSet<Scope>,
    pub(crate) probations: BTreeSet<Scope>,
    /// What is appended to the usage log.
    pub(crate) usage: Vec<UsageRecord>,
    /// Domains of leases that changed: what is counted of them follows from the leases, and is no record.
    pub(crate) stirred: BTreeSet<QuotaDomain>,
}

impl Changes {
    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.leases.is_empty()
            && self.domains.is_empty()
            && self.clients.is_empty()
            && self.coolings.is_empty()
            && self.probations.is_empty()
    }
}

/// What a ledger was when it was persisted.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) now: Timestamp,
    pub(crate) fence: Fence,
    pub(crate) leases: Vec<Entry>,
    pub(crate) domains: Vec<(QuotaDomain, Lasting)>,
    pub(crate) clients: Vec<(ClientId, SpentDays)>,
    pub(crate) coolings: Vec<(Scope, Cooling)>,
    pub(crate) probations: Vec<(Scope, Probation)>,
}

/// What is told of some domains, clients, scopes and accounts of a ledger that is kept elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) domains: Vec<(QuotaDomain, Counters)>,
    pub(crate) clients: Vec<(ClientId, ClientCounters)>,
    pub(crate) coolings: Vec<(Scope, Cooling)>,
    pub(crate) probations: Vec<(Scope, Probation)>,
    pub(crate) last_used: Vec<(AccountId, Fence)>,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now,
            fence: Fence(0),
            past: Past::new(Fence(0), now),
            leases: HashMap::new(),
            agenda: BTreeMap::new(),
            domains: HashMap::new(),
            clients: HashMap::new(),
            coolings: HashMap::new(),
            probations: HashMap::new(),
            last_used: HashMap::new(),
            changes: Changes::default(),
        }
    }

    /// The ledger as it was, with windows and slots counted anew from its leases.
    pub(crate) fn restore(saved: Saved, now: Timestamp) -> Self {
        let mut ledger = Self::new(now.max(saved.now));
        ledger.fence = saved.fence;
        ledger.past = Past::new(saved.fence, ledger.now);
        ledger.coolings = saved.coolings.into_iter().collect();
        ledger.probations = saved.probations.into_iter().collect();
        let domains = saved.domains.into_iter();
        ledger.domains = domains.map(|(domain, lasting)| (domain, Counters::restore(lasting))).collect();
        let clients = saved.clients.into_iter();
        ledger.clients = clients.map(|(client, days)| (client, ClientCounters::restore(days))).collect();
        let mut leases = saved.leases;
        leases.sort_by_key(|entry| entry.lease.fence);
        for entry in leases {
            ledger.recall(entry);
        }
        ledger
    }

    /// What another keeper tells of its ledger, without the leases: enough to see how candidates stand.
    pub(crate) fn observed(now: Timestamp, seen: Observed) -> Self {
        let mut ledger = Self::new(now);
        ledger.domains = seen.domains.into_iter().collect();
        ledger.clients = seen.clients.into_iter().collect();
        ledger.coolings = seen.coolings.into_iter().collect();
        ledger.probations = seen.probations.into_iter().collect();
        ledger.last_used = seen.last_used.into_iter().collect();
        ledger
    }

    fn recall(&mut self, entry: Entry) {
        let lease = &entry.lease;
        self.domains.entry(lease.domain.clone()).or_default().depart(&entry, self.now);
        self.clients.entry(entry.order.client.clone()).or_default().recall(&entry);
        self.agenda.insert(entry.due(), lease.id.clone());
        self.last_used.insert(lease.account.clone(), lease.fence);
        self.leases.insert(lease.id.clone(), entry);
    }

    /// The latest moment it was told of.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The last fence it gave.
    pub(crate) fn fence(&self) -> Fence {
        self.fence
    }

    /// A lease, if it is remembered.
    pub(crate) fn lease(&self, id: &LeaseId) -> Option<&Entry> {
        self.leases.get(id)
    }

    /// What is counted of a domain, if anything is.
    pub(crate) fn counters(&self, domain: &QuotaDomain) -> Option<&Counters> {
        self.domains.get(domain)
    }

    /// What is counted of a client, if anything is.
    pub(crate) fn client(&self, client: &ClientId) -> Option<&ClientCounters> {
        self.clients.get(client)
    }

    /// What rests a scope, if anything does.
    pub(crate) fn cooling(&self, scope: &Scope) -> Option<&Cooling> {
        self.coolings.get(scope)
    }

    /// What a scope has to prove, if anything.
    pub(crate) fn probation(&self, scope: &Scope) -> Option<&Probation> {
        self.probations.get(scope)
    }

    /// The records that changed since this was last asked.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Moves on to `moment`, and never back.
    fn tick(&mut self, moment: Timestamp) -> Timestamp {
        self.now = self.now.max(moment);
        self.now
    }
}
