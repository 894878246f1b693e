//! The accounts that were added while Tessera ran: quota tells of them, and their credentials are opened with the key
//! that generation opens them with.

use std::time::Duration;

use domain::{AccountId, CredentialVersion, KnownAccount, Origin};
use proto::{
    failure_of,
    sealing::{Credential, SealingKey},
    transport::{self, Channel},
    v1::{
        FetchCredentialRequest, ListAccountsRequest, accounts_client::AccountsClient,
        credentials_client::CredentialsClient,
    },
};
use tonic::{Request, Status};

use super::{Finding, Patient, accounts::Candidate};
use crate::{commands::role::Role, key, operator_socket};

/// How long quota may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const CHECK: &str = "accounts added";

/// Each of them: ready to be asked, or what is known without asking.
pub(super) async fn look(patient: &Patient<'_>) -> Vec<Result<Candidate, Finding>> {
    let quota = match quota(patient) {
        Ok(Some(channel)) => channel,
        Ok(None) => {
            let told = "can be looked at while Tessera runs, and are not now";
            return vec![Err(Finding::ok(CHECK, told))];
        }
        Err(error) => return vec![Err(unseen(&error))],
    };
    let key = patient.sealing_key();
    let known = match list(&quota).await {
        Ok(known) => known,
        Err(error) => return vec![Err(unseen(&error))],
    };
    let mut looked_at = Vec::new();
    for account in known {
        looked_at.push(open(&quota, key.as_ref(), account).await);
    }
    looked_at
}

fn unseen(error: &str) -> Finding {
    let told = format!("cannot be looked at: {error}");
    Finding::warning(CHECK, told, "see that quota runs and can be reached from here")
}

/// The way to quota: for a service of a cluster as the configuration says, else by the socket of `tessera up`; none
/// while that does not run.
fn quota(patient: &Patient<'_>) -> Result<Option<Channel>, String> {
    if patient.role == Some(Role::Generation) {
        let identity = patient.config.identity().map_err(|error| error.to_string())?;
        let url = patient.config.generation.quota_url.0.as_str();
        return transport::connect_as(url, identity.as_ref()).map(Some).map_err(|error| error.to_string());
    }
    let data = patient.data_dir.path(patient.environment);
    let Some(socket) = data.map(|data| operator_socket::path(&data)).filter(|socket| socket.exists()) else {
        return Ok(None);
    };
    transport::connect(&format!("unix:{}", socket.display())).map(Some).map_err(|error| error.to_string())
}

async fn list(quota: &Channel) -> Result<Vec<KnownAccount>, String> {
    let mut question = Request::new(ListAccountsRequest {});
    question.set_timeout(PATIENCE);
    let answer = AccountsClient::new(quota.clone()).list(question).await.map_err(|status| told(&status))?;
    let known = answer.into_inner().accounts.into_iter().map(KnownAccount::try_from);
    let known: Vec<_> = known.collect::<Result<_, _>>().map_err(|failure| failure.message)?;
    Ok(known.into_iter().filter(|known| known.origin == Origin::Registry).collect())
}

/// Opens its credential, where it is one that may be leased.
async fn open(quota: &Channel, key: Option<&SealingKey>, known: KnownAccount) -> Result<Candidate, Finding> {
    let KnownAccount { account, credential, set_aside, .. } = known;
    let check = format!("account {}", account.id);
    if let Some(why) = set_aside {
        return Err(Finding::warning(check, format!("is set aside: {why}"), "remove it, or add it anew"));
    }
    if !account.enabled {
        return Err(Finding::ok(check, "is disabled, and was not asked"));
    }
    let opened = match (credential, key) {
        (Some(version), Some(key)) => fetch(quota, key, &account.id, version).await,
        (None, _) => Err(("has no credential".to_owned(), "add it anew")),
        (_, None) => Err((
            "has a sealed credential, and there is no key to it here".to_owned(),
            "set generation.sealing_key_file to what the account was added with",
        )),
    };
    match opened {
        Ok(credential) => Ok(Candidate { account, credential }),
        Err((found, remedy)) => Err(Finding::failure(check, found, remedy)),
    }
}

async fn fetch(
    quota: &Channel,
    key: &SealingKey,
    account: &AccountId,
    version: CredentialVersion,
) -> Result<Credential, (String, &'static str)> {
    let mut question =
        Request::new(FetchCredentialRequest { account: account.to_string(), version: version.get() });
    question.set_timeout(PATIENCE);
    let answer = CredentialsClient::new(quota.clone()).fetch(question).await;
    let sealed = answer
        .map_err(|status| (format!("has a credential that cannot be had: {}", told(&status)), "ask again"))?;
    key.open(account, &sealed.into_inner().sealed).map_err(|error| {
        let remedy = "add the account anew, or give generation the sealing key it had then";
        (format!("has a sealed credential that {error}"), remedy)
    })
}

fn told(status: &Status) -> String {
    failure_of(status).message
}

impl Patient<'_> {
    /// What sealed credentials are opened with, where it can be had; whether it can is looked at elsewhere.
    fn sealing_key(&self) -> Option<SealingKey> {
        let data = self.data_dir.path(self.environment).filter(|_| self.role.is_none());
        key::sealing_kept(self.config, data.as_deref(), self.environment).ok().flatten()
    }
}
