//! A request as lists show it.

use std::{collections::BTreeSet, sync::Arc};

use domain::activity::RequestRecord;
use serde::Serialize;

/// How much of a prompt a list shows, in characters.
const PROMPT: usize = 160;

/// A request that is remembered.
pub(crate) struct Entry {
    /// The service that answers it.
    pub(crate) service: Arc<str>,
    /// What became of it.
    pub(crate) record: RequestRecord,
    /// The same as lists show it.
    pub(crate) row: Row,
    /// What browsers were told last.
    pub(crate) told: Option<Row>,
}

/// A request as browsers are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    id: String,
    /// When it came, in milliseconds.
    at: u64,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    model: String,
    ratio: String,
    resolution: String,
    asked: u32,
    came: usize,
    /// `queued` and `drawing` while it is in flight; then `delivered`, `partly`, `abandoned`, or the kind of failure.
    state: &'static str,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<u64>,
    /// In millionths of a US dollar.
    cost: u64,
    attempts: usize,
    accounts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
}

impl Entry {
    /// What a service told.
    pub(crate) fn new(service: Arc<str>, record: RequestRecord, told: Option<Row>) -> Self {
        let row = Row::of(&record);
        Self { service, record, row, told }
    }

    /// What it holds, in bytes, about: the record, and its row now and as it was told.
    pub(crate) fn weight(&self) -> usize {
        const NAMES: usize = 128;
        self.record.weight() + 2 * (size_of::<Row>() + NAMES)
    }
}

impl Row {
    /// The row of a request.
    pub(crate) fn of(record: &RequestRecord) -> Self {
        let leases = record.attempts().filter_map(|attempt| attempt.lease.as_ref());
        let accounts: BTreeSet<_> = leases.map(|lease| lease.account.as_str()).collect();
        Self {
            id: record.id.to_string(),
            at: record.begun_at.as_millis(),
            client: record.client.to_string(),
            dialect: record.dialect.map(domain::Dialect::as_str),
            model: record.model.clone(),
            ratio: record.spec.aspect_ratio.to_string(),
            resolution: record.spec.resolution.to_string(),
            asked: record.count.get(),
            came: record.came(),
            state: state(record),
            took: record.end.map(|end| duration(end.at.since(record.begun_at))),
            cost: record.cost_micro_usd(),
            attempts: record.attempts().count(),
            accounts: accounts.into_iter().map(str::to_owned).collect(),
            prompt: record.prompt.as_ref().map(|prompt| prompt.chars().take(PROMPT).collect()),
        }
    }
}

/// How it stands with a request, in a word.
pub(crate) fn state(record: &RequestRecord) -> &'static str {
    use domain::activity::RequestOutcome::Delivered;
    match record.end {
        Some(end) if end.outcome == Delivered && record.came() < record.count.get() as usize => "partly",
        Some(end) => end.outcome.as_str(),
        None if record.attempts().any(|attempt| attempt.called_at.is_some()) => "drawing",
        None => "queued",
    }
}

fn duration(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
