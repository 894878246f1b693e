//! The ports over gRPC.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::{
    Conversation, Failure, FailureKind, GenerationEvent, GenerationRequest, ImageCount, ManualClock,
    PersonGeneration, PictureSpec, Resolution, Timestamp,
};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use gateway::{
    auth::{Clients as _, RemoteClients},
    generator::{Generator as _, RemoteGenerator},
};
use proto::{
    Health, status_of,
    transport::{self, Channel},
    v1::{
        AuthenticateRequest, AuthenticateResponse, ClientResponse, CreateClientRequest, CreateClientResponse,
        GenerateEvent, GenerateRequest, ListClientsRequest, ListClientsResponse, RevokeClientRequest,
        clients_server::{Clients, ClientsServer},
        generation_server::{Generation, GenerationServer},
    },
};
use std::time::Duration;
use tonic::{Request, Response, Status, service::Routes};

use crate::stage::one_picture;

const DEADLINE: Duration = Duration::from_secs(100);

/// Knows one key, and counts how often it is asked.
struct Ledger(Arc<AtomicUsize>);

#[async_trait]
impl Clients for Ledger {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if request.into_inner().key_sha256 == Bytes::from_static(&[7; 32]) {
            return Ok(Response::new(AuthenticateResponse { client: "studio".into() }));
        }
        Err(status_of(Failure::new(FailureKind::Unauthenticated, "nobody has this key")))
    }

    async fn create(
        &self,
        _: Request<CreateClientRequest>,
    ) -> Result<Response<CreateClientResponse>, Status> {
        Err(Status::unimplemented("no gateway creates clients"))
    }

    async fn list(&self, _: Request<ListClientsRequest>) -> Result<Response<ListClientsResponse>, Status> {
        Err(Status::unimplemented("no gateway lists clients"))
    }

    async fn revoke(&self, _: Request<RevokeClientRequest>) -> Result<Response<ClientResponse>, Status> {
        Err(Status::unimplemented("no gateway revokes clients"))
    }
}

/// Draws one picture for whoever asks properly.
struct Studio(Status);

#[async_trait]
impl Generation for Studio {
    type GenerateStream = BoxStream<'static, Result<GenerateEvent, Status>>;

    async fn generate(
        &self,
        request: Request<GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        assert_eq!(transport::deadline(request.metadata().as_ref()), Some(DEADLINE), "it travels");
        GenerationRequest::try_from(request.into_inner()).map_err(status_of)?;
        let mut events: Vec<_> = one_picture("").into_iter().map(|event| Ok(event.unwrap().into())).collect();
        *events.last_mut().unwrap() = Err(self.0.clone());
        Ok(Response::new(stream::iter(events).boxed()))
    }
}

fn serve(asked: &Arc<AtomicUsize>) -> Channel {
    serve_ending(asked, status_of(Failure::new(FailureKind::NoImage, "nothing more")))
}

fn serve_ending(asked: &Arc<AtomicUsize>, end: Status) -> Channel {
    let (channel, incoming) = transport::pipe();
    let server = transport::server().add_routes(routes(asked, end));
    tokio::spawn(server.serve_with_incoming(incoming));
    channel
}

fn routes(asked: &Arc<AtomicUsize>, end: Status) -> Routes {
    let ledger = ClientsServer::new(Ledger(asked.clone()));
    Routes::new(ledger).add_service(GenerationServer::new(Studio(end)))
}

#[tokio::test]
async fn a_good_key_is_asked_for_a_few_times_a_second_and_a_bad_one_every_time() {
    let asked = Arc::new(AtomicUsize::new(0));
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(5_000)));
    let clients = RemoteClients::new(serve(&asked), clock.clone());
    let times = || asked.load(Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(clients.authenticate([7; 32]).await.unwrap().id.as_str(), "studio");
    }
    assert_eq!(times(), 1);
    clock.advance(Duration::from_millis(399));
    clients.authenticate([7; 32]).await.unwrap();
    assert_eq!(times(), 1);
    clock.advance(Duration::from_millis(1));
    clients.authenticate([7; 32]).await.unwrap();
    assert_eq!(times(), 2);
    clock.set(Timestamp::from_millis(1));
    clients.authenticate([7; 32]).await.unwrap();
    assert_eq!(times(), 3);
    for _ in 0..2 {
        let failure = clients.authenticate([8; 32]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unauthenticated);
    }
    assert_eq!(times(), 5);
}

fn request() -> GenerationRequest {
    GenerationRequest {
        id: domain::RequestId::new("req_1").unwrap(),
        client: domain::ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation: Conversation::prompt("a fox").unwrap(),
        spec: PictureSpec { aspect_ratio: "1:1".parse().unwrap(), resolution: Resolution::K1 },
        count: ImageCount::ONE,
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    }
}

/// The events of one request, and the failure that ended them.
async fn ending(channel: Channel) -> (Vec<Result<GenerationEvent, Failure>>, Failure) {
    let generator = RemoteGenerator::new(channel, DEADLINE);
    let mut events: Vec<_> =
        generator.generate(request(), domain::Dialect::OpenAiChat).await.unwrap().collect().await;
    let failure = events.pop().unwrap().unwrap_err();
    (events, failure)
}

#[tokio::test]
async fn events_and_the_failure_that_ends_them_arrive_from_anywhere() {
    let end = || status_of(Failure::new(FailureKind::NoImage, "nothing more"));
    let within = Channel::within(routes(&Arc::default(), end()));
    for channel in [serve_ending(&Arc::default(), end()), within] {
        let (events, failure) = ending(channel).await;
        assert_eq!(failure.kind, FailureKind::NoImage);
        let mut expected = one_picture("");
        expected.pop();
        assert_eq!(events, expected);
    }
}

#[tokio::test]
async fn a_service_that_is_lost_after_it_accepted_may_have_spent_money() {
    for lost in [Status::unavailable("gone"), Status::unknown("h2 protocol error"), Status::cancelled("")] {
        let (_, failure) = ending(serve_ending(&Arc::default(), lost)).await;
        assert!(failure.kind.possibly_billed(), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_connections_and_says_nothing_is_given_up_within_two_seconds() {
    let (channel, _incoming) = transport::pipe();
    let begun = tokio::time::Instant::now();
    let failure = RemoteGenerator::new(channel.clone(), DEADLINE)
        .generate(request(), domain::Dialect::OpenAiChat)
        .await
        .err()
        .unwrap();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(begun.elapsed() <= Duration::from_secs(2));
    let begun = tokio::time::Instant::now();
    let clients = RemoteClients::new(channel, Arc::new(ManualClock::default()));
    let failure = clients.authenticate([7; 32]).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(begun.elapsed() <= Duration::from_secs(2));
}

#[tokio::test]
async fn services_are_ready_when_they_say_so() {
    let clock = || Arc::new(ManualClock::default());
    let health = Health::new(&["tessera.v1.Generation"]).await;
    let end = status_of(Failure::new(FailureKind::NoImage, "nothing more"));
    let channel = Channel::within(health.beside(routes(&Arc::default(), end)));
    assert!(!RemoteGenerator::new(channel.clone(), DEADLINE).ready().await, "not yet");
    health.set(true).await;
    assert!(RemoteGenerator::new(channel.clone(), DEADLINE).ready().await);
    assert!(RemoteClients::new(channel, clock()).ready().await);
    let (nobody, incoming) = transport::pipe();
    drop(incoming);
    assert!(!RemoteGenerator::new(nobody.clone(), DEADLINE).ready().await);
    assert!(!RemoteClients::new(nobody, clock()).ready().await);
}
