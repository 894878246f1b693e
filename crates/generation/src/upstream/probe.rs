//! Whether a credential opens its provider, found out by calls that cost nothing.

use std::{sync::Arc, time::Duration};

use domain::{Clock, Timestamp};
use proto::sealing::Credential;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header::DATE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    body, client,
    exchange::causes,
    gemini, one_line,
    vertex::{self, Asking, Unasked},
};
use crate::SettingsError;

/// How long an answer may take, a token for it included.
const PATIENCE: Duration = Duration::from_secs(15);

/// The largest answer, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;

/// Asks providers.
pub struct Prober {
    gemini: gemini::Settings,
    vertex: vertex::Settings,
    client: Client,
    clock: Arc<dyn Clock>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the provider said.
    pub verdict: Verdict,
    /// What its clock showed, to the second, and what ours did.
    pub clocks: Option<(Timestamp, Timestamp)>,
}

/// What a provider says of a credential. No secret is in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is good, and the model is there.
    Opens,
    /// It is good, and the model is not there.
    NoModel,
    /// It opens nothing, for this reason.
    Refused(String),
    /// The provider did not answer, or not to the point.
    Unreachable(String),
}

impl Prober {
    /// One that calls where generation calls with these settings.
    pub fn new(
        gemini: gemini::Settings,
        vertex: vertex::Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        gemini.validate()?;
        vertex.validate()?;
        Ok(Self { client: client::build(&gemini.timeouts)?, gemini, vertex, clock })
    }

    /// Asks with a credential whether the provider has a model, by its name there.
    pub async fn ask(&self, credential: &Credential, model: &str) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        let asking = self.asked(credential, model, deadline);
        timeout_at(deadline, asking).await.unwrap_or_else(|_| Answer {
            verdict: Verdict::Unreachable(format!("no answer came within {} seconds", PATIENCE.as_secs())),
            clocks: None,
        })
    }

    async fn asked(&self, credential: &Credential, model: &str, deadline: Instant) -> Answer {
        let question = match self.question(credential, model).await {
            Ok(question) => question,
            Err(verdict) => return Answer { verdict, clocks: None },
        };
        let answer = match question.send().await {
            Ok(answer) => answer,
            Err(error) => return Answer { verdict: Verdict::Unreachable(causes(error)), clocks: None },
        };
        let clocks = date(&answer).map(|shown| (shown, self.clock.now()));
        Answer { verdict: judge(answer, secret(credential), deadline).await, clocks }
    }

    async fn question(&self, credential: &Credential, model: &str) -> Result<RequestBuilder, Verdict> {
        let asking = Asking { settings: &self.vertex, client: &self.client, clock: &self.clock };
        match credential {
            Credential::ApiKey(key) => gemini::ask_for_model(&self.gemini, &self.client, key, model)
                .ok_or_else(|| Verdict::Refused("the key is not visible ASCII characters alone".to_owned())),
            Credential::ServiceAccount { json, location, .. } => {
                asking.for_model(json, location, model).await.map_err(|unasked| match unasked {
                    Unasked::Refused(detail) => Verdict::Refused(detail),
                    Unasked::Unreachable(detail) => Verdict::Unreachable(detail),
                })
            }
        }
    }
}

/// What must be in no message.
const fn secret(credential: &Credential) -> &SecretString {
    match credential {
        Credential::ApiKey(key) => key,
        Credential::ServiceAccount { json, .. } => json,
    }
}

async fn judge(answer: Response, secret: &SecretString, deadline: Instant) -> Verdict {
    let status = answer.status();
    if status == StatusCode::OK {
        return Verdict::Opens;
    }
    let mut text = Vec::new();
    let bounds = body::Bounds { bytes: ANSWER_LIMIT, idle: PATIENCE, deadline };
    // What was read until it broke off is what it said.
    let _ = body::read(answer, bounds, |piece| text.extend_from_slice(piece)).await;
    let said = words(status, &text).replace(secret.expose_secret(), "…");
    match status {
        StatusCode::NOT_FOUND => Verdict::NoModel,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Verdict::Refused(said),
        _ => Verdict::Unreachable(said),
    }
}

/// The provider's own words, as far as they are understood.
fn words(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Envelope {
        error: Told,
    }
    #[derive(Deserialize)]
    struct Told {
        message: String,
    }
    let told = serde_json::from_slice::<Envelope>(body).map(|envelope| envelope.error.message);
    format!("{} {}", status.as_u16(), one_line(&told.unwrap_or_default(), 300)).trim_end().to_owned()
}

fn date(answer: &Response) -> Option<Timestamp> {
    let shown = httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()?;
    let since = shown.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?))
}
