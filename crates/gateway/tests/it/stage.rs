//! A gateway whose generator plays what a test wrote down.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::{Router, body::Body};
use bytes::Bytes;
use domain::{
    Catalog, Client, ClientId, Dialect, Failure, FailureKind, GenerationEvent, GenerationRequest, ImageHead,
    ManualClock, MediaType, PixelSize, RequestId, Timestamp, Usage,
};
use futures_util::{StreamExt as _, stream};
use gateway::{
    Gateway, Settings,
    auth::Clients,
    generator::{Events, Generator},
};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

/// The paths of the dialects, by name.
pub(crate) const DIALECTS: [(&str, &str); 3] = [
    ("openai_images", "/v1/images/generations"),
    ("openai_chat", "/v1/chat/completions"),
    ("claude_messages", "/v1/messages"),
];

/// The smallest question in each dialect.
pub(crate) const SMALLEST: [(&str, &str); 3] = [
    ("/v1/images/generations", r#"{"prompt":"a fox"}"#),
    ("/v1/chat/completions", r#"{"messages":[{"role":"user","content":"a fox"}]}"#),
    (
        "/v1/messages",
        r#"{"model":"gemini-3-pro-image","max_tokens":1,"messages":[{"role":"user","content":"a fox"}]}"#,
    ),
];

/// The one key that opens the stage.
pub(crate) const KEY: &str = "key";

type Play = Box<dyn Fn() -> Result<Events, Failure> + Send + Sync>;

/// A gateway, and what it asked of its generator.
pub(crate) struct Stage {
    pub(crate) router: Router,
    asked: Arc<Mutex<Vec<GenerationRequest>>>,
}

impl Stage {
    /// A generator whose every answer is what `play` gives.
    pub(crate) fn with(
        settings: Settings,
        play: impl Fn() -> Result<Events, Failure> + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let generator = Arc::new(Player { asked: asked.clone(), play: Box::new(play) });
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_000_000_000)));
        let gateway =
            Gateway::new(settings, Arc::new(Catalog::builtin()), generator, Arc::new(Guests), clock);
        Self { router: gateway.router(), asked }
    }

    /// A generator that gives these events.
    pub(crate) fn playing(events: Vec<Result<GenerationEvent, Failure>>) -> Self {
        Self::with(Settings::default(), move || Ok(stream::iter(events.clone()).boxed()))
    }

    /// A generator that fails at once.
    pub(crate) fn failing(failure: Failure) -> Self {
        Self::with(Settings::default(), move || Err(failure.clone()))
    }

    /// A generator that gives one small picture.
    pub(crate) fn simple() -> Self {
        Self::playing(one_picture(""))
    }

    /// Sends a JSON body with the key.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Response<Body> {
        self.send(post(path, body)).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    /// Everything asked of the generator so far, with the request's own name replaced.
    pub(crate) fn asked(&self) -> Vec<GenerationRequest> {
        let mut asked = self.asked.lock().unwrap().clone();
        for request in &mut asked {
            request.id = RequestId::new("req_0").unwrap();
        }
        asked
    }
}

/// A request with the key and a JSON body.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

/// Status, headers and text of an answer, in which the request's own name is replaced.
pub(crate) async fn read(response: Response<Body>) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body is whole").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let id = parts.headers["x-request-id"].to_str().unwrap();
    let text = text.replace(id.trim_start_matches("req_"), "0");
    (parts.status, parts.headers, text)
}

pub(crate) fn head(index: u32, length: u64, caption: &str) -> GenerationEvent {
    GenerationEvent::ImageStarted(ImageHead {
        index,
        media_type: MediaType::Png,
        size: PixelSize::new(1376, 768).unwrap(),
        length,
        caption: caption.into(),
    })
}

pub(crate) fn chunk(bytes: &'static [u8]) -> GenerationEvent {
    GenerationEvent::ImageChunk(Bytes::from_static(bytes))
}

pub(crate) fn finished() -> GenerationEvent {
    let usage = Usage {
        input_text_tokens: 5,
        input_image_tokens: 560,
        output_text_tokens: 30,
        output_image_tokens: 1120,
    };
    GenerationEvent::Finished { usage }
}

/// One picture of eleven bytes, in two chunks.
pub(crate) fn one_picture(caption: &str) -> Vec<Result<GenerationEvent, Failure>> {
    vec![
        Ok(GenerationEvent::Started),
        Ok(GenerationEvent::Queued),
        Ok(GenerationEvent::Decided { delivered: 1, people: None }),
        Ok(head(0, 11, caption)),
        Ok(chunk(b"\x89PNG")),
        Ok(chunk(b"picture")),
        Ok(GenerationEvent::ImageFinished { index: 0 }),
        Ok(finished()),
    ]
}

/// Three pictures were asked for; the middle one comes first, the last one never.
pub(crate) fn two_of_three_pictures() -> Vec<Result<GenerationEvent, Failure>> {
    let failure = Failure::new(FailureKind::ContentPolicy, "the provider's safety system refused");
    vec![
        Ok(GenerationEvent::Started),
        Ok(GenerationEvent::Decided { delivered: 2, people: None }),
        Ok(head(1, 3, "first \"words\"")),
        Ok(chunk(b"one")),
        Ok(GenerationEvent::ImageFinished { index: 1 }),
        Ok(GenerationEvent::ImageFailed { index: 2, failure }),
        Ok(head(0, 4, "")),
        Ok(chunk(b"zero")),
        Ok(GenerationEvent::ImageFinished { index: 0 }),
        Ok(finished()),
    ]
}

struct Player {
    asked: Arc<Mutex<Vec<GenerationRequest>>>,
    play: Play,
}

#[async_trait]
impl Generator for Player {
    async fn generate(&self, request: GenerationRequest, _: Dialect) -> Result<Events, Failure> {
        self.asked.lock().unwrap().push(request);
        (self.play)()
    }
}

struct Guests;

#[async_trait]
impl Clients for Guests {
    async fn authenticate(&self, key_sha256: [u8; 32]) -> Result<Client, Failure> {
        if key_sha256 == <[u8; 32]>::from(Sha256::digest(KEY)) {
            Ok(Client::unlimited(ClientId::new("studio").unwrap()))
        } else {
            Err(Failure::new(FailureKind::Unauthenticated, "nobody has this key"))
        }
    }
}
