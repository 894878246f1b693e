//! The requests that are remembered: those in flight, and the last that are over.

use std::collections::{BTreeMap, VecDeque};

use domain::{
    AccountId,
    activity::{Refusal, RequestRecord},
};

/// The most requests that are remembered when they are over.
const MOST: usize = 1_000;
/// What these may weigh together, in bytes, about.
const HEAVIEST: usize = 4 << 20;
/// The most requests that are told at once.
const PIECE: usize = 100;

/// Which request, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

/// What is remembered. Every change has a number, its revision.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: BTreeMap<Number, Entry>,
    /// Those that are over, longest ago first, and what they weigh.
    over: VecDeque<(Number, usize)>,
    weight: usize,
    /// The last of each account and model, with the revision.
    refusals: BTreeMap<(AccountId, String), (Refusal, u64)>,
    begun: u64,
    revision: u64,
    waiting: u32,
}

#[derive(Debug)]
struct Entry {
    record: RequestRecord,
    /// That of the last change.
    revision: u64,
    over: bool,
}

impl Log {
    /// Remembers a request.
    pub(super) fn begin(&mut self, record: RequestRecord) -> Number {
        let number = Number(self.begun);
        self.begun += 1;
        self.revision += 1;
        self.requests.insert(number, Entry { record, revision: self.revision, over: false });
        number
    }

    /// Changes a request, if it is still remembered.
    pub(super) fn change<T>(
        &mut self,
        number: Number,
        change: impl FnOnce(&mut RequestRecord) -> T,
    ) -> Option<T> {
        let entry = self.requests.get_mut(&number)?;
        self.revision += 1;
        entry.revision = self.revision;
        let changed = change(&mut entry.record);
        if !entry.over && entry.record.is_over() {
            entry.over = true;
            let weight = entry.record.weight();
            self.over.push_back((number, weight));
            self.weight += weight;
            self.forget();
        }
        Some(changed)
    }

    /// Notes that so many more wishes wait.
    pub(super) fn wait(&mut self, change: i32) {
        self.revision += 1;
        self.waiting = self.waiting.saturating_add_signed(change);
    }

    /// Remembers how a provider refused an account, until it does again.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.revision += 1;
        let place = (refusal.account.clone(), refusal.model.clone());
        self.refusals.insert(place, (refusal, self.revision));
    }

    /// Refusals after a revision.
    pub(super) fn refusals_since(&self, told: u64) -> Vec<Refusal> {
        let new = self.refusals.values().filter(|(_, revision)| *revision > told);
        new.map(|(refusal, _)| refusal.clone()).collect()
    }

    /// How many wishes wait.
    pub(super) const fn waiting(&self) -> u32 {
        self.waiting
    }

    /// The last change.
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Requests that changed after a revision, the longest ago first; and up to which revision these are all.
    pub(super) fn since(&self, told: u64) -> (u64, Vec<RequestRecord>) {
        let mut changed: Vec<_> = self.requests.values().filter(|entry| entry.revision > told).collect();
        changed.sort_unstable_by_key(|entry| entry.revision);
        let up_to = if changed.len() > PIECE { changed[PIECE - 1].revision } else { self.revision };
        (up_to, changed.into_iter().take(PIECE).map(|entry| entry.record.clone()).collect())
    }

    fn forget(&mut self) {
        while self.over.len() > MOST || self.weight > HEAVIEST {
            let Some((number, weight)) = self.over.pop_front() else { return };
            self.weight -= weight;
            self.requests.remove(&number);
        }
    }
}
