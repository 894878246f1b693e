//! The last thirty days, from the usage record. Days are Pacific ones, as the provider's quotas are.

use std::{collections::BTreeMap, time::Duration};

use domain::{Failure, PacificDay, Timestamp, UsageFilter, UsageSum, UsageTotal};
use proto::{
    failure_of,
    transport::Channel,
    v1::{UsageTotalsRequest, usage_log_client::UsageLogClient},
};
use serde::Serialize;

use super::{Names, Of};
use crate::console::ANSWER_WITHIN;

/// How many days are shown, the present one included.
const DAYS: usize = 30;

/// What was used each day.
#[derive(Debug, Serialize)]
pub(super) struct Month {
    days: Vec<Day>,
    names: Names,
}

/// A day.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Day {
    /// When it began, in milliseconds.
    at: u64,
    calls: u64,
    pictures: u64,
    tokens: u64,
    /// In millionths of a US dollar; below nothing where more was taken back than spent.
    cost: i64,
}

impl Month {
    /// Asks the ledger what was used of this.
    pub(super) async fn ask(quota: Channel, of: &Of, now: Timestamp) -> Result<Self, Failure> {
        let days = days(now);
        let filter = UsageFilter { since: days.first().copied(), ..filter(of) };
        let mut request = tonic::Request::new(UsageTotalsRequest { filter: Some(filter.into()) });
        request.set_timeout(ANSWER_WITHIN);
        let log = &mut UsageLogClient::new(quota).max_decoding_message_size(proto::limits::MESSAGE);
        let answer = log.totals(request).await.map_err(|status| failure_of(&status))?.into_inner();
        let totals = answer.totals.into_iter().map(UsageTotal::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(&totals, &days))
    }

    fn of(totals: &[UsageTotal], days: &[Timestamp]) -> Self {
        let mut sums: BTreeMap<_, _> = days.iter().map(|day| (*day, UsageSum::default())).collect();
        for total in totals {
            if let Some(sum) = sums.get_mut(&total.day) {
                *sum += total.sum;
            }
        }
        let day = |(at, sum): (Timestamp, UsageSum)| Day {
            at: at.as_millis(),
            calls: sum.calls,
            pictures: sum.images,
            tokens: sum.tokens,
            cost: sum.cost_micro_usd,
        };
        let subjects: Vec<_> = totals.iter().flat_map(subjects).collect();
        Self { days: sums.into_iter().map(day).collect(), names: subjects.iter().collect() }
    }
}

fn subjects(total: &UsageTotal) -> [Of; 3] {
    [Of::Model(total.model.clone()), Of::Client(total.client.clone()), Of::Account(total.account.clone())]
}

fn filter(of: &Of) -> UsageFilter {
    let mut filter = UsageFilter::default();
    match of.clone() {
        Of::Everything => {}
        Of::Model(name) => filter.model = Some(name),
        Of::Client(name) => filter.client = Some(name),
        Of::Account(name) => filter.account = Some(name),
    }
    filter
}

/// When each of the last days began, the first first.
fn days(now: Timestamp) -> Vec<Timestamp> {
    let before = |day: &Timestamp| Some(PacificDay::of(*day - Duration::from_millis(1)).start);
    let mut days: Vec<_> =
        std::iter::successors(Some(PacificDay::of(now).start), before).take(DAYS).collect();
    days.reverse();
    days
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, ClientId};

    use super::*;

    /// In the afternoon of 2026-11-22 in California, three weeks after the clocks were set back.
    const NOW: Timestamp = Timestamp::from_millis(1_795_388_400_000);

    #[test]
    fn every_day_is_there_once_also_where_one_has_25_hours_and_those_without_use_are_empty() {
        let days = days(NOW);
        assert_eq!(days.len(), 30);
        let lengths: Vec<_> = days.windows(2).map(|pair| pair[1].since(pair[0]).as_secs() / 3_600).collect();
        assert_eq!(lengths.iter().filter(|hours| **hours == 25).count(), 1, "{lengths:?}");
        let total = |client: &str, images| UsageTotal {
            day: days[29],
            client: ClientId::new(client).unwrap(),
            account: AccountId::new("a").unwrap(),
            model: "m".into(),
            sum: UsageSum { calls: images + 1, images, tokens: 7, cost_micro_usd: 134_000 },
        };
        let month = Month::of(&[total("shop", 2), total("blog", 1)], &days);
        let today = Day { at: days[29].as_millis(), calls: 5, pictures: 3, tokens: 14, cost: 268_000 };
        assert_eq!(month.days[29], today);
        assert_eq!((month.days[0].calls, month.names.clients), (0, vec!["blog".into(), "shop".to_owned()]));
    }
}
