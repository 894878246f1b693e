//! The file: its tables, how a ledger is read from them, and how changes are written to them.

use std::{collections::BTreeMap, path::Path, time::Duration};

use domain::{Fence, Timestamp};
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};

use serde_json::value::RawValue;

use super::{
    failed, record,
    step::{Step, Table},
    usage,
};
use crate::store::{
    StoreError,
    ledger::{Ledger, Saved},
};

pub(super) type Records = TableDefinition<'static, &'static [u8], &'static [u8]>;

const LEASES: Records = TableDefinition::new("leases");
const DOMAINS: Records = TableDefinition::new("domains");
const CLIENTS: Records = TableDefinition::new("clients");
const COOLINGS: Records = TableDefinition::new("coolings");
const PROBATIONS: Records = TableDefinition::new("probations");
pub(super) const USAGE: Records = TableDefinition::new("usage");
pub(super) const TOTALS: Records = TableDefinition::new("totals");
const LEDGER: TableDefinition<'static, &[u8], u64> = TableDefinition::new("ledger");

/// The keys of the `ledger` table: how records are written, the last line of the journal that the tables hold, the
/// last fence given by then, the latest moment seen.
const FORMAT: &[u8] = b"format";
const APPLIED: &[u8] = b"applied";
const FENCE: &[u8] = b"fence";
const NOW: &[u8] = b"now_ms";

/// How this version writes records.
const KNOWN_FORMAT: u64 = 2;

/// Memory for pages; the whole file is smaller than that.
const CACHE_BYTES: usize = 16 << 20;

/// How far the machine's clock may be behind the ledger before the operator is told.
const BEHIND: Duration = Duration::from_secs(5);

/// An open file.
pub(super) struct Tables {
    database: Database,
}

