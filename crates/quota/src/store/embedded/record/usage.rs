//! Records of usage, and the sums of days.

use domain::{AccountId, ClientId, Timestamp, UsageRecord, UsageSum, UsageTotal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{read, written};
use crate::store::{StoreError, key, ledger::Ledger, usage::UsageRow};

/// The key of a usage record: by its moment, and the lease's fence to tell it from others of that moment, one that
/// amends it in that very moment included.
pub(in crate::store::embedded) fn usage_key(ledger: &Ledger, record: &UsageRecord) -> String {
    let fence = ledger.lease(&record.lease).map_or(0, |entry| entry.lease.fence.0);
    format!("{:016} {fence:016} {}", record.at.as_millis(), u8::from(record.amends))
}

/// A usage record as it is written.
pub(in crate::store::embedded) fn write_usage(record: &UsageRecord) -> Box<RawValue> {
    written(&UsageRow::from(record))
}

/// A usage record as it was written, with its key.
pub(in crate::store::embedded) fn read_usage(
    key: &[u8],
    value: &[u8],
) -> Result<(String, UsageRecord), StoreError> {
    read(key, value, |text, row: UsageRow| Ok((text.to_owned(), UsageRecord::try_from(row)?)))
}

/// The key of a day's sums.
pub(in crate::store::embedded) fn total_key(record: &UsageRecord) -> String {
    let UsageRecord { day, client, account, domain, .. } = record;
    format!("{:016} {client} {account} {}", day.as_millis(), domain.model)
}

/// A day's sums as they are written.
pub(in crate::store::embedded) fn write_total(sum: UsageSum) -> Vec<u8> {
    let UsageSum { calls, images, tokens, cost_micro_usd } = sum;
    let record = TotalRecord { calls, images, tokens, cost_micro_usd };
    serde_json::to_vec(&record).expect("it has string keys and no failing parts")
}

/// A day's sums as they were written.
pub(in crate::store::embedded) fn read_total(key: &[u8], value: &[u8]) -> Result<UsageTotal, StoreError> {
    read(key, value, |text, record: TotalRecord| {
        let [day, client, account, model] = text.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            return Err("it is of nobody".into());
        };
        let TotalRecord { calls, images, tokens, cost_micro_usd } = record;
        Ok(UsageTotal {
            day: Timestamp::from_millis(day.parse().map_err(key::told)?),
            client: ClientId::new(client).map_err(key::told)?,
            account: AccountId::new(account).map_err(key::told)?,
            model: model.into(),
            sum: UsageSum { calls, images, tokens, cost_micro_usd },
        })
    })
}

#[derive(Serialize, Deserialize)]
struct TotalRecord {
    calls: u64,
    images: u64,
    tokens: u64,
    cost_micro_usd: i64,
}
