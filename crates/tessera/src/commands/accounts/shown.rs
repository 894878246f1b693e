//! Accounts as they are printed.

use domain::{KnownAccount, Limits};
use proto::v1::{AccountResponse, ListAccountsResponse};
use serde::Serialize;

use crate::commands::table::table;

/// Every account.
pub(super) fn list(answer: ListAccountsResponse, json: bool) -> anyhow::Result<String> {
    let revision = answer.revision;
    let known = answer.accounts.into_iter().map(KnownAccount::try_from).collect::<Result<Vec<_>, _>>()?;
    if json {
        let accounts = known.iter().map(Account::from).collect();
        return Ok(serde_json::to_string_pretty(&Accounts { revision, accounts })?);
    }
    let heads = ["ID", "PROVIDER", "PROJECT", "TIER", "LIMITS", "FROM", "STATE"];
    let rows: Vec<_> = known.iter().map(row).collect();
    Ok(table(heads, &rows))
}

/// One account.
pub(super) fn one(answer: AccountResponse, json: bool) -> anyhow::Result<String> {
    let account = answer.account.ok_or_else(|| anyhow::anyhow!("the answer holds no account"))?;
    let known = KnownAccount::try_from(account)?;
    if json {
        let one = One { revision: answer.revision, account: Account::from(&known) };
        return Ok(serde_json::to_string_pretty(&one)?);
    }
    let models = if known.account.models.is_empty() { "all".into() } else { known.account.models.join(", ") };
    let credential = match known.credential {
        Some(version) => format!("sealed, version {version}"),
        None => "in the configuration of generation".to_owned(),
    };
    let Limits { requests_per_minute, images_per_minute, requests_per_day, concurrent } =
        known.account.limits;
    let lines = [
        ("id", known.account.id.to_string()),
        ("provider", known.account.provider.to_string()),
        ("project", known.account.project.to_string()),
        ("tier", known.account.tier.to_string()),
        ("models", models),
        ("requests per minute", requests_per_minute.to_string()),
        ("images per minute", images_per_minute.to_string()),
        ("requests per day", requests_per_day.to_string()),
        ("concurrent", concurrent.to_string()),
        ("credential", credential),
        ("from", format!("the {}", known.origin)),
        ("state", state(&known)),
    ];
    let lines = lines.map(|(name, value)| format!("{name:19}  {value}"));
    Ok(lines.join("\n"))
}

fn row(known: &KnownAccount) -> [String; 7] {
    let Limits { requests_per_minute, images_per_minute, requests_per_day, concurrent } =
        known.account.limits;
    [
        known.account.id.to_string(),
        known.account.provider.to_string(),
        known.account.project.to_string(),
        known.account.tier.to_string(),
        format!(
            "{requests_per_minute}/min {images_per_minute} img/min {requests_per_day}/day {concurrent} at once"
        ),
        known.origin.to_string(),
        state(known),
    ]
}

fn state(known: &KnownAccount) -> String {
    match &known.set_aside {
        Some(reason) => format!("set aside: {reason}"),
        None if known.account.enabled => "enabled".to_owned(),
        None => "disabled".to_owned(),
    }
}

#[derive(Serialize)]
struct Accounts<'a> {
    revision: u64,
    accounts: Vec<Account<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    revision: u64,
    #[serde(flatten)]
    account: Account<'a>,
}

#[derive(Serialize)]
struct Account<'a> {
    id: &'a str,
    provider: &'a str,
    project: &'a str,
    tier: &'a str,
    models: &'a [String],
    limits: ShownLimits,
    enabled: bool,
    origin: &'a str,
    credential_version: Option<String>,
    set_aside: Option<&'a str>,
}

#[derive(Serialize)]
struct ShownLimits {
    requests_per_minute: u32,
    images_per_minute: u32,
    requests_per_day: u32,
    concurrent: u32,
}

impl<'a> From<&'a KnownAccount> for Account<'a> {
    fn from(known: &'a KnownAccount) -> Self {
        let KnownAccount { account, origin, credential, set_aside } = known;
        let Limits { requests_per_minute, images_per_minute, requests_per_day, concurrent } = account.limits;
        Self {
            id: account.id.as_str(),
            provider: account.provider.as_str(),
            project: account.project.as_str(),
            tier: account.tier.as_str(),
            models: &account.models,
            limits: ShownLimits { requests_per_minute, images_per_minute, requests_per_day, concurrent },
            enabled: account.enabled,
            origin: origin.as_str(),
            credential_version: credential.map(|version| version.to_string()),
            set_aside: set_aside.as_deref(),
        }
    }
}
