//! `tessera usage`: what was used, and what it cost.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use clap::{Args, ValueEnum};
use domain::{AccountId, ClientId, Clock as _, SystemClock, UsageFilter, UsageSum, UsageTotal};
use proto::v1::{UsageTotalsRequest, usage_log_client::UsageLogClient};
use serde::Serialize;

use super::{operator::OperatorOptions, table::table};
use crate::{
    config::{Dollars, Environment},
    serving,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How far back: days such as `7d`, or hours such as `36h`; a day counts whole, by Pacific time
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    since: Span,
    /// What the sums are of
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = By::Day)]
    by: By,
    /// Of this client alone
    #[arg(long, value_name = "NAME", value_parser = |name: &str| ClientId::new(name))]
    client: Option<ClientId>,
    /// Of this account alone
    #[arg(long, value_name = "ID", value_parser = |id: &str| AccountId::new(id))]
    account: Option<AccountId>,
    /// Of this model alone
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    operator: OperatorOptions,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Client,
    Account,
    Model,
}

/// A span as it is written: `7d` or `36h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span(Duration);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be days such as 7d or hours such as 36h, at most 400 days";
        let (count, hours) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(count), _) => (count, 24),
            (_, Some(count)) => (count, 1),
            _ => return Err(WRONG),
        };
        let hours = count.parse::<u64>().ok().and_then(|count| count.checked_mul(hours));
        hours.filter(|hours| *hours <= 400 * 24).map(|hours| Self(Duration::from_hours(hours))).ok_or(WRONG)
    }
}

/// One line of the answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    of: String,
    calls: u64,
    images: u64,
    tokens: u64,
    cost_micro_usd: i64,
}

/// Asks, and prints what comes.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    let quota = options.operator.quota(environment)?;
    let filter = UsageFilter {
        since: Some(SystemClock.now() - options.since.0),
        until: None,
        client: options.client,
        account: options.account,
        model: options.model,
    };
    let request = UsageTotalsRequest { filter: Some(filter.into()) };
    let answer = UsageLogClient::new(quota.channel()).totals(request).await;
    let totals = answer.map_err(|status| quota.told(&status))?.into_inner().totals;
    let totals = totals.into_iter().map(UsageTotal::try_from).collect::<Result<Vec<_>, _>>()?;
    let lines = lines(&totals, options.by);
    let told = if options.json { serde_json::to_string_pretty(&lines)? } else { shown(&lines, options.by) };
    serving::announce(&told);
    Ok(())
}

fn lines(totals: &[UsageTotal], by: By) -> Vec<Line> {
    let mut sums = BTreeMap::<String, UsageSum>::new();
    for total in totals {
        let of = match by {
            By::Day => total.day.to_string().chars().take(10).collect(),
            By::Client => total.client.to_string(),
            By::Account => total.account.to_string(),
            By::Model => total.model.clone(),
        };
        *sums.entry(of).or_default() += total.sum;
    }
    let line = |(of, sum)| {
        let UsageSum { calls, images, tokens, cost_micro_usd } = sum;
        Line { of, calls, images, tokens, cost_micro_usd }
    };
    sums.into_iter().map(line).collect()
}

fn shown(lines: &[Line], by: By) -> String {
    let head = match by {
        By::Day => "DAY",
        By::Client => "CLIENT",
        By::Account => "ACCOUNT",
        By::Model => "MODEL",
    };
    let mut sum = UsageSum::default();
    for line in lines {
        let Line { calls, images, tokens, cost_micro_usd, .. } = *line;
        sum += UsageSum { calls, images, tokens, cost_micro_usd };
    }
    let row = |of: &str, calls: u64, images: u64, tokens: u64, cost: i64| {
        [of.to_owned(), calls.to_string(), images.to_string(), tokens.to_string(), dollars(cost)]
    };
    let mut rows: Vec<_> =
        lines.iter().map(|it| row(&it.of, it.calls, it.images, it.tokens, it.cost_micro_usd)).collect();
    rows.push(row("all", sum.calls, sum.images, sum.tokens, sum.cost_micro_usd));
    table([head, "CALLS", "IMAGES", "TOKENS", "USD"], &rows)
}

fn dollars(micro_usd: i64) -> String {
    let amount = Dollars::from_micro_usd(micro_usd.unsigned_abs());
    if micro_usd < 0 { format!("-{amount}") } else { amount.to_string() }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    fn total(day: u64, client: &str, model: &str, images: u64) -> UsageTotal {
        UsageTotal {
            day: Timestamp::from_millis(1_800_000_000_000 + day * 86_400_000),
            client: ClientId::new(client).unwrap(),
            account: AccountId::new("a").unwrap(),
            model: model.into(),
            sum: UsageSum { calls: images + 1, images, tokens: 7, cost_micro_usd: 134_000 },
        }
    }

    #[test]
    fn what_was_used_is_summed_by_what_is_asked_for() {
        let totals = [total(0, "shop", "pro", 1), total(0, "blog", "pro", 2), total(1, "shop", "flash", 3)];
        let images = |by| lines(&totals, by).into_iter().map(|it| (it.of, it.images)).collect::<Vec<_>>();
        assert_eq!(images(By::Day), [("2027-01-15".into(), 3), ("2027-01-16".into(), 3)]);
        assert_eq!(images(By::Client), [("blog".into(), 2), ("shop".into(), 4)]);
        assert_eq!(images(By::Account), [("a".into(), 6)]);
        assert_eq!(images(By::Model), [("flash".into(), 3), ("pro".into(), 3)]);
        let told = shown(&lines(&totals, By::Client), By::Client);
        assert_eq!(
            told.lines().last().map(str::trim),
            Some("all     9      6       21      0.402"),
            "{told}"
        );
    }

    #[test]
    fn spans_are_days_or_hours() {
        assert_eq!("7d".parse(), Ok(Span(Duration::from_hours(168))));
        assert_eq!("36h".parse(), Ok(Span(Duration::from_hours(36))));
        for wrong in ["", "d", "7", "-1d", "401d", "7 days"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
