//! Tokens: had for a signed assertion, one exchange at a time, and renewed before they expire.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{CallOutcome, Clock, Failure, FailureKind};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::service_account::ServiceAccount;
use crate::upstream::{
    CallFailure, body,
    exchange::{Broken, causes},
    one_line,
};

/// How long before its end a token is renewed, while it still serves.
const EARLY: Duration = Duration::from_mins(5);

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer to an exchange, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;

/// The one kind of grant that service accounts use, as a form writes it.
const GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// The tokens of one service account.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Source>);

struct Source {
    account: ServiceAccount,
    url: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The exchange that is under way: whoever needs its token waits for it.
    exchange: Option<Exchange>,
}

type Exchange = Shared<BoxFuture<'static, Result<Token, NoToken>>>;

/// A token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// The value of the `authorization` header.
    header: HeaderValue,
    renew_at: Instant,
    expires_at: Instant,
}

/// Why there is no token, in words for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoToken {
    /// The account's key opens nothing.
    Rejected(String),
    /// Nobody could say.
    Unavailable(String),
}

impl Tokens {
    /// The tokens that this account gets at this address.
    pub(super) fn new(account: ServiceAccount, url: Url, client: Client, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Source { account, url, client, clock, state: Mutex::default() }))
    }

    /// A token that has not expired. One that soon will is renewed behind the caller's back.
    pub(super) async fn get(&self) -> Result<Token, NoToken> {
        let exchange = {
            let mut state = self.0.lock();
            let now = Instant::now();
            match state.token.clone().filter(|token| now < token.expires_at) {
                Some(token) if now < token.renew_at => return Ok(token),
                Some(token) => {
                    // It runs by itself: nobody waits for it here.
                    drop(self.join(&mut state));
                    return Ok(token);
                }
                None => self.join(&mut state),
            }
        };
        exchange.await
    }

    /// Forgets a token that was refused, unless another has taken its place.
    pub(super) fn forget(&self, refused: &Token) {
        let mut state = self.0.lock();
        state.token = state.token.take().filter(|token| token.header != refused.header);
    }

    /// The exchange under way, or else a new one. It goes on when its callers go away.
    fn join(&self, state: &mut State) -> Exchange {
        let begin = || {
            let source = Arc::clone(&self.0);
            let task = tokio::spawn(async move { source.renew().await });
            let lost = || NoToken::Unavailable("the exchange was lost to an error of ours".to_owned());
            async move { task.await.unwrap_or_else(|_| Err(lost())) }.boxed().shared()
        };
        state.exchange.get_or_insert_with(begin).clone()
    }
}

impl Source {
    async fn renew(&self) -> Result<Token, NoToken> {
        let result = self.exchange().await;
        let mut state = self.lock();
        state.exchange = None;
        if let Ok(token) = &result {
            state.token = Some(token.clone());
        }
        result
    }

    async fn exchange(&self) -> Result<Token, NoToken> {
        let asked = Instant::now();
        let deadline = asked + PATIENCE;
        let assertion = self.account.assertion(self.clock.now());
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("grant_type={GRANT}&assertion={assertion}"));
        let answer =
            timeout_at(deadline, request.send()).await.map_err(|_| NoToken::from(Broken::NoAnswer))?;
        let answer = answer.map_err(|error| NoToken::Unavailable(causes(error)))?;
        let status = answer.status();
        let bounds = body::Bounds { bytes: ANSWER_LIMIT, idle: PATIENCE, deadline };
        let mut json = Vec::new();
        body::read(answer, bounds, |piece| json.extend_from_slice(piece)).await?;
        match status {
            StatusCode::OK => Token::parse(&json, asked),
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(NoToken::Rejected(describe(status, &json)))
            }
            _ => Err(NoToken::Unavailable(describe(status, &json))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// The value of the `authorization` header.
    pub(super) const fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// What must be shown nowhere.
    pub(super) fn secret(&self) -> &str {
        self.header.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default()
    }

    fn parse(json: &[u8], asked: Instant) -> Result<Self, NoToken> {
        let unreadable = || NoToken::Unavailable("the answer holds no token".to_owned());
        let granted: Granted = serde_json::from_slice(json).map_err(|_| unreadable())?;
        let lifetime = match granted.expires_in {
            Seconds::Number(seconds) => seconds,
            Seconds::Text(text) => text.parse().map_err(|_| unreadable())?,
        };
        let lifetime = Duration::from_secs(lifetime.min(24 * 3_600));
        let header = HeaderValue::from_str(&format!("Bearer {}", granted.access_token));
        let mut header = header.map_err(|_| unreadable())?;
        header.set_sensitive(true);
        // Half of its time is left to a token that does not last long.
        let renew_at = asked + lifetime.saturating_sub(EARLY).max(lifetime / 2);
        Ok(Self { header, renew_at, expires_at: asked + lifetime })
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Seconds,
}

/// Seconds, which Google writes as a number or as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

/// An error as OAuth 2 writes it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

fn describe(status: StatusCode, json: &[u8]) -> String {
    let Refusal { error, error_description } = serde_json::from_slice(json).unwrap_or_default();
    one_line(&format!("no token: {} {error} {error_description}", status.as_u16()), 300)
}

impl From<Broken> for NoToken {
    fn from(broken: Broken) -> Self {
        Self::Unavailable(one_line(&format!("no token: {broken:?}"), 300))
    }
}

impl From<NoToken> for CallFailure {
    fn from(no_token: NoToken) -> Self {
        match no_token {
            NoToken::Rejected(detail) => {
                let message = "the provider refused our credentials; the operator must look";
                let failure = Failure::new(FailureKind::UpstreamRejected, message);
                Self::sent(CallOutcome::CredentialRejected, failure, detail)
            }
            NoToken::Unavailable(detail) => {
                let message = "the provider cannot be reached; try again shortly";
                Self::unsent(Failure::new(FailureKind::UpstreamOverloaded, message), detail)
            }
        }
    }
}
