//! Records as they stand in the file: JSON, so that a later version can add to them and a person can read them.

mod usage;

use domain::{
    AccountId, ClientId, Fence, Learned, Lease, LeaseId, QuotaDomain, RequestId, Timestamp,
    catalog::Rate,
    lease::{Quota, Revealed},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::{
    Cooling, CoolingReason, Scope, StoreError,
    ending::EndingRecord,
    key,
    ledger::{Entry, Lasting, SpentDays, State},
    order::{Order, Spent},
    probation::Probation,
    streak::Streak,
};

pub(super) use usage::{read_total, read_usage, total_key, usage_key, write_total, write_usage};

/// A lease as it is written.
pub(super) fn write_lease(entry: &Entry) -> Box<RawValue> {
    let Entry { lease, order, granted_at, leaves_at, state } = entry;
    written(&LeaseRecord {
        account: lease.account.to_string(),
        client: order.client.to_string(),
        request: order.request.to_string(),
        counts: order.counts,
        resolution: order.rate.resolution.to_string(),
        tokens: order.rate.tokens,
        price_micro_usd: order.rate.price_micro_usd,
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
        let order = Order {
            client: ClientId::new(record.client).map_err(key::told)?,
            request: RequestId::new(record.request).map_err(key::told)?,
            counts: record.counts,
            rate: Rate {
                resolution: record.resolution.parse().map_err(key::told)?,
                tokens: record.tokens,
                price_micro_usd: record.price_micro_usd,
            },
        };
        let granted_at = Timestamp::from_millis(record.granted_at_ms);
        let leaves_at = Timestamp::from_millis(record.leaves_at_ms);
        Ok(Entry { lease, order, granted_at, leaves_at, state: record.state.into() })
    })
}

/// What a domain's counters have to remember, as it is written; all else follows from the leases.
pub(super) fn write_domain(lasting: &Lasting) -> Box<RawValue> {
    let Lasting { days, streak: Streak { throttles, throttled_at, failures }, learned } = lasting;
    let learned = Quota::ALL.map(|quota| Some((quota.as_str(), learned.get(quota)?)));
    let learned = learned.into_iter().flatten();
    written(&DomainRecord {
        days: days.iter().map(|(start, calls)| (start.as_millis(), calls)).collect(),
        throttles: *throttles,
        throttled_at_ms: throttled_at.as_millis(),
        failures: *failures,
        learned: learned.map(|(quota, told)| (quota.into(), told.limit, told.since.as_millis())).collect(),
    })
}

/// What a domain's counters have to remember, as it was written.
pub(super) fn read_domain(key: &[u8], value: &[u8]) -> Result<(QuotaDomain, Lasting), StoreError> {
    read(key, value, |text, record: DomainRecord| {
        let days = record.days.into_iter().map(|(start, calls)| (Timestamp::from_millis(start), calls));
        let streak = Streak {
            throttles: record.throttles,
            throttled_at: Timestamp::from_millis(record.throttled_at_ms),
            failures: record.failures,
        };
        let learned = record.learned.into_iter().fold(Learned::NOTHING, |learned, (quota, limit, since)| {
            let known = Quota::ALL.into_iter().find(|known| known.as_str() == quota);
            let since = Timestamp::from_millis(since);
            known.map_or(learned, |quota| learned.told(Revealed { quota, limit }, since))
        });
        Ok((key::read_domain(text)?, Lasting { days: days.collect(), streak, learned }))
    })
}

/// What a client spent, as it is written.
pub(super) fn write_client(days: &SpentDays) -> Box<RawValue> {
    let days = days.iter().map(|(start, spent)| (start.as_millis(), spent.images, spent.micro_usd));
    written(&ClientRecord { days: days.collect() })
}

/// What a client spent, as it was written.
pub(super) fn read_client(key: &[u8], value: &[u8]) -> Result<(ClientId, SpentDays), StoreError> {
    read(key, value, |text, record: ClientRecord| {
        let days = record.days.into_iter();
        let days = days
            .map(|(start, images, micro_usd)| (Timestamp::from_millis(start), Spent { images, micro_usd }));
        Ok((ClientId::new(text).map_err(key::told)?, days.collect()))
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
        let reason = read_reason(&record.reason)?;
        Ok((key::read_scope(text)?, Cooling { until: Timestamp::from_millis(record.until_ms), reason }))
    })
}

/// A probation as it is written.
pub(super) fn write_probation(probation: &Probation) -> Box<RawValue> {
    let Probation { reason, since, rounds, probe } = probation;
    written(&ProbationRecord {
        reason: reason.as_str().into(),
        since_ms: since.as_millis(),
        rounds: *rounds,
        probe: probe.map(|(fence, ends_at)| (fence.0, ends_at.as_millis())),
    })
}

/// A probation as it was written.
pub(super) fn read_probation(key: &[u8], value: &[u8]) -> Result<(Scope, Probation), StoreError> {
    read(key, value, |text, record: ProbationRecord| {
        let probe = record.probe.map(|(fence, ends)| (Fence(fence), Timestamp::from_millis(ends)));
        let (reason, since) = (read_reason(&record.reason)?, Timestamp::from_millis(record.since_ms));
        Ok((key::read_scope(text)?, Probation { reason, since, rounds: record.rounds, probe }))
    })
}

fn read_reason(text: &str) -> Result<CoolingReason, String> {
    let known = CoolingReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    known.ok_or_else(|| format!("`{text}` is no reason to rest"))
}

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    account: String,
    client: String,
    request: String,
    counts: bool,
    resolution: String,
    tokens: u32,
    price_micro_usd: u64,
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
    /// Which limits the provider told, how much each is, and the millisecond at which it told it last.
    learned: Vec<(String, u32, u64)>,
}

#[derive(Serialize, Deserialize)]
struct ClientRecord {
    /// Each day's first millisecond, its pictures, and what they cost in millionths of a US dollar.
    days: Vec<(u64, u32, u64)>,
}

#[derive(Serialize, Deserialize)]
struct ProbationRecord {
    reason: String,
    since_ms: u64,
    rounds: u32,
    /// The fence of the lease by which it is being tried, and the millisecond at which that ends.
    probe: Option<(u64, u64)>,
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
