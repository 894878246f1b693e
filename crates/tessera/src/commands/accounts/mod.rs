//! `tessera accounts`: what the operator owns, how it stands, and how it changes while Tessera runs.

mod add;
mod shown;
mod standing;
mod watch;

use clap::{Args, Subcommand};
use proto::{
    sealing::PublicKey,
    transport::Channel,
    v1::{
        AccountResponse, ChangeAccountRequest, ListAccountsRequest, PublicKeyRequest, ShowAccountRequest,
        accounts_client::AccountsClient, sealing_client::SealingClient,
    },
};
use tonic::{Response, Status};

use super::operator::{OperatorOptions, Remote};
use crate::{config::Environment, serving};

/// What the command takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Adds an account; its credential is sealed before it leaves this command
    Add(add::Options),
    /// Lists every account, those of the configuration too
    List(Reach),
    /// Shows one account
    Show(One),
    /// Lets an account be used again
    Enable(Change),
    /// Has an account used no more; calls in flight go on
    Disable(Change),
    /// Forgets an account and its credential; one of the configuration is removed there
    Remove(Change),
    /// Shows live how every account stands: what is used and left, what rests it and why, what is in flight
    Watch(watch::Options),
    /// Prints the public key that credentials are sealed with
    SealKey(Reach),
}

/// Where Tessera runs, and how the answer is printed.
#[derive(Debug, Args)]
pub(super) struct Reach {
    #[command(flatten)]
    operator: OperatorOptions,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct One {
    /// The account's name
    id: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
struct Change {
    /// The account's name
    id: String,
    /// Changes nothing where the accounts and clients have another revision by now
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

/// Asks, and prints what comes.
pub(crate) async fn run(options: Options, environment: &Environment) -> anyhow::Result<()> {
    match options.action {
        Action::Add(options) => add::run(options, environment).await,
        Action::List(reach) => list(&reach, environment).await,
        Action::Show(One { id, reach }) => {
            let (mut accounts, quota) = accounts(&reach, environment)?;
            print(accounts.show(ShowAccountRequest { id }).await, &quota, &reach)
        }
        Action::Enable(change) => {
            let (mut accounts, quota) = accounts(&change.reach, environment)?;
            print(accounts.enable(change.request()).await, &quota, &change.reach)
        }
        Action::Disable(change) => {
            let (mut accounts, quota) = accounts(&change.reach, environment)?;
            print(accounts.disable(change.request()).await, &quota, &change.reach)
        }
        Action::Remove(change) => {
            let (mut accounts, quota) = accounts(&change.reach, environment)?;
            print(accounts.remove(change.request()).await, &quota, &change.reach)
        }
        Action::Watch(options) => watch::run(options, environment).await,
        Action::SealKey(reach) => {
            let key = seal_key(&reach, environment).await?;
            serving::announce(&if reach.json { format!("{{\"key\": \"{key}\"}}") } else { key.to_string() });
            Ok(())
        }
    }
}

async fn list(reach: &Reach, environment: &Environment) -> anyhow::Result<()> {
    let (mut accounts, quota) = accounts(reach, environment)?;
    let answer = accounts.list(ListAccountsRequest {}).await.map_err(|status| quota.told(&status))?;
    serving::announce(&shown::list(answer.into_inner(), reach.json)?);
    Ok(())
}

fn accounts(reach: &Reach, environment: &Environment) -> anyhow::Result<(AccountsClient<Channel>, Remote)> {
    let quota = reach.operator.quota(environment)?;
    Ok((AccountsClient::new(quota.channel()), quota))
}

/// What generation has credentials sealed with.
async fn seal_key(reach: &Reach, environment: &Environment) -> anyhow::Result<PublicKey> {
    let generation = reach.operator.generation(environment)?;
    let answer = SealingClient::new(generation.channel()).public_key(PublicKeyRequest {}).await;
    let key = answer.map_err(|status| generation.told(&status))?.into_inner().key;
    Ok(PublicKey::from_bytes(&key)?)
}

fn print(
    answer: Result<Response<AccountResponse>, Status>,
    quota: &Remote,
    reach: &Reach,
) -> anyhow::Result<()> {
    let answer = answer.map_err(|status| quota.told(&status))?.into_inner();
    serving::announce(&shown::one(answer, reach.json)?);
    Ok(())
}

impl Change {
    fn request(&self) -> ChangeAccountRequest {
        ChangeAccountRequest { id: self.id.clone(), revision: self.if_revision }
    }
}
