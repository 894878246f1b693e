//! How a client asks: over gRPC, or in a dialect.

use std::{sync::Arc, time::Duration};

use domain::{Failure, FailureKind, GenerationEvent};
use proto::{
    transport::Channel,
    v1::{GenerateEvent, GenerateRequest, Part, Role, Turn, generation_client::GenerationClient, part},
};
use reqwest::{Client, Response, StatusCode, header};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde::{Deserialize, Serialize};
use tonic::{Request, Status, Streaming};

use super::{
    fleet::{CLIENT, CLIENT_KEY},
    load::Wish,
    record::{End, Refusal},
};

/// How long a client waits for the end of an answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// A generation process, asked over gRPC; the request is called by its prompt.
#[derive(Clone)]
pub(crate) struct Direct(GenerationClient<Channel>);

/// A gateway, asked as OpenAI's Images API is.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    url: String,
}

impl Direct {
    pub(crate) fn new(url: &str) -> Self {
        Self(GenerationClient::new(proto::transport::connect(url).unwrap()))
    }

    /// The request's name, how many pictures came, and how it ended.
    pub(crate) async fn ask(&self, wish: &Wish) -> (Option<String>, u32, End) {
        let part = Part { part: Some(part::Part::Text(wish.prompt.clone())) };
        let mut request = Request::new(GenerateRequest {
            request_id: wish.prompt.clone(),
            client: CLIENT.to_owned(),
            model: wish.model.name.to_owned(),
            turns: vec![Turn { role: Role::User.into(), parts: vec![part] }],
            resolution: wish.model.size.to_owned(),
            count: wish.count,
            ..GenerateRequest::default()
        });
        request.set_timeout(PATIENCE);
        let (delivered, end) = match self.0.clone().generate(request).await {
            Ok(answer) => listen(answer.into_inner()).await,
            Err(status) => (0, refused(&status)),
        };
        (Some(wish.prompt.clone()), delivered, end)
    }
}

async fn listen(mut events: Streaming<GenerateEvent>) -> (u32, End) {
    let (mut delivered, mut failures) = (0, Vec::new());
    loop {
        let event = match events.message().await {
            Ok(Some(event)) => GenerationEvent::try_from(event),
            Ok(None) => return (delivered, End::Broken),
            Err(status) => return (delivered, refused(&status)),
        };
        match event {
            Ok(GenerationEvent::ImageFinished { .. }) => delivered += 1,
            Ok(GenerationEvent::ImageFailed { failure, .. }) => failures.push(failure.kind),
            Ok(GenerationEvent::Finished { .. }) => return (delivered, End::Finished(failures)),
            Ok(_) => {}
            Err(_) => return (delivered, End::Broken),
        }
    }
}

/// A status of ours carries a failure; any other is a connection that broke.
fn refused(status: &Status) -> End {
    proto::carried_by(status).map_or(End::Broken, |failure| End::Refused(Refusal::from(failure)))
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            what: failure.to_string(),
            unavailable: failure.kind == FailureKind::Unavailable,
            limited: failure.kind == FailureKind::QuotaExhausted,
            retry_after: failure.retry_after,
            possibly_billed: failure.kind.possibly_billed(),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    prompt: &'a str,
    n: u32,
    image_size: &'a str,
    response_format: &'a str,
}

#[derive(Deserialize)]
struct Pictures {
    data: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    errors: Vec<Lost>,
}

#[derive(Deserialize)]
struct Lost {
    code: String,
}

impl Http {
    pub(crate) fn new(url: &str) -> Self {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls).no_proxy().timeout(PATIENCE).build();
        Self { client: client.unwrap(), url: format!("{url}/v1/images/generations") }
    }

    /// The request's name, how many pictures came, and how it ended.
    pub(crate) async fn ask(&self, wish: &Wish) -> (Option<String>, u32, End) {
        let Wish { prompt, model, count } = wish;
        let body = Body {
            model: model.name,
            prompt,
            n: *count,
            image_size: model.size,
            response_format: "b64_json",
        };
        let request = self.client.post(&self.url).bearer_auth(CLIENT_KEY);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        match request.body(serde_json::to_vec(&body).unwrap()).send().await {
            Ok(response) => {
                let name = text(&response, "x-request-id").map(str::to_owned);
                let (delivered, end) = read(response).await;
                (name, delivered, end)
            }
            Err(_) => (None, 0, End::Broken),
        }
    }
}

async fn read(response: Response) -> (u32, End) {
    let status = response.status();
    if !status.is_success() {
        return (0, End::Refused(refusal(&response)));
    }
    let Ok(body) = response.bytes().await else { return (0, End::Broken) };
    let Ok(pictures) = serde_json::from_slice::<Pictures>(&body) else { return (0, End::Broken) };
    let lost = pictures.errors.iter().map(|lost| kind(&lost.code)).collect();
    (u32::try_from(pictures.data.len()).unwrap(), End::Finished(lost))
}

fn refusal(response: &Response) -> Refusal {
    let retry_after = text(response, "retry-after").and_then(|text| text.parse().ok());
    Refusal {
        what: response.status().to_string(),
        unavailable: response.status() == StatusCode::SERVICE_UNAVAILABLE,
        limited: response.status() == StatusCode::TOO_MANY_REQUESTS,
        retry_after: retry_after.map(Duration::from_secs),
        possibly_billed: text(response, "x-tessera-possibly-billed") == Some("true"),
    }
}

fn text<'a>(response: &'a Response, header: &str) -> Option<&'a str> {
    response.headers().get(header)?.to_str().ok()
}

fn kind(code: &str) -> FailureKind {
    let known = FailureKind::ALL.into_iter().find(|kind| kind.as_str() == code);
    known.unwrap_or_else(|| panic!("`{code}` is no kind of failure"))
}