impl Tables {
    /// Opens the file, or begins one, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let database = builder().create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            other => failed("be opened", &format!("{}: {other}", path.display())),
        })?;
        Self::prepared(database)
    }

    /// Opens the tables that are kept on another medium.
    #[cfg(test)]
    pub(super) fn on(medium: impl redb::StorageBackend) -> Result<Self, StoreError> {
        let database = builder().create_with_backend(medium).map_err(|error| failed("be opened", &error))?;
        Self::prepared(database)
    }

    /// Checks the format, and makes the tables where there are none.
    fn prepared(database: Database) -> Result<Self, StoreError> {
        let tables = Self { database };
        tables
            .write("be prepared", |transaction| {
                let mut ledger = transaction.open_table(LEDGER)?;
                let found = ledger.get(FORMAT)?.map(|found| found.value());
                if found.is_none() {
                    ledger.insert(FORMAT, KNOWN_FORMAT)?;
                }
                if found.is_none_or(|found| found == KNOWN_FORMAT) {
                    // A table that was added since the file was begun is empty.
                    for table in Table::ALL {
                        transaction.open_table(records_of(table))?;
                    }
                    transaction.open_table(TOTALS)?;
                }
                Ok(found.unwrap_or(KNOWN_FORMAT))
            })
            .and_then(|found| match found {
                KNOWN_FORMAT => Ok(tables),
                _ => Err(StoreError::Format { found, known: KNOWN_FORMAT }),
            })
    }

    /// Reads the whole ledger.
    pub(super) fn load(&self, now: Timestamp) -> Result<Ledger, StoreError> {
        let transaction = self.begin_read()?;
        let saved = Saved {
            now: Timestamp::from_millis(number(&transaction, NOW)?),
            fence: Fence(number(&transaction, FENCE)?),
            leases: records(&transaction, LEASES, record::read_lease)?,
            domains: records(&transaction, DOMAINS, record::read_domain)?,
            clients: records(&transaction, CLIENTS, record::read_client)?,
            coolings: records(&transaction, COOLINGS, record::read_cooling)?,
            probations: records(&transaction, PROBATIONS, record::read_probation)?,
        };
        if saved.now > now + BEHIND {
            let behind_ms = u64::try_from(saved.now.since(now).as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(behind_ms, "the clock is behind the ledger, whose time stands still until then");
        }
        Ok(Ledger::restore(saved, now))
    }

    /// The number of the last line of the journal that the tables hold.
    pub(super) fn applied(&self) -> Result<u64, StoreError> {
        number(&self.begin_read()?, APPLIED)
    }

    /// Takes over what these steps changed, the last of which is this line of the journal: durably, all or none.
    pub(super) fn apply(&self, line: u64, steps: &[Step]) -> Result<(), StoreError> {
        let rows = steps.iter().flat_map(|step| &step.rows);
        let latest: BTreeMap<_, _> =
            rows.map(|row| ((row.table, row.key.as_str()), row.record.as_deref())).collect();
        self.write("write", |transaction| {
            let mut meta = transaction.open_table(LEDGER)?;
            meta.insert(APPLIED, line)?;
            if let Some(last) = steps.last() {
                meta.insert(FENCE, last.fence().0)?;
                meta.insert(NOW, last.now().as_millis())?;
            }
            Table::ALL.into_iter().try_for_each(|table| put(transaction, table, &latest))?;
            usage::account(transaction, &latest, steps.last().map(Step::now).unwrap_or_default())
        })
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.database.begin_read().map_err(|error| failed("be read", &error))
    }

    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let attempt = || {
            let transaction = self.database.begin_write()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok::<_, redb::Error>(result)
        };
        attempt().map_err(|error| failed(action, &error))
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

const fn records_of(table: Table) -> Records {
    match table {
        Table::Leases => LEASES,
        Table::Domains => DOMAINS,
        Table::Clients => CLIENTS,
        Table::Coolings => COOLINGS,
        Table::Probations => PROBATIONS,
        Table::Usage => USAGE,
    }
}

fn put(
    transaction: &WriteTransaction,
    table: Table,
    latest: &BTreeMap<(Table, &str), Option<&RawValue>>,
) -> Result<(), redb::Error> {
    let mut changed = latest.range((table, "")..).take_while(|((of, _), _)| *of == table).peekable();
    if changed.peek().is_none() {
        // Opening a table to write costs pages of its own.
        return Ok(());
    }
    let mut records = transaction.open_table(records_of(table))?;
    for ((_, key), record) in changed {
        match record {
            Some(record) => records.insert(key.as_bytes(), record.get().as_bytes())?,
            None => records.remove(key.as_bytes())?,
        };
    }
    Ok(())
}

fn number(transaction: &ReadTransaction, key: &[u8]) -> Result<u64, StoreError> {
    let read = || Ok::<_, redb::Error>(transaction.open_table(LEDGER)?.get(key)?.map(|found| found.value()));
    read().map(Option::unwrap_or_default).map_err(|error| failed("be read", &error))
}

fn records<T>(
    transaction: &ReadTransaction,
    table: Records,
    read: fn(&[u8], &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let unread = |error: redb::Error| failed("be read", &error);
    let opened = transaction.open_table(table).map_err(|error| unread(error.into()))?;
    let rows = opened.iter().map_err(|error| unread(error.into()))?;
    rows.map(|row| {
        let (key, value) = row.map_err(|error| unread(error.into()))?;
        read(key.value(), value.value())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_another_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.redb");
        let tables = Tables::open(&path).unwrap();
        tables.write("test", |all| Ok(all.open_table(LEDGER)?.insert(FORMAT, 3).map(drop)?)).unwrap();
        drop(tables);
        assert_eq!(Tables::open(&path).err(), Some(StoreError::Format { found: 3, known: KNOWN_FORMAT }));
    }

    #[test]
    fn a_record_that_makes_no_sense_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let tables = Tables::open(&directory.path().join("ledger.redb")).unwrap();
        let nonsense = r#"{"now_ms":0,"fence":0,"rows":[{"table":"leases","key":"r/0/0","record":{}}]}"#;
        tables.apply(1, &[Step::read(1, nonsense).unwrap()]).unwrap();
        let error = tables.load(Timestamp::default()).err().unwrap();
        assert!(error.to_string().contains("the record `r/0/0` is malformed"), "{error}");
    }
}
