//! Accounts over gRPC, for operators.

use std::sync::Arc;

use domain::{AccountId, Failure, KnownAccount, NewAccount, Origin};
use proto::{
    status_of,
    v1::{self, accounts_server},
};
use telemetry::carrier;
use tonic::{Request, Response, Status, async_trait};
use tracing::{Span, instrument};

use super::note;
use crate::{
    SettingsError,
    registry::{Change, RegisteredAccount},
    roster::{InForce, Roster},
};

/// The largest sealed credential, in bytes: a service account's file takes about 2.5 KB.
const LARGEST: usize = 64 << 10;

/// Accounts over gRPC.
pub(crate) struct AccountService {
    roster: Arc<Roster>,
    catalog: Arc<domain::Catalog>,
}

impl AccountService {
    /// The service of a roster.
    pub(crate) const fn new(roster: Arc<Roster>, catalog: Arc<domain::Catalog>) -> Self {
        Self { roster, catalog }
    }

    fn admit(&self, current: &InForce, new: &NewAccount) -> Result<Change, Failure> {
        let id = &new.account.id;
        if let Some(known) = current.accounts.find(id) {
            return Err(Failure::invalid(
                "id",
                format!("there is an account `{id}` already, from the {}", known.origin),
            ));
        }
        if new.sealed.len() > LARGEST {
            return Err(Failure::invalid("sealed_credential", format!("must be at most {LARGEST} bytes")));
        }
        let account = current.accounts.fit(new.account.clone(), &self.catalog).map_err(misfit)?;
        Ok(Change::AddAccount(RegisteredAccount { account, sealed: new.sealed.clone() }))
    }

    async fn change(
        &self,
        request: v1::ChangeAccountRequest,
        decide: impl Fn(&InForce, &KnownAccount) -> Result<Change, Failure>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        let id = account_id(request.id)?;
        let decide = |current: &InForce| {
            let known = current.accounts.find(&id).ok_or_else(|| unknown(&id))?;
            Ok((decide(current, known)?, known.clone()))
        };
        let changed = self.roster.change(request.revision, decide).await.map_err(status_of)?;
        let (current, before) = changed;
        tracing::info!(account = %id, revision = current.registered.revision, "an account was changed");
        let account = current.accounts.find(&id).cloned().unwrap_or(before);
        Ok(told(account, &current))
    }
}

#[async_trait]
impl accounts_server::Accounts for AccountService {
    #[instrument(name = "quota.accounts.add", skip_all, fields(account = request.get_ref().id, trace_id))]
    async fn add(
        &self,
        request: Request<v1::AddAccountRequest>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        carrier::note_trace(&Span::current());
        let revision = request.get_ref().revision;
        let new = NewAccount::try_from(request.into_inner()).map_err(status_of)?;
        let decide = |current: &InForce| Ok((self.admit(current, &new)?, ()));
        let (current, ()) = self.roster.change(revision, decide).await.map_err(status_of)?;
        let id = &new.account.id;
        tracing::info!(account = %id, revision = current.registered.revision, "an account was added");
        // Removed again by another in this very moment, it is told as it was added.
        let known = current.accounts.find(id).cloned().unwrap_or_else(|| added(&new));
        Ok(told(known, &current))
    }

    #[instrument(name = "quota.accounts.list", skip_all, fields(trace_id))]
    async fn list(
        &self,
        _: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        carrier::note_trace(&Span::current());
        self.roster.refresh().await.map_err(status_of)?;
        let current = self.roster.current();
        let mut accounts: Vec<_> = current.accounts.all().iter().cloned().map(v1::Account::from).collect();
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Response::new(v1::ListAccountsResponse { accounts, revision: current.registered.revision }))
    }

    #[instrument(name = "quota.accounts.show", skip_all, fields(trace_id))]
    async fn show(
        &self,
        request: Request<v1::ShowAccountRequest>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        carrier::note_trace(&Span::current());
        let id = account_id(request.into_inner().id)?;
        note("account", &id);
        self.roster.refresh().await.map_err(status_of)?;
        let current = self.roster.current();
        let known = current.accounts.find(&id).ok_or_else(|| status_of(unknown(&id)))?.clone();
        Ok(told(known, &current))
    }

    #[instrument(name = "quota.accounts.enable", skip_all, fields(trace_id))]
    async fn enable(
        &self,
        request: Request<v1::ChangeAccountRequest>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        carrier::note_trace(&Span::current());
        let enable = |_: &InForce, known: &KnownAccount| Ok(Change::EnableAccount(known.account.id.clone()));
        self.change(request.into_inner(), enable).await
    }

    #[instrument(name = "quota.accounts.disable", skip_all, fields(trace_id))]
    async fn disable(
        &self,
        request: Request<v1::ChangeAccountRequest>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        carrier::note_trace(&Span::current());
        let disable =
            |_: &InForce, known: &KnownAccount| Ok(Change::DisableAccount(known.account.id.clone()));
        self.change(request.into_inner(), disable).await
    }

    #[instrument(name = "quota.accounts.remove", skip_all, fields(trace_id))]
    async fn remove(
        &self,
        request: Request<v1::ChangeAccountRequest>,
    ) -> Result<Response<v1::AccountResponse>, Status> {
        carrier::note_trace(&Span::current());
        self.change(request.into_inner(), remove).await
    }
}

fn remove(current: &InForce, known: &KnownAccount) -> Result<Change, Failure> {
    let id = &known.account.id;
    if current.registered.accounts.contains_key(id) {
        return Ok(Change::RemoveAccount(id.clone()));
    }
    let message = format!(
        "the account `{id}` is in the configuration: remove it from [[accounts]] there and restart, or disable it \
         here"
    );
    Err(Failure::invalid("id", message))
}

fn added(new: &NewAccount) -> KnownAccount {
    let registered = RegisteredAccount { account: new.account.clone(), sealed: new.sealed.clone() };
    let credential = Some(registered.credential());
    KnownAccount { account: registered.account, origin: Origin::Registry, credential, set_aside: None }
}

fn told(known: KnownAccount, current: &InForce) -> Response<v1::AccountResponse> {
    let revision = current.registered.revision;
    Response::new(v1::AccountResponse { account: Some(known.into()), revision })
}

fn account_id(text: String) -> Result<AccountId, Status> {
    AccountId::new(text).map_err(|error| status_of(Failure::invalid("id", error)))
}

fn unknown(id: &AccountId) -> Failure {
    Failure::invalid("id", format!("there is no account `{id}`; `tessera accounts list` names them all"))
}

/// What an account contradicts, at the field that does.
fn misfit(error: SettingsError) -> Failure {
    let field = match &error {
        SettingsError::UnknownModel { .. } => "models",
        SettingsError::UnequalLimits { .. } => "limits",
        _ => "id",
    };
    Failure::invalid(field, error)
}
