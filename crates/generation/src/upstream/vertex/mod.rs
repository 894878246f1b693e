//! Vertex AI, called with service accounts.

mod location;
mod service_account;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AccountId, CallOutcome, Clock, GenerationRequest, Location, ProjectId, Provider};
use proto::sealing::Credential;
use reqwest::{Client, RequestBuilder, StatusCode, Url, header::AUTHORIZATION};
use secrecy::SecretString;
use tokio::time::timeout_at;

use super::{
    Call, CallFailure, Drawn, Ending, Upstream, address,
    exchange::Broken,
    generate_content::{self, Service},
};
use crate::{
    Credentials, SettingsError,
    credentials::{Keyring, Vault},
};

pub use self::service_account::KeyFileError;
use self::{
    service_account::ServiceAccount,
    token::{NoToken, Token, Tokens},
};

/// Where Vertex AI is. How long it may take is told with the Gemini API's settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Scheme and host, with nothing after it; without it those of each account's location.
    pub base_url: Option<String>,
    /// Where tokens are had; without it where each account's file says.
    pub token_url: Option<String>,
}

impl Settings {
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
        self.base()?;
        self.token().map(|_| ())
    }

    fn base(&self) -> Result<Option<Url>, SettingsError> {
        let text = self.base_url.as_deref();
        text.map(|text| address::origin(text).ok_or(SettingsError::BaseUrl("vertex.base_url"))).transpose()
    }

    fn token(&self) -> Result<Option<Url>, SettingsError> {
        let text = self.token_url.as_deref();
        text.map(|text| address::endpoint(text).ok_or(SettingsError::Url("vertex.token_url"))).transpose()
    }
}

/// A service account that asks questions of which Google answers each for nothing.
pub(super) struct Asking<'a> {
    pub(super) settings: &'a Settings,
    pub(super) client: &'a Client,
    pub(super) clock: &'a Arc<dyn Clock>,
}

impl Asking<'_> {
    /// The question whether a model is there, asked with a token that is got for it.
    pub(super) async fn for_model(
        &self,
        json: &SecretString,
        location: &Location,
        model: &str,
    ) -> Result<RequestBuilder, Unasked> {
        let account = ServiceAccount::read(json).map_err(|error| Unasked::Refused(error.to_string()))?;
        let of_file = || Ok(account.token_uri().clone());
        let wrong = |error: SettingsError| Unasked::Unreachable(error.to_string());
        let token_url = self.settings.token().transpose().unwrap_or_else(of_file).map_err(wrong)?;
        let base = self.settings.base().map_err(wrong)?.unwrap_or_else(|| location::origin(location));
        let tokens = Tokens::new(account, token_url, self.client.clone(), Arc::clone(self.clock));
        let token = tokens.get().await?;
        let mut url = base;
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["v1", "publishers", "google", "models", model]);
        }
        Ok(self.client.get(url).header(AUTHORIZATION, token.header()))
    }
}

/// Why a question could not be asked.
pub(super) enum Unasked {
    /// The account opens nothing.
    Refused(String),
    /// Nobody could say.
    Unreachable(String),
}

impl From<NoToken> for Unasked {
    fn from(none: NoToken) -> Self {
        match none {
            NoToken::Rejected(detail) => Self::Refused(detail),
            NoToken::Unavailable(detail) => Self::Unreachable(detail),
        }
    }
}

/// Vertex AI.
pub(crate) struct Vertex {
    service: Service,
    accounts: Keyring<Arc<Account>>,
}

/// A service account at its place.
struct Account {
    base: Url,
    project: ProjectId,
    location: Location,
    tokens: Tokens,
}

impl Vertex {
    /// Vertex AI, called with the service accounts among these credentials and those in the vault.
    pub(crate) fn new(
        settings: &Settings,
        service: Service,
        clock: &Arc<dyn Clock>,
        credentials: &Credentials,
        vault: Arc<Vault>,
    ) -> Result<Self, SettingsError> {
        let (base, token_url) = (settings.base()?, settings.token()?);
        let (client, clock) = (service.client().clone(), Arc::clone(clock));
        let ready = move |id: &AccountId, credential: &Credential| {
            let Credential::ServiceAccount { json, project, location } = credential else { return None };
            let opened = ServiceAccount::read(json).map(|account| {
                let base = base.clone().unwrap_or_else(|| location::origin(location));
                let url = token_url.clone().unwrap_or_else(|| account.token_uri().clone());
                let tokens = Tokens::new(account, url, client.clone(), Arc::clone(&clock));
                Arc::new(Account { base, project: project.clone(), location: location.clone(), tokens })
            });
            Some(opened.map_err(|error| SettingsError::KeyFile(id.clone(), error)))
        };
        Ok(Self { service, accounts: Keyring::new(credentials, vault, Box::new(ready))? })
    }

    /// Asks again with a fresh token after the first was refused: Google looks at the token before it does
    /// anything else, so that nothing was billed. What goes wrong now goes wrong on a lease that was used.
    async fn ask_again(&self, account: &Account, refused: &Token, call: Call) -> Result<Drawn, CallFailure> {
        account.tokens.forget(refused);
        let dispatch = Arc::new(call.dispatch.again());
        let call = Call { dispatch, ..call };
        let asking = async {
            let token = account.token(&call).await?;
            let url = account.url(&call.model);
            Ok((self.service.ask(url, (AUTHORIZATION, token.header()), &call).await?, token))
        };
        let (answer, token) = asking.await.map_err(|failure: CallFailure| match failure.ending {
            Ending::Late | Ending::Unsent => {
                CallFailure { ending: Ending::Sent(CallOutcome::Transient), ..failure }
            }
            Ending::Sent(_) => failure,
        })?;
        self.service.read(answer, &call, token.secret()).await
    }
}

impl Account {
    fn url(&self, model: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["v1", "projects", self.project.as_str()]);
            path.extend(["locations", self.location.as_str(), "publishers", "google", "models"]);
            path.push(&format!("{model}:generateContent"));
        }
        url
    }

    /// A token, where one comes in the time that the lease leaves.
    async fn token(&self, call: &Call) -> Result<Token, CallFailure> {
        let Ok(token) = timeout_at(call.dispatch.start_by(), self.tokens.get()).await else {
            call.dispatch.revoke();
            return Err(Broken::Late.into());
        };
        token.map_err(CallFailure::from)
    }
}

#[async_trait]
impl Upstream for Vertex {
    fn encode(&self, request: &GenerationRequest) -> Bytes {
        generate_content::encode(request, Provider::Vertex)
    }

    async fn draw(&self, call: Call) -> Result<Drawn, CallFailure> {
        let account = self.accounts.get(&call).await?;
        let token = account.token(&call).await?;
        let url = account.url(&call.model);
        let answer = self.service.ask(url, (AUTHORIZATION, token.header()), &call).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return self.ask_again(&account, &token, call).await;
        }
        self.service.read(answer, &call, token.secret()).await
    }
}

#[cfg(test)]
mod tests;
