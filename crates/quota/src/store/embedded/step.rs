//! What one operation changed, as it stands in the journal and then in the tables: whole records.

use domain::{Fence, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::record;
use crate::store::{
    StoreError, key,
    ledger::{Changes, Ledger},
};

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Table {
    Leases,
    Domains,
    Clients,
    Coolings,
    Probations,
    /// Records of usage, each by its moment and its fence.
    Usage,
}

impl Table {
    /// Every table.
    pub(super) const ALL: [Self; 6] =
        [Self::Leases, Self::Domains, Self::Clients, Self::Coolings, Self::Probations, Self::Usage];
}

/// A record, or that there is none any more.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) key: String,
    pub(super) record: Option<Box<RawValue>>,
}

/// One step of a ledger's life.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    now_ms: u64,
    fence: u64,
    pub(super) rows: Vec<Row>,
}

impl Step {
    /// The ledger's latest step, which changed this.
    pub(super) fn of(ledger: &Ledger, changes: &Changes) -> Self {
        let row = |table, key, record| Row { table, key, record };
        let leases = changes.leases.iter();
        let leases =
            leases.map(|id| row(Table::Leases, id.to_string(), ledger.lease(id).map(record::write_lease)));
        let domains = changes.domains.iter().map(|domain| {
            let counters = ledger.counters(domain);
            row(Table::Domains, key::domain(domain), counters.map(|it| record::write_domain(it.lasting())))
        });
        let clients = changes.clients.iter().map(|client| {
            let counters = ledger.client(client);
            row(Table::Clients, client.to_string(), counters.map(|it| record::write_client(it.days())))
        });
        let coolings = changes.coolings.iter().map(|scope| {
            let cooling = ledger.cooling(scope);
            row(Table::Coolings, key::scope(scope), cooling.map(record::write_cooling))
        });
        let probations = changes.probations.iter().map(|scope| {
            let probation = ledger.probation(scope);
            row(Table::Probations, key::scope(scope), probation.map(record::write_probation))
        });
        let usage = changes.usage.iter().map(|record| {
            row(Table::Usage, record::usage_key(ledger, record), Some(record::write_usage(record)))
        });
        Self {
            now_ms: ledger.now().as_millis(),
            fence: ledger.fence().0,
            rows: leases
                .chain(domains)
                .chain(clients)
                .chain(coolings)
                .chain(probations)
                .chain(usage)
                .collect(),
        }
    }

    /// The moment of the step.
    pub(super) const fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    /// The last fence that was given by then.
    pub(super) const fn fence(&self) -> Fence {
        Fence(self.fence)
    }

    /// The step as a line.
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).expect("steps have string keys and no failing parts")
    }

    /// The step of the line of this number.
    pub(super) fn read(number: u64, line: &str) -> Result<Self, StoreError> {
        serde_json::from_str(line).map_err(|error| {
            StoreError::Corrupt(format!("line {number} of its journal is malformed: {error}"))
        })
    }
}
