//! The Gemini API, called with API keys.

mod error;
mod request;
mod response;

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{AccountId, Failure, FailureKind, GenerationRequest};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use super::{Call, CallFailure, Drawn, Timeouts, Upstream, body, client, exchange::exchange, lifter::Lifter};
use crate::{Credentials, SettingsError};

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

    /// The base URL, which can only be a scheme and a host: a key is sent there and nowhere else.
    fn url(&self) -> Result<Url, SettingsError> {
        let bare = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let url = Url::parse(&self.base_url).ok();
        url.filter(bare).ok_or(SettingsError::BaseUrl("gemini.base_url"))
    }
}

/// Where the key goes; never into the address, which ends up in logs.
const KEY_HEADER: &str = "x-goog-api-key";

/// An error's body is read up to here, in bytes.
const ERROR_LIMIT: usize = 256 << 10;

/// The Gemini API.
pub(crate) struct Gemini {
    client: Client,
    base: Url,
    keys: HashMap<AccountId, HeaderValue>,
    settings: Settings,
}

impl Gemini {
    /// The Gemini API, called with these credentials.
    pub(crate) fn new(settings: Settings, credentials: Credentials) -> Result<Self, SettingsError> {
        let client = client::build(&settings.timeouts)?;
        let base = settings.url()?;
        let keys = credentials.into_keys().map(|(account, key)| {
            let unusable = || SettingsError::Key(account.clone());
            let text = key.expose_secret();
            let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let mut header = HeaderValue::from_str(text).ok().filter(|_| visible).ok_or_else(unusable)?;
            header.set_sensitive(true);
            Ok((account, header))
        });
        let keys = keys.collect::<Result<_, SettingsError>>()?;
        Ok(Self { client, base, keys, settings })
    }

    fn url(&self, model: &str) -> Url {
        let mut url = self.base.clone();
        // Only v1beta knows `responseModalities` everywhere.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["v1beta", "models", &format!("{model}:generateContent")]);
        }
        url
    }

    fn key(&self, account: &AccountId) -> Result<&HeaderValue, CallFailure> {
        self.keys.get(account).ok_or_else(|| {
            let failure = Failure::new(
                FailureKind::UpstreamRejected,
                "an account has no credential here; the operator must look",
            );
            CallFailure::unsent(failure, format!("no API key is configured for account `{account}`"))
        })
    }

    async fn refusal(&self, answer: Response, call: &Call, deadline: Instant) -> CallFailure {
        let status = answer.status();
        let bounds = body::Bounds { bytes: ERROR_LIMIT, idle: self.settings.timeouts.idle, deadline };
        // The status alone says enough, should the rest not come.
        let mut body = Vec::new();
        let _ = body::read(answer, bounds, |piece| body.extend_from_slice(piece)).await;
        let mut failure = error::read(status, &body, &call.model);
        let key = self.keys.get(&call.account).and_then(|key| key.to_str().ok()).unwrap_or_default();
        failure.detail = without(&failure.detail, key);
        failure
    }
}

#[async_trait]
impl Upstream for Gemini {
    fn encode(&self, request: &GenerationRequest) -> Bytes {
        request::encode(request)
    }

    async fn draw(&self, call: Call) -> Result<Drawn, CallFailure> {
        let timeouts = &self.settings.timeouts;
        let deadline = call.deadline.min(Instant::now() + timeouts.total);
        let request = self
            .client
            .post(self.url(&call.model))
            .header(KEY_HEADER, self.key(&call.account)?)
            .header(CONTENT_TYPE, "application/json");
        let first_byte = deadline.min(Instant::now() + timeouts.first_byte);
        let answer = exchange(request, &call, first_byte).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refusal(answer, &call, deadline).await);
        }
        let bounds = body::Bounds { bytes: self.settings.answer_limit_bytes, idle: timeouts.idle, deadline };
        let mut lifter = Lifter::expecting(body::announced(&answer));
        body::read(answer, bounds, |piece| lifter.push(piece)).await?;
        response::read(lifter.finish())
    }
}

/// Google repeats a key in some of its messages, such as those on suspended consumers.
fn without(text: &str, key: &str) -> String {
    if key.is_empty() { text.to_owned() } else { text.replace(key, "[key]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_scheme_and_a_host_make_a_base_url() {
        let settings = |base_url: &str| Settings { base_url: base_url.to_owned(), ..Settings::default() };
        for good in ["https://generativelanguage.googleapis.com", "http://127.0.0.1:8080", "http://[::1]:1/"]
        {
            assert!(settings(good).validate().is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://example.com/v1beta",
            "https://example.com?key=1",
            "https://example.com#top",
            "unix:/socket",
        ] {
            assert!(settings(bad).validate().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_model_name_cannot_leave_its_place_in_the_address() {
        let gemini = Gemini::new(Settings::default(), Credentials::new([])).unwrap();
        let url = gemini.url("../../evil?key=1#");
        assert_eq!(
            url.as_str(),
            "https://generativelanguage.googleapis.com/v1beta/models/..%2F..%2Fevil%3Fkey=1%23:generateContent"
        );
    }

    #[test]
    fn a_key_is_in_no_debug_output_and_in_no_detail() {
        let account = AccountId::new("a").unwrap();
        let credentials = Credentials::new([(account.clone(), "AIzaSecret".into())]);
        let shown = format!("{credentials:?}");
        let gemini = Gemini::new(Settings::default(), credentials).unwrap();
        let shown = format!("{shown} {:?}", gemini.keys);
        assert!(!shown.contains("AIza"), "{shown}");
        assert_eq!(
            without("consumer 'api_key:AIzaSecret' is suspended", "AIzaSecret"),
            "consumer 'api_key:[key]' is suspended"
        );
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_by_its_accounts_name() {
        let account = AccountId::new("a").unwrap();
        for key in ["", "two words", "line\n", "kéy"] {
            let credentials = Credentials::new([(account.clone(), key.into())]);
            let error = Gemini::new(Settings::default(), credentials).err().unwrap();
            assert!(matches!(&error, SettingsError::Key(named) if *named == account), "{key:?}");
        }
    }
}
