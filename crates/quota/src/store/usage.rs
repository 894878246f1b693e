//! The usage log as every store keeps it: what is asked of it, how long it lasts, how a record is written, and how
//! sums are kept in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use domain::{
    AccountId, CallOutcome, ClientId, LeaseId, RequestId, Timestamp, Usage, UsageFilter, UsageOutcome,
    UsageRecord, UsageSum, UsageTotal,
};
use serde::{Deserialize, Serialize};

use super::{
    key,
    ledger::{Ending, Entry},
    order::Reckoning,
};

/// How long a record is kept at the most.
pub(crate) const RECORDS_LAST: Duration = Duration::from_hours(30 * 24);
/// How many records are kept at the most.
pub(crate) const MOST_RECORDS: usize = 200_000;
/// How long the sums of a day are kept.
pub(crate) const TOTALS_LAST: Duration = Duration::from_hours(400 * 24);

/// Where reading goes on: what a page ended with, in the store's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCursor(pub(crate) String);

/// Some records, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsagePage {
    /// The records.
    pub records: Vec<UsageRecord>,
    /// Where older ones begin, if there may be any.
    pub older: Option<UsageCursor>,
}

/// The record of a lease that ended at `now`: by what was heard of it, or by its term. `amends` where it had ended by
/// its term before.
pub(crate) fn record(entry: &Entry, ending: Option<&Ending>, amends: bool, now: Timestamp) -> UsageRecord {
    let Entry { lease, order, granted_at, .. } = entry;
    let reserved = order.reserved();
    let cost = ending.map_or(reserved, |ending| order.spent(ending)).micro_usd;
    let before = if amends { reserved.micro_usd } else { 0 };
    let (images, tokens) = came(ending);
    UsageRecord {
        at: now,
        day: domain::PacificDay::of(*granted_at).start,
        lease: lease.id.clone(),
        request: order.request.clone(),
        client: order.client.clone(),
        account: lease.account.clone(),
        domain: lease.domain.clone(),
        resolution: order.rate.resolution,
        outcome: outcome(ending),
        images,
        tokens,
        cost_micro_usd: signed(cost).saturating_sub(signed(before)),
        possibly_billed: ending.is_none_or(|ending| Reckoning::of(ending) == Reckoning::Reserved),
        amends,
    }
}

/// The word for how a lease ended.
pub(crate) fn outcome(ending: Option<&Ending>) -> UsageOutcome {
    match ending {
        None => UsageOutcome::EXPIRED,
        Some(Ending::Released) => UsageOutcome::RELEASED,
        Some(Ending::Settled(outcome)) => outcome.into(),
    }
}

/// What came of a lease: pictures, and tokens.
pub(crate) fn came(ending: Option<&Ending>) -> (u32, Usage) {
    match ending {
        Some(Ending::Settled(CallOutcome::Delivered { images, usage })) => (*images, *usage),
        _ => (0, Usage::default()),
    }
}

/// Tokens as they are written: of text and of pictures read, of text and of pictures written.
pub(crate) const fn listed(tokens: Usage) -> [u64; 4] {
    let Usage { input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens } = tokens;
    [input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens]
}

fn signed(micro_usd: u64) -> i64 {
    i64::try_from(micro_usd).unwrap_or(i64::MAX)
}

/// A record as it stands in a file or in Redis.
#[derive(Serialize, Deserialize)]
pub(crate) struct UsageRow {
    at_ms: u64,
    day_ms: u64,
    lease: String,
    request: String,
    client: String,
    account: String,
    domain: String,
    resolution: String,
    outcome: String,
    images: u32,
    /// As [`listed`].
    tokens: [u64; 4],
    cost_micro_usd: i64,
    possibly_billed: bool,
    amends: bool,
}

impl From<&UsageRecord> for UsageRow {
    fn from(record: &UsageRecord) -> Self {
        Self {
            at_ms: record.at.as_millis(),
            day_ms: record.day.as_millis(),
            lease: record.lease.to_string(),
            request: record.request.to_string(),
            client: record.client.to_string(),
            account: record.account.to_string(),
            domain: key::domain(&record.domain),
            resolution: record.resolution.to_string(),
            outcome: record.outcome.to_string(),
            images: record.images,
            tokens: listed(record.tokens),
            cost_micro_usd: record.cost_micro_usd,
            possibly_billed: record.possibly_billed,
            amends: record.amends,
        }
    }
}

