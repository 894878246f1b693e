//! `POST /token`: an OAuth 2 token for an assertion that a service account signed.

use axum::{
    Form, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::assertion;
use crate::Simulator;

/// What is sent, as a form.
#[derive(Deserialize)]
pub(super) struct TokenRequest {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    assertion: String,
}

/// The one kind of grant that service accounts use.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) async fn exchange(
    State(simulator): State<Simulator>,
    Form(TokenRequest { grant_type, assertion }): Form<TokenRequest>,
) -> Result<Json<TokenAnswer>, TokenRefusal> {
    let script = simulator.script();
    let checked = if grant_type == GRANT {
        assertion::check(&assertion, &script.service_accounts, simulator.now())
    } else {
        Err(TokenRefusal::new("unsupported_grant_type", format!("Invalid grant_type: {grant_type}")))
    };
    let client_email = checked.inspect_err(|_| simulator.issued().refuse())?;
    let lifetime = script.tokens.lifetime;
    let access_token = simulator.issued().issue(client_email, simulator.now(), lifetime);
    Ok(Json(TokenAnswer { access_token, expires_in: lifetime.as_secs(), token_type: "Bearer" }))
}

#[derive(Serialize)]
pub(super) struct TokenAnswer {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    token_type: &'static str,
}

/// An error as OAuth 2 writes it.
#[derive(Debug, Serialize)]
pub(super) struct TokenRefusal {
    error: &'static str,
    error_description: String,
}

impl TokenRefusal {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, error_description: description.into() }
    }
}

impl IntoResponse for TokenRefusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(self)).into_response()
    }
}
