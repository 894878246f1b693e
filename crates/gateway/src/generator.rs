//! The port to the generation service.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Dialect, Failure, FailureKind, GenerationEvent, GenerationRequest};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use proto::{
    carried_by, failure_of, limits,
    transport::Channel,
    v1::{self, generation_client::GenerationClient, generation_server},
};
use telemetry::grpc::{self, Traced};
use tokio::time::timeout;
use tonic::Streaming;

/// The steps of one answer, in the order that [`GenerationEvent`] promises. Dropping it cancels the request.
pub type Events = BoxStream<'static, Result<GenerationEvent, Failure>>;

/// Makes pictures.
#[async_trait]
pub trait Generator: Send + Sync {
    /// Asks for pictures, as they were asked for in this dialect. A failure of the whole request comes instead of the
    /// events, or ends them.
    async fn generate(&self, request: GenerationRequest, dialect: Dialect) -> Result<Events, Failure>;

    /// Whether it can be reached now.
    async fn ready(&self) -> bool {
        true
    }
}

/// The generation service at the other end of a gRPC channel.
pub struct RemoteGenerator {
    service: GenerationClient<Traced<Channel>>,
    channel: Channel,
    deadline: Duration,
}

/// How long the service may take to accept a request without pictures: it accepts first, and draws afterwards.
const ACCEPT_WITHIN: Duration = Duration::from_millis(1_500);

/// How many bytes of a request's pictures reach the service in a second, at the least.
const BYTES_PER_SECOND: usize = 2 << 20;

/// When to ask again after the service did not accept.
const BACK_IN: Duration = Duration::from_secs(2);

impl RemoteGenerator {
    /// Speaks to the service behind `channel`, which may take no longer than `deadline` with a request.
    pub fn new(channel: Channel, deadline: Duration) -> Self {
        let service = GenerationClient::new(grpc::calls(channel.clone()))
            .max_encoding_message_size(limits::MESSAGE)
            .max_decoding_message_size(limits::MESSAGE);
        Self { service, channel, deadline }
    }

    /// Asks for pictures, in this dialect where it was one.
    pub(crate) async fn draw(
        &self,
        request: GenerationRequest,
        dialect: Option<Dialect>,
    ) -> Result<Events, Failure> {
        let patience = patience(&request);
        let mut service = self.service.clone();
        let dialect = dialect.map_or("", |dialect| dialect.as_str()).to_owned();
        let request = v1::GenerateRequest { dialect, ..v1::GenerateRequest::from(request) };
        let mut request = tonic::Request::new(request);
        request.set_timeout(self.deadline);
        let answer = timeout(patience, service.generate(request)).await;
        let wire = answer.map_err(|_| silent())?.map_err(|status| failure_of(&status))?.into_inner();
        let events = stream::unfold(wire, |mut wire| async move { Some((next(&mut wire).await?, wire)) });
        Ok(events.boxed())
    }
}

#[async_trait]
impl Generator for RemoteGenerator {
    async fn generate(&self, request: GenerationRequest, dialect: Dialect) -> Result<Events, Failure> {
        self.draw(request, Some(dialect)).await
    }

    async fn ready(&self) -> bool {
        self.channel.serves(generation_server::SERVICE_NAME).await
    }
}

/// The next event. The last one is handed out when the stream has ended too: a stream that is dropped before is
/// cancelled, which HTTP/2 takes for a fault and counts against the whole connection.
async fn next(wire: &mut Streaming<v1::GenerateEvent>) -> Option<Result<GenerationEvent, Failure>> {
    let event = match wire.message().await.transpose()? {
        Ok(event) => GenerationEvent::try_from(event),
        Err(status) => Err(carried_by(&status).unwrap_or_else(interrupted)),
    };
    if let Ok(GenerationEvent::Finished { .. }) = event {
        while let Ok(Some(_beyond_the_end)) = wire.message().await {}
    }
    Some(event)
}

fn patience(request: &GenerationRequest) -> Duration {
    let bytes: usize = request.conversation.images().map(|image| image.bytes().len()).sum();
    ACCEPT_WITHIN + Duration::from_secs((bytes / BYTES_PER_SECOND) as u64)
}

fn silent() -> Failure {
    Failure::new(FailureKind::Unavailable, "a part of the service does not answer; try again shortly")
        .retry_after(BACK_IN)
}

/// By the time the service was lost it may have sent the request that it had accepted.
fn interrupted() -> Failure {
    let message = "a part of the service was lost while it drew; the picture may have been paid for";
    Failure::new(FailureKind::UpstreamInterrupted, message)
}