impl TryFrom<UsageRow> for UsageRecord {
    type Error = String;

    fn try_from(row: UsageRow) -> Result<Self, String> {
        let [input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens] = row.tokens;
        Ok(Self {
            at: Timestamp::from_millis(row.at_ms),
            day: Timestamp::from_millis(row.day_ms),
            lease: LeaseId::new(row.lease).map_err(key::told)?,
            request: RequestId::new(row.request).map_err(key::told)?,
            client: ClientId::new(row.client).map_err(key::told)?,
            account: AccountId::new(row.account).map_err(key::told)?,
            domain: key::read_domain(&row.domain)?,
            resolution: row.resolution.parse().map_err(key::told)?,
            outcome: row.outcome.parse().map_err(key::told)?,
            images: row.images,
            tokens: Usage { input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens },
            cost_micro_usd: row.cost_micro_usd,
            possibly_billed: row.possibly_billed,
            amends: row.amends,
        })
    }
}

/// Sums by day, client, account and model.
#[derive(Debug, Default)]
pub(crate) struct Totals(BTreeMap<Subject, UsageSum>);

type Subject = (Timestamp, ClientId, AccountId, String);

impl Totals {
    /// Adds to the sums of a subject.
    pub(crate) fn add(&mut self, subject: Subject, sum: UsageSum) {
        *self.0.entry(subject).or_default() += sum;
    }

    /// The sums that a filter admits, by day.
    pub(crate) fn admitted(&self, filter: &UsageFilter) -> Vec<UsageTotal> {
        let admitted = self.0.iter().filter(|((day, client, account, model), _)| {
            filter.admits_day(*day) && filter.admits_subject(client, account, model)
        });
        let total = |((day, client, account, model), sum): (&Subject, &UsageSum)| UsageTotal {
            day: *day,
            client: client.clone(),
            account: account.clone(),
            model: model.clone(),
            sum: *sum,
        };
        admitted.map(total).collect()
    }
}

/// The subject of a record.
pub(crate) fn subject(record: &UsageRecord) -> Subject {
    let UsageRecord { day, client, account, domain, .. } = record;
    (*day, client.clone(), account.clone(), domain.model.clone())
}

/// A usage log in memory.
#[derive(Debug, Default)]
pub(crate) struct UsageLog {
    /// Oldest first.
    records: VecDeque<UsageRecord>,
    /// The number of the first record that is kept.
    first: u64,
    totals: Totals,
}

impl UsageLog {
    /// Appends a record, and drops those that need not be kept any more.
    pub(crate) fn append(&mut self, record: UsageRecord) {
        let now = record.at;
        self.totals.add(subject(&record), UsageSum::from(&record));
        self.records.push_back(record);
        while self.records.len() > MOST_RECORDS
            || self.records.front().is_some_and(|oldest| oldest.at + RECORDS_LAST <= now)
        {
            self.records.pop_front();
            self.first += 1;
        }
        while let Some(oldest) = self.totals.0.first_entry().filter(|it| it.key().0 + TOTALS_LAST <= now) {
            oldest.remove();
        }
    }

    /// The records that a filter admits, newest first from the cursor on.
    pub(crate) fn page(&self, filter: &UsageFilter, from: Option<&UsageCursor>, limit: usize) -> UsagePage {
        let before = from.and_then(|cursor| cursor.0.parse::<u64>().ok()).unwrap_or(u64::MAX);
        let numbered = (self.first..).zip(&self.records);
        let mut admitted: Vec<_> =
            numbered.filter(|(number, record)| *number < before && filter.admits(record)).collect();
        let surplus = admitted.len().saturating_sub(limit);
        let page = admitted.split_off(surplus);
        let older = page.first().filter(|_| surplus > 0).map(|(number, _)| UsageCursor(number.to_string()));
        UsagePage { records: page.into_iter().rev().map(|(_, record)| record.clone()).collect(), older }
    }

    /// The sums that a filter admits, by day.
    pub(crate) fn totals(&self, filter: &UsageFilter) -> Vec<UsageTotal> {
        self.totals.admitted(filter)
    }
}
