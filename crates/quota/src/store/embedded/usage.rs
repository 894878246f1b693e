//! The usage log in the tables: appended with everything else, summed as it is appended, and read by range.

use std::collections::BTreeMap;

use domain::{Timestamp, UsageFilter, UsageRecord, UsageSum, UsageTotal};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, TableError, WriteTransaction};
use serde_json::value::RawValue;

use super::{
    failed, record,
    step::Table,
    tables::{TOTALS, Tables, USAGE},
};
use crate::store::{
    StoreError, UsageCursor, UsagePage,
    usage::{MOST_RECORDS, RECORDS_LAST, TOTALS_LAST},
};

/// The most records that one page looks through.
const LOOKED_THROUGH: usize = 5_000;

/// Sums the records among these rows, which are appended by `now`, and drops what need not be kept any more.
pub(super) fn account(
    transaction: &WriteTransaction,
    rows: &BTreeMap<(Table, &str), Option<&RawValue>>,
    now: Timestamp,
) -> Result<(), redb::Error> {
    let appended = rows.range((Table::Usage, "")..).filter_map(|((_, key), record)| Some((*key, (*record)?)));
    let mut appended = appended.peekable();
    if appended.peek().is_none() {
        return Ok(());
    }
    let mut totals = transaction.open_table(TOTALS)?;
    for (key, record) in appended {
        let (_, record) = record::read_usage(key.as_bytes(), record.get().as_bytes()).map_err(malformed)?;
        let key = record::total_key(&record);
        let mut sum = match totals.get(key.as_bytes())? {
            Some(found) => record::read_total(key.as_bytes(), found.value()).map_err(malformed)?.sum,
            None => UsageSum::default(),
        };
        sum += UsageSum::from(&record);
        totals.insert(key.as_bytes(), record::write_total(sum).as_slice())?;
    }
    let ended = first_key(now - TOTALS_LAST);
    totals.retain_in(..ended.as_bytes(), |_, _| false)?;
    let mut usage = transaction.open_table(USAGE)?;
    let ended = first_key(now - RECORDS_LAST);
    usage.retain_in(..ended.as_bytes(), |_, _| false)?;
    while usage.len()? > MOST_RECORDS as u64 {
        usage.pop_first()?;
    }
    Ok(())
}

/// The tables as they were at one moment, whatever is written since.
pub(super) struct Snapshot(ReadTransaction);

impl Tables {
    /// The tables as they are now.
    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.begin_read().map(Snapshot)
    }
}

impl Snapshot {
    /// The records that a filter admits, newest first from the cursor on.
    pub(super) fn usage(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        let table = self.0.open_table(USAGE).map_err(|error| unread(error.into()))?;
        let before = from.map_or_else(|| "~".to_owned(), |cursor| cursor.0.clone());
        let since = first_key(filter.since.unwrap_or_default());
        let rows = table.range(since.as_bytes()..before.as_bytes().max(since.as_bytes()));
        let rows = rows.map_err(|error| unread(error.into()))?;
        let (mut records, mut looked_through) = (Vec::<UsageRecord>::new(), 0);
        for row in rows.rev() {
            let (key, value) = row.map_err(|error| unread(error.into()))?;
            let (key, record) = record::read_usage(key.value(), value.value())?;
            looked_through += 1;
            if filter.admits(&record) {
                records.push(record);
            }
            if records.len() >= limit || looked_through >= LOOKED_THROUGH {
                return Ok(UsagePage { records, older: Some(UsageCursor(key)) });
            }
        }
        Ok(UsagePage { records, older: None })
    }

    /// The sums that a filter admits, by day.
    pub(super) fn totals(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        let table = self.0.open_table(TOTALS).map_err(|error| unread(error.into()))?;
        let rows = table.iter().map_err(|error| unread(error.into()))?;
        let totals = rows.map(|row| {
            let (key, value) = row.map_err(|error| unread(error.into()))?;
            record::read_total(key.value(), value.value())
        });
        let admits = |total: &UsageTotal| {
            filter.admits_day(total.day) && filter.admits_subject(&total.client, &total.account, &total.model)
        };
        totals.filter(|total| total.as_ref().map_or(true, admits)).collect()
    }
}

/// What no key of an earlier moment comes after.
fn first_key(moment: Timestamp) -> String {
    format!("{:016}", moment.as_millis())
}

#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way, as `map_err` hands it over")]
fn malformed(error: StoreError) -> redb::Error {
    redb::Error::from(TableError::Storage(redb::StorageError::Corrupted(error.to_string())))
}

#[expect(clippy::needless_pass_by_value, reason = "it ends the error's way, as `map_err` hands it over")]
fn unread(error: redb::Error) -> StoreError {
    failed("be read", &error)
}
