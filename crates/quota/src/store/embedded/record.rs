//! Records as they stand in the file: JSON, so that a later version can add to them and a person can read them.

use domain::{AccountId, Fence, Lease, LeaseId, QuotaDomain, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::{
    Cooling, CoolingReason, StoreError,
    cooldown::{Scope, Streak},
    ending::EndingRecord,
    key,
    ledger::{Counters, Days, Entry, State},
};

/// A lease as it is written.
pub(super) fn write_lease(entry: &Entry) -> Box<RawValue> {
    let Entry { lease, granted_at, leaves_at, state } = entry;
    written(&LeaseRecord {
        account: lease.account.to_string(),
        domain: key::domain(&lease.domain),
        fence: lease.fence.0,
        granted_at_ms: granted_at.as_millis(),
        leaves_at_ms: leaves_at.as_millis(),
        start_by_ms: lease.start_by.as_millis(),
        expires_at_ms: lease.expires_at.as_millis(),
        state: state.into(),
    })
}

/// A lease as it was written.
pub(super) fn read_lease(key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    read(key, value, |text, record: LeaseRecord| {
        let lease = Lease {
            id: LeaseId::new(text).map_err(key::told)?,
            account: AccountId::new(record.account).map_err(key::told)?,
            domain: key::read_domain(&record.domain)?,
            fence: Fence(record.fence),
            start_by: Timestamp::from_millis(record.start_by_ms),
            expires_at: Timestamp::from_millis(record.expires_at_ms),
        };
        let granted_at = Timestamp::from_millis(record.granted_at_ms);
        let leaves_at = Timestamp::from_millis(record.leaves_at_ms);
        Ok(Entry { lease, granted_at, leaves_at, state: record.state.into() })
    })
}

/// A domain's lasting counters as they are written; what is missing follows from the leases.
pub(super) fn write_domain(counters: &Counters) -> Box<RawValue> {
    let Streak { throttles, throttled_at, failures } = counters.streak();
    written(&DomainRecord {
        days: counters.days().iter().map(|(start, calls)| (start.as_millis(), calls)).collect(),
        throttles,
        throttled_at_ms: throttled_at.as_millis(),
        failures,
    })
}

/// A domain's lasting counters as they were written.
pub(super) fn read_domain(key: &[u8], value: &[u8]) -> Result<(QuotaDomain, Days, Streak), StoreError> {
    read(key, value, |text, record: DomainRecord| {
        let days = record.days.into_iter().map(|(start, calls)| (Timestamp::from_millis(start), calls));
        let streak = Streak {
            throttles: record.throttles,
            throttled_at: Timestamp::from_millis(record.throttled_at_ms),
            failures: record.failures,
        };
        Ok((key::read_domain(text)?, days.collect(), streak))
    })
}

/// A cooldown as it is written.
pub(super) fn write_cooling(cooling: &Cooling) -> Box<RawValue> {
    let Cooling { until, reason } = cooling;
    written(&CoolingRecord { until_ms: until.as_millis(), reason: reason.as_str().into() })
}

/// A cooldown as it was written.
pub(super) fn read_cooling(key: &[u8], value: &[u8]) -> Result<(Scope, Cooling), StoreError> {
    read(key, value, |text, record: CoolingRecord| {
        let reason = CoolingReason::ALL.into_iter().find(|reason| reason.as_str() == record.reason);
        let reason = reason.ok_or_else(|| format!("`{}` is no reason to rest", record.reason))?;
        Ok((key::read_scope(text)?, Cooling { until: Timestamp::from_millis(record.until_ms), reason }))
    })
}

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    account: String,
    domain: String,
    fence: u64,
    granted_at_ms: u64,
    leaves_at_ms: u64,
    start_by_ms: u64,
    expires_at_ms: u64,
    state: StateRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateRecord {
    Active,
    Closed { ending: EndingRecord, at_ms: u64 },
    Expired,
    Late { ending: EndingRecord },
}

#[derive(Serialize, Deserialize)]
struct DomainRecord {
    /// Each day's first millisecond and its calls.
    days: Vec<(u64, u32)>,
    throttles: u32,
    throttled_at_ms: u64,
    failures: u32,
}

#[derive(Serialize, Deserialize)]
struct CoolingRecord {
    until_ms: u64,
    reason: String,
}

impl From<&State> for StateRecord {
    fn from(state: &State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Closed { ending, at } => Self::Closed { ending: ending.into(), at_ms: at.as_millis() },
            State::Expired => Self::Expired,
            State::Late { ending } => Self::Late { ending: ending.into() },
        }
    }
}

impl From<StateRecord> for State {
    fn from(record: StateRecord) -> Self {
        match record {
            StateRecord::Active => Self::Active,
            StateRecord::Closed { ending, at_ms } => {
                Self::Closed { ending: ending.into(), at: Timestamp::from_millis(at_ms) }
            }
            StateRecord::Expired => Self::Expired,
            StateRecord::Late { ending } => Self::Late { ending: ending.into() },
        }
    }
}

fn written(record: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(record).expect("records have string keys and no failing parts")
}

fn read<R: for<'de> Deserialize<'de>, T>(
    key: &[u8],
    value: &[u8],
    make: impl FnOnce(&str, R) -> Result<T, String>,
) -> Result<T, StoreError> {
    let key = String::from_utf8_lossy(key);
    serde_json::from_slice(value)
        .map_err(key::told)
        .and_then(|record| make(&key, record))
        .map_err(|reason| StoreError::Corrupt(format!("the record `{key}` is malformed: {reason}")))
}
