//! What operators change of clients.

use std::sync::Arc;

use axum::{Json, extract::State};
use proto::v1::{ClientLimits, CreateClientRequest, RevokeClientRequest, clients_client::ClientsClient};
use serde::Serialize;

use crate::console::{Desk, fields::Fields, refused::Refused, soon};

/// A client that was made, and its key, which nobody can tell again.
#[derive(Serialize)]
pub(super) struct Created {
    name: String,
    key: String,
}

/// A client that is no more.
#[derive(Debug, Serialize)]
pub(super) struct Revoked {
    name: String,
}

/// Makes a client and its key.
pub(super) async fn create(State(desk): State<Arc<Desk>>, fields: Fields) -> Result<Json<Created>, Refused> {
    let limits = ClientLimits {
        requests_per_minute: fields.parse("requests_per_minute", "a number")?,
        images_per_day: fields.parse("images_per_day", "a number")?,
        spend_per_day_micro_usd: spend(&fields)?,
        concurrent: fields.parse("concurrent", "a number")?,
    };
    let name = fields.required("name", "the name")?.to_owned();
    let request = CreateClientRequest { name: name.clone(), limits: Some(limits), revision: None };
    let answer = ClientsClient::new(desk.quota.clone()).create(soon(request)).await?.into_inner();
    tracing::info!(client = name, "an operator made a client key by the console");
    Ok(Json(Created { name, key: answer.key }))
}

/// Dollars in a form, in millionths.
fn spend(fields: &Fields) -> Result<Option<u64>, Refused> {
    const FIELD: &str = "spend_per_day_usd";
    let Some(dollars) = fields.parse::<f64>(FIELD, "an amount of dollars")? else { return Ok(None) };
    if !(dollars > 0.0 && dollars <= 1e6) {
        return Err(Refused::field(FIELD, "that must be more than 0 and at most 1,000,000 dollars"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "is between 0 and a million million"
    )]
    let millionths = (dollars * 1e6).round() as u64;
    Ok(Some(millionths.max(1)))
}

/// Forgets a client, so that its key opens nothing.
pub(super) async fn revoke(State(desk): State<Arc<Desk>>, fields: Fields) -> Result<Json<Revoked>, Refused> {
    let name = fields.required("name", "the client")?.to_owned();
    let request = RevokeClientRequest { name: name.clone(), revision: None };
    ClientsClient::new(desk.quota.clone()).revoke(soon(request)).await?;
    tracing::info!(client = name, "an operator revoked a client key by the console");
    Ok(Json(Revoked { name }))
}
