//! From events to a body: the status is decided, then every event is written as it comes.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use domain::{
    Enforcement, Failure, FailureKind, GenerationEvent, GenerationRequest, ImageCount, PictureSpec,
    RequestId, Timestamp,
};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, Peekable},
};
use http::{HeaderValue, Response as HttpResponse, header, response::Builder};
use tokio::time::timeout;

use super::{Render, output::Output};
use crate::{
    generator::{self, Generator},
    refusal::Refusal,
};

/// What an answer says besides its pictures.
#[derive(Clone)]
pub(crate) struct Shown<F> {
    /// Names the request.
    pub(super) id: RequestId,
    /// When it was asked.
    pub(super) created: Timestamp,
    /// The catalog's name of the model.
    pub(super) model: String,
    /// What is drawn.
    pub(super) spec: PictureSpec,
    /// How often.
    pub(super) count: ImageCount,
    /// How it is to be shown.
    pub(super) form: F,
}

/// Events whose next one can be looked at before it is taken.
type Events = Peekable<generator::Events>;

/// The events of a request, from its very asking on.
pub(super) fn events(
    generator: Arc<dyn Generator>,
    request: GenerationRequest,
    dialect: domain::Dialect,
) -> Events {
    stream::once(async move { generator.generate(request, dialect).await }).try_flatten().boxed().peekable()
}

/// How long a stream that was accepted is held back, in case it fails at once.
const GRACE: Duration = Duration::from_millis(250);

/// What a stream says of a wait for an account, to whoever looks at it: no SDK minds a comment.
const QUEUED: &str = ": queued\n\n";

