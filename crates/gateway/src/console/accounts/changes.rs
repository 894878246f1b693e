//! What operators change of accounts.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{AccountId, Location, ProjectId, Provider};
use proto::{
    sealing::{Credential, PublicKey},
    v1::{
        AccountLimits, AccountResponse, AddAccountRequest, ChangeAccountRequest, PublicKeyRequest,
        accounts_client::AccountsClient, sealing_client::SealingClient,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tonic::{Request, Response, Status};

use crate::console::{Desk, fields::Fields, refused::Refused, soon};

/// The account that was changed. Of its credential nothing is told.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    account: String,
}

type Answer = Result<Json<Changed>, Refused>;

/// Adds an account; its credential is sealed here, for generation alone, and then forgotten.
pub(super) async fn add(State(desk): State<Arc<Desk>>, fields: Fields) -> Answer {
    let id = fields.required("id", "the name")?;
    let id = AccountId::new(id).map_err(|error| Refused::field("id", error))?;
    let provider: Provider = parsed(&fields, "provider", "the provider")?;
    let project = fields.required("project", "the project")?;
    let project = ProjectId::new(project).map_err(|error| Refused::field("project", error))?;
    let limits = AccountLimits {
        requests_per_minute: fields.parse("requests_per_minute", "a number")?,
        images_per_minute: fields.parse("images_per_minute", "a number")?,
        requests_per_day: fields.parse("requests_per_day", "a number")?,
        concurrent: fields.parse("concurrent", "a number")?,
    };
    let credential = credential(&fields, provider, &project)?;
    let key = SealingClient::new(desk.generation.clone()).public_key(soon(PublicKeyRequest {})).await?;
    let sealed = PublicKey::from_bytes(&key.into_inner().key)
        .and_then(|key| key.seal(&id, &credential))
        .map_err(|error| Refused::field("credential", error))?;
    let request = AddAccountRequest {
        id: id.to_string(),
        provider: provider.to_string(),
        project: project.to_string(),
        tier: fields.required("tier", "the tier")?.to_owned(),
        models: fields.all("models").map(str::to_owned).collect(),
        limits: Some(limits),
        sealed_credential: sealed.into(),
        revision: None,
    };
    told("added", AccountsClient::new(desk.quota.clone()).add(soon(request)).await)
}

fn credential(fields: &Fields, provider: Provider, project: &ProjectId) -> Result<Credential, Refused> {
    match provider {
        Provider::Gemini => {
            let key = SecretString::from(fields.required("api_key", "the API key")?);
            if !key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Refused::field(
                    "api_key",
                    "an API key is visible ASCII characters without spaces",
                ));
            }
            Ok(Credential::ApiKey(key))
        }
        Provider::Vertex => Ok(Credential::ServiceAccount {
            json: fields.required("service_account", "the key file")?.into(),
            project: project.clone(),
            location: match fields.get("location") {
                Some(_) => parsed::<Location>(fields, "location", "the location")?,
                None => Location::default(),
            },
        }),
    }
}

/// Lets an account be used again.
pub(super) async fn enable(State(desk): State<Arc<Desk>>, fields: Fields) -> Answer {
    let request = change(&fields)?;
    told("enabled", AccountsClient::new(desk.quota.clone()).enable(request).await)
}

/// Has an account used no more.
pub(super) async fn disable(State(desk): State<Arc<Desk>>, fields: Fields) -> Answer {
    let request = change(&fields)?;
    told("disabled", AccountsClient::new(desk.quota.clone()).disable(request).await)
}

/// Forgets an account and its credential.
pub(super) async fn remove(State(desk): State<Arc<Desk>>, fields: Fields) -> Answer {
    let request = change(&fields)?;
    told("removed", AccountsClient::new(desk.quota.clone()).remove(request).await)
}

fn change(fields: &Fields) -> Result<Request<ChangeAccountRequest>, Refused> {
    let id = fields.required("id", "the account")?.to_owned();
    Ok(soon(ChangeAccountRequest { id, revision: None }))
}

fn told(what: &str, answer: Result<Response<AccountResponse>, Status>) -> Answer {
    let account = answer?.into_inner().account.map(|account| account.id).unwrap_or_default();
    tracing::info!(account, "an operator {what} an account by the console");
    Ok(Json(Changed { account }))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    fields: &Fields,
    name: &str,
    what: &str,
) -> Result<T, Refused> {
    fields.required(name, what)?.parse().map_err(|error| Refused::field(name, error))
}
