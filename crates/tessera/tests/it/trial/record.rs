//! What a trial saw: the provider's arrival log, the talk with the ledger, and the answers that clients got.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    FailureKind, Fence, LeaseId, Limits, Settlement, Timestamp, UsageRecord, UsageTotal,
    lease::{Acquired, Closing, LeaseRequest, Renewal},
};

/// All that a trial saw. Everything is judged by this and nothing else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// What each project is allowed, for each model.
    pub(crate) projects: BTreeMap<String, Limits>,
    /// Within how long every request must be answered.
    pub(crate) deadline: Duration,
    /// How long the provider asks to wait where a rule of its script says `quota-minute`.
    pub(crate) throttling: Duration,
    /// How many generation processes there were, one after the other at each post.
    pub(crate) generation_lives: u32,
    /// When the ledger was made to forget what it knew.
    pub(crate) forgotten: Vec<Timestamp>,
    /// The provider's arrival log, oldest first.
    pub(crate) calls: Vec<Call>,
    /// The talk with the ledger, in the order of the questions.
    pub(crate) exchanges: Vec<Exchange>,
    /// What clients were answered.
    pub(crate) answers: Vec<Answer>,
    /// What the ledger said in the end that was used, if it was asked.
    pub(crate) used: Option<Used>,
}

/// What the ledger says that was used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    /// When it was asked.
    pub(crate) at: Timestamp,
    pub(crate) records: Vec<UsageRecord>,
    pub(crate) totals: Vec<UsageTotal>,
}

/// A call that reached the provider.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// When it arrived.
    pub(crate) at: Timestamp,
    /// The account whose key it brought.
    pub(crate) account: String,
    /// Whose quota it spent.
    pub(crate) project: String,
    /// The model it named.
    pub(crate) model: String,
    /// Which request it belongs to, by the prompt.
    pub(crate) prompt: String,
    /// The status answered, if any was.
    pub(crate) status: Option<u16>,
    /// The fault that the provider was told to have.
    pub(crate) fault: Option<String>,
    /// Whether a picture was drawn that has to be paid for.
    pub(crate) billed: bool,
}

/// One question to the ledger and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// Who asked.
    pub(crate) by: Asker,
    /// When it was asked.
    pub(crate) asked: Moment,
    /// What was asked.
    pub(crate) question: Question,
    /// When and what was answered; nothing where it failed or was given up.
    pub(crate) answer: Option<(Moment, Told)>,
}

/// A moment, with its place among all moments of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Its place.
    pub(crate) order: u64,
    /// When it was.
    pub(crate) at: Timestamp,
}

/// Who asks the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A generation process.
    Worker,
    /// The trial, which says again what a worker said and was answered.
    Repeater,
    /// The trial, which closes a lease with the fence of another.
    Stranger,
    /// The trial, which closes a closed lease in another way.
    Contradictor,
}

/// What is asked of the ledger.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    /// Leases.
    Acquire(LeaseRequest),
    /// To prolong a lease.
    Renew(LeaseId),
    /// To close a lease, with how its call ended.
    Settle(LeaseId, Fence, Settlement),
    /// To take a lease back.
    Release(LeaseId, Fence),
}

/// What the ledger answered.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// To a wish for leases.
    Acquired(Acquired),
    /// To a renewal.
    Renewed(Renewal),
    /// To a settlement or a release.
    Closed(Closing),
}

/// What a client was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// What it wrote in its prompt, different for every request.
    pub(crate) prompt: String,
    /// What the request was called on the way; unknown where no head of an answer came.
    pub(crate) request: Option<String>,
    /// When it asked.
    pub(crate) asked: Timestamp,
    /// When the answer ended.
    pub(crate) ended: Timestamp,
    /// How many pictures it asked for.
    pub(crate) wanted: u32,
    /// How many came whole.
    pub(crate) delivered: u32,
    /// How it ended.
    pub(crate) end: End,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Well, though perhaps not with every picture: why the others did not come.
    Finished(Vec<FailureKind>),
    /// With a refusal.
    Refused(Refusal),
    /// Somewhere on the way: a process died, or the client's patience ended.
    Broken,
}

/// A refusal as its client read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Its status or kind, for people.
    pub(crate) what: String,
    /// Whether something of ours was missing: 503 in a dialect.
    pub(crate) unavailable: bool,
    /// Whether a limit was in the way: 429 in a dialect.
    pub(crate) limited: bool,
    /// When to ask again.
    pub(crate) retry_after: Option<Duration>,
    /// Whether it warned that a picture may have been paid for.
    pub(crate) possibly_billed: bool,
}

impl Call {
    /// Whether the provider refused it for a limit, and not because its script said so.
    pub(crate) fn overstepped(&self) -> bool {
        self.status == Some(429) && self.fault.is_none()
    }
}

impl Answer {
    /// How long it took.
    pub(crate) fn took(&self) -> Duration {
        self.ended.since(self.asked)
    }

    /// Whether every picture came.
    pub(crate) fn is_whole(&self) -> bool {
        self.delivered == self.wanted && matches!(self.end, End::Finished(_))
    }

    /// Whether its client knows that what did not come was not paid for either.
    pub(crate) fn is_clear(&self) -> bool {
        match &self.end {
            End::Finished(failures) => !failures.iter().any(|kind| kind.possibly_billed()),
            End::Refused(refusal) => !refusal.possibly_billed,
            End::Broken => false,
        }
    }
}
