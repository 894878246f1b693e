//! Asking a gateway for pictures, as any application would: `POST /v1/images/generations`, streamed.

use std::{
    borrow::Cow,
    io::{self, ErrorKind::ConnectionRefused},
    net::IpAddr,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use base64_turbo::STANDARD;
use bytes::Bytes;
use domain::Image;
use reqwest::{Client, Response, StatusCode, Url, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::event_stream::EventStream;
use crate::{first_key::KEY_VARIABLE, web};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a gateway may be silent, which gives signs of life every few seconds.
const SILENCE: Duration = Duration::from_mins(3);

/// What is asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Wish<'a> {
    /// What to draw.
    pub prompt: &'a str,
    /// The model; the gateway's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    /// The shape or size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<&'a str>,
    /// The resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<&'a str>,
    /// How many pictures.
    pub n: u32,
    /// Always true: pictures are to come one by one, and signs of life before them.
    pub stream: bool,
}

/// A gateway somewhere.
pub(crate) struct Gateway {
    url: String,
    is_here: bool,
    key: Option<SecretString>,
    client: Client,
}

/// What became of asking.
pub(crate) enum Asked {
    /// The gateway answers.
    Answer(Answer),
    /// Nothing listens there.
    NobodyListens,
}

/// The pictures on their way.
pub(crate) struct Answer(EventStream);

/// An event of the stream, as far as it matters here.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    b64_json: Option<Cow<'a, str>>,
    /// Why one of several pictures will not come.
    message: Option<String>,
    /// Why the whole answer ends.
    error: Option<WireError>,
}

/// The body of an answer that is an error.
#[derive(Deserialize)]
struct ErrorBody {
    error: WireError,
}

#[derive(Deserialize)]
struct WireError {
    message: String,
}

impl Gateway {
    /// The gateway at this URL, which knows us by this key.
    pub(crate) fn at(url: &str, key: Option<SecretString>) -> anyhow::Result<Self> {
        let url: Url = url.parse().with_context(|| format!("`{url}` is not the URL of a gateway"))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let url = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, is_here, key, client: web::client(CONNECT, SILENCE)? })
    }

    /// Whether it is meant to be on this machine.
    pub(crate) const fn is_here(&self) -> bool {
        self.is_here
    }

    /// Asks.
    pub(crate) async fn ask(&self, wish: &Wish<'_>) -> anyhow::Result<Asked> {
        let mut request = self
            .client
            .post(format!("{}/v1/images/generations", self.url))
            .header(header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(wish)?);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        match request.send().await {
            Ok(response) if response.status().is_success() => {
                Ok(Asked::Answer(Answer(EventStream::new(response))))
            }
            Ok(response) => Err(self.refusal(response).await),
            Err(error) if error.is_connect() && (!self.is_here || was_refused(&error)) => {
                Ok(Asked::NobodyListens)
            }
            Err(error) => {
                Err(anyhow!(error.without_url())
                    .context(format!("the gateway at {} does not answer", self.url)))
            }
        }
    }

    async fn refusal(&self, response: Response) -> anyhow::Error {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let why =
                if self.key.is_some() { "does not know the client key in" } else { "wants a client key in" };
            return anyhow!("the gateway at {} {why} {KEY_VARIABLE}", self.url);
        }
        let body = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => anyhow!("{}", body.error.message),
            Err(_) => anyhow!("{} answered {status}, which no gateway of ours would", self.url),
        }
    }
}

impl Answer {
    /// The next picture, or why one will not come; nothing after the last.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Result<Image, String>>> {
        while let Some(data) = self.0.next().await? {
            if data.as_slice() == b"[DONE]" {
                continue;
            }
            let event: Event<'_> =
                serde_json::from_slice(&data).context("the gateway sent an event that is not understood")?;
            if let Some(message) = event.error.map(|error| error.message).or(event.message) {
                return Ok(Some(Err(message)));
            }
            if let Some(text) = event.b64_json {
                return Ok(Some(Ok(picture(&text)?)));
            }
        }
        Ok(None)
    }
}

/// Whether nothing is at the address. What listens there without being understood is no reason to draw here.
fn was_refused(error: &reqwest::Error) -> bool {
    anyhow::Chain::new(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == ConnectionRefused)
}

fn picture(text: &str) -> anyhow::Result<Image> {
    let bytes = STANDARD.decode(text).map_err(|_| anyhow!("the gateway sent a picture in broken base64"))?;
    Image::inspect(Bytes::from(bytes)).map_err(|error| anyhow!("what the gateway sent {error}"))
}
