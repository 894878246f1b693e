//! `tessera clients`: the applications that may ask, while Tessera runs.

use std::num::NonZeroU32;

use clap::{Args, Subcommand};
use domain::{ClientLimits, KnownClient};
use proto::{
    transport::Channel,
    v1::{
        self, CreateClientRequest, ListClientsRequest, ListClientsResponse, RevokeClientRequest,
        clients_client::ClientsClient,
    },
};
use serde::Serialize;

use super::{
    operator::{OperatorOptions, Remote},
    table::table,
};
use crate::{
    config::{Dollars, Environment},
    serving,
};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a client and its key, which is printed now and never again
    Create(Create),
    /// Lists every client, those of the configuration too
    List(Reach),
    /// Forgets a client: its key opens nothing any more; one of the configuration is removed there
    Revoke(Revoke),
}

/// Where Tessera runs, and how the answer is printed.
#[derive(Debug, Args)]
struct Reach {
    #[command(flatten)]
    operator: OperatorOptions,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Create {
    /// Its name in logs and records, which must be new
    name: String,
    /// Requests in any 60 seconds [default: no limit, as with the others]
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<NonZeroU32>,
    /// Pictures from one midnight Pacific time to the next
    #[arg(long, value_name = "N")]
    images_per_day: Option<NonZeroU32>,
    /// Spending from one midnight Pacific time to the next, in US dollars
    #[arg(long, value_name = "DOLLARS")]
    spend_per_day_usd: Option<Dollars>,
    /// Pictures drawn at once
    #[arg(long, value_name = "N")]
    concurrent: Option<NonZeroU32>,
    /// Makes nothing where the accounts and clients have another revision by now
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The client's name
    name: String,
    /// Revokes nothing where the accounts and clients have another revision by now
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

/// Asks, and prints what comes.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    match options.action {
        Action::Create(options) => create(&options, environment).await,
        Action::List(reach) => {
            let (mut clients, quota) = clients(&reach, environment)?;
            let answer = clients.list(ListClientsRequest {}).await.map_err(|status| quota.told(&status))?;
            serving::announce(&listed(answer.into_inner(), reach.json)?);
            Ok(())
        }
        Action::Revoke(Revoke { name, if_revision, reach }) => {
            let (mut clients, quota) = clients(&reach, environment)?;
            let request = RevokeClientRequest { name: name.clone(), revision: if_revision };
            let answer = clients.revoke(request).await.map_err(|status| quota.told(&status))?.into_inner();
            let told = if reach.json {
                serde_json::to_string_pretty(&One::of(answer.client, None, answer.revision)?)?
            } else {
                format!("The key of {name} opens nothing any more.")
            };
            serving::announce(&told);
            Ok(())
        }
    }
}

async fn create(options: &Create, environment: &Environment) -> anyhow::Result<()> {
    let (mut clients, quota) = clients(&options.reach, environment)?;
    let limits = v1::ClientLimits {
        requests_per_minute: options.requests_per_minute.map(NonZeroU32::get),
        images_per_day: options.images_per_day.map(NonZeroU32::get),
        spend_per_day_micro_usd: options.spend_per_day_usd.map(Dollars::micro_usd),
        concurrent: options.concurrent.map(NonZeroU32::get),
    };
    let (name, revision) = (options.name.clone(), options.if_revision);
    let request = CreateClientRequest { name, limits: Some(limits), revision };
    let answer = clients.create(request).await.map_err(|status| quota.told(&status))?.into_inner();
    let told = if options.reach.json {
        serde_json::to_string_pretty(&One::of(answer.client, Some(answer.key), answer.revision)?)?
    } else {
        format!("The key of {}, shown only now: {}", options.name, answer.key)
    };
    serving::announce(&told);
    Ok(())
}

fn clients(reach: &Reach, environment: &Environment) -> anyhow::Result<(ClientsClient<Channel>, Remote)> {
    let quota = reach.operator.quota(environment)?;
    Ok((ClientsClient::new(quota.channel()), quota))
}

fn listed(answer: ListClientsResponse, json: bool) -> anyhow::Result<String> {
    let revision = answer.revision;
    let known = answer.clients.into_iter().map(KnownClient::try_from).collect::<Result<Vec<_>, _>>()?;
    if json {
        let clients = known.into_iter().map(Shown::from).collect();
        return Ok(serde_json::to_string_pretty(&All { revision, clients })?);
    }
    let rows: Vec<_> = known.iter().map(row).collect();
    Ok(table(["NAME", "LIMITS", "FROM", "STATE"], &rows))
}

fn row(known: &KnownClient) -> [String; 4] {
    let state = known.set_aside.as_ref().map(|reason| format!("set aside: {reason}"));
    [
        known.client.id.to_string(),
        limits(&known.client.limits),
        known.origin.to_string(),
        state.unwrap_or_else(|| "known".to_owned()),
    ]
}

fn limits(limits: &ClientLimits) -> String {
    let said = [
        limits.requests_per_minute.map(|count| format!("{count}/min")),
        limits.images_per_day.map(|count| format!("{count} img/day")),
        limits.spend_per_day_micro_usd.map(|spend| format!("{} USD/day", Dollars::from_micro_usd(spend))),
        limits.concurrent.map(|count| format!("{count} at once")),
    ];
    let said: Vec<_> = said.into_iter().flatten().collect();
    if said.is_empty() { "none".to_owned() } else { said.join(" ") }
}

#[derive(Serialize)]
struct All {
    revision: u64,
    clients: Vec<Shown>,
}

#[derive(Serialize)]
struct One {
    revision: u64,
    #[serde(flatten)]
    client: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    limits: ShownLimits,
    origin: &'static str,
    set_aside: Option<String>,
}

#[derive(Serialize)]
struct ShownLimits {
    requests_per_minute: Option<u32>,
    images_per_day: Option<u32>,
    spend_per_day_micro_usd: Option<u64>,
    concurrent: Option<u32>,
}

impl One {
    fn of(client: Option<v1::Client>, key: Option<String>, revision: u64) -> anyhow::Result<Self> {
        let client = client.ok_or_else(|| anyhow::anyhow!("the answer holds no client"))?;
        Ok(Self { revision, client: KnownClient::try_from(client)?.into(), key })
    }
}

impl From<KnownClient> for Shown {
    fn from(known: KnownClient) -> Self {
        let ClientLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent } =
            known.client.limits;
        Self {
            name: known.client.id.to_string(),
            limits: ShownLimits { requests_per_minute, images_per_day, spend_per_day_micro_usd, concurrent },
            origin: known.origin.as_str(),
            set_aside: known.set_aside,
        }
    }
}
