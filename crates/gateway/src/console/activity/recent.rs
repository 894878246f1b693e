//! The requests that are remembered: those in flight, and the last that are over.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use domain::{RequestId, Timestamp, activity::RequestRecord};

use crate::console::requests::{Entry, Row};

/// The most requests that are remembered when they are over.
pub(crate) const MOST: usize = 1_000;
/// What these may weigh together, in bytes, about.
const HEAVIEST: usize = 16 << 20;
/// The most requests in flight that are remembered.
const IN_FLIGHT: usize = 10_000;

/// What is remembered.
#[derive(Default)]
pub(super) struct Recent {
    entries: HashMap<RequestId, Entry>,
    /// Those that are over, longest ago first, with when they began and what they weigh.
    over: VecDeque<(RequestId, Timestamp, usize)>,
    weight: usize,
    /// Those of which there is news since browsers were told.
    changed: BTreeSet<RequestId>,
    /// Those that browsers were told of and that are remembered no more.
    gone: Vec<RequestId>,
}

/// A request that has just come to its end.
pub(super) struct Over<'a> {
    pub(super) record: &'a RequestRecord,
    /// Whether it was known while it was in flight.
    pub(super) was_known: bool,
    pub(super) at: Timestamp,
}

/// What is new since browsers were told.
#[derive(Default)]
pub(super) struct News {
    /// Those whose rows are new or other.
    pub(super) rows: Vec<RequestId>,
    /// Those of which only more is known.
    pub(super) others: Vec<RequestId>,
    /// Those that are remembered no more.
    pub(super) gone: Vec<String>,
}

impl Recent {
    /// Takes what a service told of a request; answers its end, if this is it.
    pub(super) fn take(&mut self, service: &Arc<str>, record: RequestRecord) -> Option<Over<'_>> {
        let id = record.id.clone();
        let same = |before: &&Entry| before.record.begun_at == record.begun_at;
        let before = self.entries.get(&id).filter(same);
        let (was_known, was_over) = (before.is_some(), before.is_some_and(|entry| entry.record.is_over()));
        if !was_known && self.entries.len() - self.over.len().min(self.entries.len()) >= IN_FLIGHT {
            return None;
        }
        self.changed.insert(id.clone());
        let told = self.entries.remove(&id).and_then(|entry| entry.told);
        let entry = Entry::new(Arc::clone(service), record, told);
        let is_over = entry.record.is_over() && !was_over;
        if is_over {
            let weight = entry.weight();
            self.over.push_back((id.clone(), entry.record.begun_at, weight));
            self.weight += weight;
        }
        self.entries.insert(id.clone(), entry);
        if !is_over {
            return None;
        }
        self.forget();
        let record = &self.entries.get(&id)?.record;
        Some(Over { record, was_known, at: record.end?.at })
    }

    /// A request.
    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(&RequestId::new(id).ok()?)
    }

    /// Every row, in no order.
    pub(super) fn rows(&self) -> Vec<&Row> {
        self.entries.values().map(|entry| &entry.row).collect()
    }

    /// The rows of these.
    pub(super) fn those(&self, ids: &[RequestId]) -> Vec<&Row> {
        ids.iter().filter_map(|id| Some(&self.entries.get(id)?.row)).collect()
    }

    /// What is new since this was asked last, if anything is.
    pub(super) fn news(&mut self) -> Option<News> {
        if self.changed.is_empty() && self.gone.is_empty() {
            return None;
        }
        let mut news = News::default();
        for id in std::mem::take(&mut self.changed) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.told.as_ref() == Some(&entry.row) {
                news.others.push(id);
            } else {
                entry.told = Some(entry.row.clone());
                news.rows.push(id);
            }
        }
        let gone = std::mem::take(&mut self.gone).into_iter();
        news.gone = gone.filter(|id| !self.entries.contains_key(id)).map(|id| id.to_string()).collect();
        Some(news)
    }

    /// Forgets what a service has in flight: it tells it anew, or will never tell its end.
    pub(super) fn drop_unfinished_of(&mut self, service: &str) {
        let theirs = |entry: &mut Entry| *entry.service == *service && !entry.record.is_over();
        self.gone.extend(self.entries.extract_if(|_, entry| theirs(entry)).map(|(id, _)| id));
    }

    fn forget(&mut self) {
        while self.over.len() > MOST || self.weight > HEAVIEST {
            let Some((id, begun_at, weight)) = self.over.pop_front() else { return };
            self.weight -= weight;
            let it_is = |entry: &Entry| entry.record.begun_at == begun_at;
            if self.entries.get(&id).is_some_and(it_is) {
                self.entries.remove(&id);
                self.gone.push(id);
            }
        }
    }
}

impl News {
    /// The names of those of which only more is known.
    pub(super) fn others(&self) -> Vec<&str> {
        self.others.iter().map(RequestId::as_str).collect()
    }
}