/// A stream of events. It begins before there is anything to show; but a failure that comes at once, such as
/// a quota that is used up, still gets a status of its own, which SDKs understand better than an event.
pub(super) async fn streamed<F, R: Render>(
    mut events: Events,
    shown: &Shown<F>,
    render: R,
    keep_alive: Duration,
) -> Result<Response, Refusal> {
    let mut patience = keep_alive;
    while let Ok(Some(first)) = timeout(patience, Pin::new(&mut events).peek()).await {
        match first {
            Err(failure) => return Err(failure.clone().into()),
            Ok(GenerationEvent::Started) => events.next().await,
            Ok(_) => break,
        };
        patience = GRACE;
    }
    let response = described(shown)
        .header(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-cache")
        .header("x-accel-buffering", "no");
    Ok(with_body(response, Flow::new(events, render, keep_alive)))
}

/// One JSON document, begun when it is known how many pictures it will have.
pub(super) async fn whole<F, R: Render>(
    mut events: Events,
    shown: &Shown<F>,
    render: R,
) -> Result<Response, Refusal> {
    let (delivered, people) = decided(&mut events).await?;
    let mut response = described(shown)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-tessera-images-delivered", delivered);
    if let Some(people) = people {
        response = response.header("x-tessera-person-generation", people.as_str());
    }
    Ok(with_body(response, Flow::new(events, render, Duration::MAX)))
}

/// How many pictures come, and how people were kept out of them where they were denied.
async fn decided(events: &mut Events) -> Result<(u32, Option<Enforcement>), Failure> {
    loop {
        match events.next().await.unwrap_or_else(|| Err(broken_off()))? {
            GenerationEvent::Decided { delivered: 0, .. }
            | GenerationEvent::Started
            | GenerationEvent::Queued => {}
            GenerationEvent::Decided { delivered, people } => return Ok((delivered, people)),
            GenerationEvent::ImageFailed { failure, .. } => return Err(failure),
            _ => return Err(out_of_order()),
        }
    }
}

/// The headers that tell what is made.
fn described<F>(shown: &Shown<F>) -> Builder {
    let mut response = HttpResponse::builder()
        .header("x-tessera-aspect-ratio", shown.spec.aspect_ratio.to_string())
        .header("x-tessera-resolution", shown.spec.resolution.as_str())
        .header("x-tessera-images-requested", shown.count.get());
    if let Ok(model) = HeaderValue::from_str(&shown.model) {
        response = response.header("x-tessera-model", model);
    }
    response
}

fn with_body<R: Render>(response: Builder, flow: Flow<R>) -> Response {
    let pieces = stream::unfold(flow, |mut flow| async move { Some((flow.piece().await?, flow)) });
    response.body(Body::from_stream(pieces)).expect("every header is made of plain ASCII")
}

/// A body in the making. Dropping it drops the events, and with them everything the request holds.
struct Flow<R> {
    events: Events,
    render: R,
    keep_alive: Duration,
    stage: Stage,
    /// Bytes that are still to come of the picture that was begun.
    missing: Option<u64>,
    delivered: u32,
    /// The first failure of a picture.
    lost: Option<Failure>,
}

#[derive(PartialEq)]
enum Stage {
    New,
    Begun,
    Over,
}

impl<R: Render> Flow<R> {
    fn new(events: Events, render: R, keep_alive: Duration) -> Self {
        Self { events, render, keep_alive, stage: Stage::New, missing: None, delivered: 0, lost: None }
    }

    /// The next bytes; none when all were given. An error breaks the body off, so that no client takes a part
    /// for the whole.
    async fn piece(&mut self) -> Option<io::Result<Bytes>> {
        let mut out = Output::default();
        if self.stage == Stage::New {
            self.stage = Stage::Begun;
            self.render.begin(&mut out);
        }
        while out.is_empty() && self.stage != Stage::Over {
            let Err(failure) = self.step(&mut out).await else { continue };
            self.stage = Stage::Over;
            let refusal = Refusal::from(failure.clone());
            refusal.log();
            if !self.render.failure(&failure, &mut out) {
                return Some(Err(io::Error::other(failure)));
            }
        }
        (!out.is_empty()).then(|| Ok(out.into()))
    }

    async fn step(&mut self, out: &mut Output) -> Result<(), Failure> {
        let Some(sign) = self.render.keep_alive() else {
            let event = self.events.next().await;
            return self.write(event.unwrap_or_else(|| Err(broken_off()))?, out);
        };
        match timeout(self.keep_alive, self.events.next()).await {
            Ok(Some(Ok(GenerationEvent::Queued))) => {
                out.raw(QUEUED);
                out.raw(sign);
            }
            Err(_) => out.raw(sign),
            Ok(event) => self.write(event.unwrap_or_else(|| Err(broken_off()))?, out)?,
        }
        Ok(())
    }

    fn write(&mut self, event: GenerationEvent, out: &mut Output) -> Result<(), Failure> {
        match event {
            GenerationEvent::Started | GenerationEvent::Queued | GenerationEvent::Decided { .. } => {}
            GenerationEvent::ImageStarted(head) => {
                self.missing = Some(head.length);
                self.render.picture(&head, out);
            }
            GenerationEvent::ImageChunk(chunk) => {
                let left = self.missing.and_then(|missing| missing.checked_sub(chunk.len() as u64));
                self.missing = Some(left.ok_or_else(out_of_order)?);
                self.render.bytes(&chunk, out);
            }
            GenerationEvent::ImageFinished { .. } => {
                self.missing.take().filter(|missing| *missing == 0).ok_or_else(out_of_order)?;
                self.delivered += 1;
                self.render.picture_end(out);
            }
            GenerationEvent::ImageFailed { index, failure } => {
                self.render.failed(index, &failure, out);
                self.lost.get_or_insert(failure);
            }
            GenerationEvent::Finished { .. } if self.delivered == 0 => {
                return Err(self.lost.take().unwrap_or_else(broken_off));
            }
            GenerationEvent::Finished { usage } => {
                self.stage = Stage::Over;
                self.render.end(usage, out);
            }
        }
        Ok(())
    }
}

fn broken_off() -> Failure {
    Failure::new(FailureKind::Internal, "the answer ended before its pictures did")
}

fn out_of_order() -> Failure {
    Failure::new(FailureKind::Internal, "the parts of the answer came out of order")
}
