//! The usage log in Redis: a stream of records, and a hash of sums for each day.

use std::collections::HashMap;

use domain::{AccountId, ClientId, PacificDay, Timestamp, UsageFilter, UsageRecord, UsageSum, UsageTotal};

use super::{
    RedisStore,
    answer::{Answer, parsed, senseless, valid},
    question::{Page, Sums, written},
};
use crate::store::{
    StoreError, UsageCursor, UsagePage,
    usage::{Totals, UsageRow},
};

/// The most records that one page looks through.
const LOOKED_THROUGH: usize = 1_000;

impl RedisStore {
    /// The records that a filter admits, newest first from the cursor on.
    pub(super) async fn page(
        &self,
        filter: &UsageFilter,
        from: Option<&UsageCursor>,
        limit: usize,
    ) -> Result<UsagePage, StoreError> {
        let question = Page { before: from.map(|cursor| cursor.0.as_str()), count: LOOKED_THROUGH };
        let known = self.witness.incarnation();
        let entries = self.ask(&self.scripts.usage, known, |_| written(&question)).await?.entries()?;
        let is_whole = entries.len() < LOOKED_THROUGH;
        let mut page = UsagePage::default();
        for (entry, text) in entries {
            let record = usage_record(&text)?;
            if filter.since.is_some_and(|since| record.at < since) {
                return Ok(UsagePage { older: None, ..page });
            }
            page.older = Some(UsageCursor(entry));
            if filter.admits(&record) {
                page.records.push(record);
            }
            if page.records.len() >= limit {
                return Ok(page);
            }
        }
        Ok(if is_whole { UsagePage { older: None, ..page } } else { page })
    }

    /// The sums that a filter admits, by day.
    pub(super) async fn sums(&self, filter: &UsageFilter) -> Result<Vec<UsageTotal>, StoreError> {
        let since = filter.since.map_or(0, |since| PacificDay::of(since).start.as_millis());
        let until = filter.until.map_or(i64::MAX.unsigned_abs(), Timestamp::as_millis);
        let question = Sums { since, until };
        let known = self.witness.incarnation();
        let answer = self.ask(&self.scripts.totals, known, |_| written(&question)).await?;
        Ok(answer.totals()?.admitted(filter))
    }
}

impl Answer {
    fn entries(self) -> Result<Vec<(String, String)>, StoreError> {
        parsed(self.detail)
    }

    fn totals(self) -> Result<Totals, StoreError> {
        let days: Vec<(u64, HashMap<String, i64>)> = parsed(self.detail)?;
        let mut totals = Totals::default();
        for (day, fields) in days {
            for (field, units) in fields {
                let [what, client, account, model] = field.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                    return Err(senseless(&format!("`{field}` is no sum of usage")));
                };
                let count = u64::try_from(units).unwrap_or_default();
                let sum = match what {
                    "calls" => UsageSum { calls: count, ..UsageSum::default() },
                    "images" => UsageSum { images: count, ..UsageSum::default() },
                    "tokens" => UsageSum { tokens: count, ..UsageSum::default() },
                    "cost" => UsageSum { cost_micro_usd: units, ..UsageSum::default() },
                    _ => continue,
                };
                let (client, account) = (valid(ClientId::new(client))?, valid(AccountId::new(account))?);
                totals.add((Timestamp::from_millis(day), client, account, model.into()), sum);
            }
        }
        Ok(totals)
    }
}

fn usage_record(text: &str) -> Result<UsageRecord, StoreError> {
    let row: UsageRow = valid(serde_json::from_str(text))?;
    valid(row.try_into())
}
