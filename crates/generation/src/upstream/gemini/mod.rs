//! The Gemini API, called with API keys.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AccountId, GenerationRequest, Provider};
use proto::sealing::Credential;
use reqwest::{
    Client, RequestBuilder, Url,
    header::{HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Call, CallFailure, Drawn, Timeouts, Upstream, address,
    generate_content::{self, Service},
};
use crate::{
    Credentials, SettingsError,
    credentials::{Keyring, Vault},
};

/// How the Gemini API is called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme and host, with nothing after it.
    pub base_url: String,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The largest answer, in bytes; a larger one is cut off.
    pub answer_limit_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://generativelanguage.googleapis.com".to_owned(),
            timeouts: Timeouts::default(),
            answer_limit_bytes: 64 << 20,
        }
    }
}

impl Settings {
    pub(crate) fn validate(&self) -> Result<(), SettingsError> {
        if self.answer_limit_bytes == 0 {
            return Err(SettingsError::Zero("gemini.answer_limit_bytes".to_owned()));
        }
        self.timeouts.validate("gemini")?;
        self.url().map(|_| ())
    }

    fn url(&self) -> Result<Url, SettingsError> {
        address::origin(&self.base_url).ok_or(SettingsError::BaseUrl("gemini.base_url"))
    }
}

/// Where the key goes; never into the address, which ends up in logs.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-goog-api-key");

/// The question whether a model is there, asked with a key: Google answers it for nothing.
pub(super) fn ask_for_model(
    settings: &Settings,
    client: &Client,
    key: &SecretString,
    model: &str,
) -> Option<RequestBuilder> {
    let mut url = settings.url().ok()?;
    url.path_segments_mut().ok()?.clear().extend(["v1beta", "models", model]);
    Some(client.get(url).header(KEY_HEADER, header(key)?))
}

/// The Gemini API.
pub(crate) struct Gemini {
    service: Service,
    base: Url,
    keys: Keyring<HeaderValue>,
}

impl Gemini {
    /// The Gemini API, called with the keys among these credentials and those in the vault.
    pub(crate) fn new(
        settings: &Settings,
        service: Service,
        credentials: &Credentials,
        vault: Arc<Vault>,
    ) -> Result<Self, SettingsError> {
        let base = settings.url()?;
        let ready = |account: &AccountId, credential: &Credential| match credential {
            Credential::ApiKey(key) => Some(header(key).ok_or_else(|| SettingsError::Key(account.clone()))),
            Credential::ServiceAccount { .. } => None,
        };
        Ok(Self { service, base, keys: Keyring::new(credentials, vault, Box::new(ready))? })
    }

    fn url(&self, model: &str) -> Url {
        let mut url = self.base.clone();
        // Only v1beta knows `responseModalities` everywhere.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["v1beta", "models", &format!("{model}:generateContent")]);
        }
        url
    }
}

/// A key as it is sent, where it can be.
fn header(key: &SecretString) -> Option<HeaderValue> {
    let text = key.expose_secret();
    let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let mut header = HeaderValue::from_str(text).ok().filter(|_| visible)?;
    header.set_sensitive(true);
    Some(header)
}

#[async_trait]
impl Upstream for Gemini {
    fn encode(&self, request: &GenerationRequest) -> Bytes {
        generate_content::encode(request, Provider::Gemini)
    }

    async fn draw(&self, call: Call) -> Result<Drawn, CallFailure> {
        let key = self.keys.get(&call).await?;
        let answer = self.service.ask(self.url(&call.model), (KEY_HEADER, &key), &call).await?;
        self.service.read(answer, &call, key.to_str().unwrap_or_default()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gemini(keys: Vec<(AccountId, SecretString)>) -> Result<Gemini, SettingsError> {
        let settings = Settings::default();
        let service = Service::new(settings.timeouts, settings.answer_limit_bytes).unwrap();
        let keys = keys.into_iter().map(|(account, key)| (account, Credential::ApiKey(key)));
        Gemini::new(&settings, service, &Credentials::new(keys), Arc::new(Vault::empty()))
    }

    #[test]
    fn a_base_url_has_no_path() {
        let settings = Settings { base_url: "https://example.com/v1beta".to_owned(), ..Settings::default() };
        assert!(matches!(settings.validate(), Err(SettingsError::BaseUrl("gemini.base_url"))));
    }

    #[test]
    fn a_model_name_cannot_leave_its_place_in_the_address() {
        let url = gemini(vec![]).unwrap().url("../../evil?key=1#");
        assert_eq!(
            url.as_str(),
            "https://generativelanguage.googleapis.com/v1beta/models/..%2F..%2Fevil%3Fkey=1%23:generateContent"
        );
    }

    #[test]
    fn a_key_is_in_no_debug_output() {
        let shown = format!("{:?}", header(&"AIzaSecret".into()).unwrap());
        assert!(!shown.contains("AIza"), "{shown}");
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_by_its_accounts_name() {
        let account = AccountId::new("a").unwrap();
        for key in ["", "two words", "line\n", "kéy"] {
            let error = gemini(vec![(account.clone(), key.into())]).err().unwrap();
            assert!(matches!(&error, SettingsError::Key(named) if *named == account), "{key:?}");
        }
    }
}
