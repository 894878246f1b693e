//! A generation service between a simulated provider and a ledger, all in this process.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    AccountId, Catalog, ClientId, Clock, Conversation, Enforcement, Failure, FailureKind, GenerationEvent,
    GenerationRequest, Image, ImageCount, PersonGeneration, PictureSpec, RequestId, SystemClock, Usage,
};
use generation::{Credentials, Generation, RemoteCredentials, Settings, leases::RemoteLeases};
use proto::{
    sealing::Credential,
    transport::Channel,
    v1::{self, activity_client::ActivityClient, generation_client::GenerationClient},
};
use simulator::{Script, Simulator};
use tokio::net::TcpListener;
use tonic::Streaming;

use crate::ledger::Ledger;

/// Small pictures at once, for tests that are about something else.
pub(crate) const QUICK: &str = r#"
    [latency]
    default = "0s"
    [picture]
    bytes = 300_000
"#;

pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) ledger: Ledger,
    generation: Generation,
    client: GenerationClient<Channel>,
    activity: ActivityClient<Channel>,
}

impl Stage {
    /// Quick pictures under these rules, and these accounts; the key of `a` is `key-a`.
    pub(crate) async fn set(rules: &str, accounts: &[&str]) -> Self {
        Self::set_with(rules, accounts, |_| {}).await
    }

    pub(crate) async fn set_with(rules: &str, accounts: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let key = |name: &&str| Credential::ApiKey(format!("key-{name}").into());
        let accounts: Vec<_> = accounts.iter().map(|name| (*name, key(name))).collect();
        Self::set_for(rules, accounts, change).await
    }

    /// The same with these accounts and what opens them.
    pub(crate) async fn set_for(
        rules: &str,
        accounts: Vec<(&str, Credential)>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let script = Script::parse(&format!("{QUICK}\n{rules}")).unwrap();
        let simulator = Simulator::new(script, Arc::new(SystemClock));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Settings::default();
        let url = format!("http://{}", listener.local_addr().unwrap());
        settings.vertex.base_url = Some(url.clone());
        settings.vertex.token_url = Some(format!("{url}/token"));
        settings.gemini.base_url = url;
        change(&mut settings);
        tokio::spawn(simulator::serve(listener, simulator.clone(), std::future::pending()));
        let ledger = Ledger::new(&accounts.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let credentials =
            accounts.into_iter().map(|(name, credential)| (AccountId::new(name).unwrap(), credential));
        let credentials = Credentials::new(credentials);
        let channel = ledger.serve();
        let leases = Arc::new(RemoteLeases::new(channel.clone()));
        let sealed = Arc::new(RemoteCredentials::new(channel));
        let (catalog, clock) = (Arc::new(Catalog::builtin()), Arc::new(SystemClock) as Arc<dyn Clock>);
        let generation = Generation::new(settings, catalog, &credentials, sealed, leases, &clock).unwrap();
        let (channel, incoming) = proto::transport::pipe();
        let server = proto::transport::server().add_routes(generation.routes());
        tokio::spawn(server.serve_with_incoming(incoming));
        let activity = ActivityClient::new(channel.clone());
        let client = GenerationClient::new(channel).max_decoding_message_size(proto::limits::MESSAGE);
        Self { simulator, ledger, generation, client, activity }
    }

    /// The raw events of a request.
    pub(crate) async fn begin(
        &self,
        request: impl tonic::IntoRequest<v1::GenerateRequest>,
    ) -> Result<Streaming<v1::GenerateEvent>, Failure> {
        let answer = self.client.clone().generate(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| proto::failure_of(&status))
    }

    /// The whole answer to a request. Afterwards every lease was closed exactly once.
    pub(crate) async fn ask(&self, request: GenerationRequest) -> Answer {
        self.ask_as(request.into()).await
    }

    /// The same as it comes over the wire.
    pub(crate) async fn ask_as(&self, request: v1::GenerateRequest) -> Answer {
        let answer = match self.begin(request).await {
            Ok(events) => Answer::read(events).await,
            Err(failure) => Answer { failure: Some(failure), ..Answer::default() },
        };
        self.rest().await;
        answer
    }

    /// What becomes of requests, as one is told who watches.
    pub(crate) async fn watch(&self) -> Streaming<v1::ActivityEvent> {
        let watching = self.activity.clone().watch(v1::WatchActivityRequest {}).await;
        watching.unwrap().into_inner()
    }

    /// Waits until nothing is in flight and everything was said.
    pub(crate) async fn drain(&self) {
        self.generation.drain().await;
    }

    /// Waits until nothing is in flight, and checks that nothing was left open.
    pub(crate) async fn rest(&self) {
        self.generation.drain().await;
        let closed = self.ledger.count("settle") + self.ledger.count("release");
        assert_eq!(self.ledger.count("grant"), closed, "{:?}", self.ledger.log());
    }

    /// How many calls reached the provider.
    pub(crate) fn calls(&self) -> usize {
        self.simulator.arrivals().len()
    }
}

/// Everything that came.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) pictures: BTreeMap<u32, Image>,
    pub(crate) captions: Vec<String>,
    pub(crate) failures: Vec<(u32, FailureKind)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) queued: u32,
    pub(crate) decided: Option<u32>,
    pub(crate) people: Option<Enforcement>,
    pub(crate) failure: Option<Failure>,
}

impl Answer {
    async fn read(mut events: Streaming<v1::GenerateEvent>) -> Self {
        let mut answer = Self::default();
        let mut bytes = Vec::new();
        loop {
            let event = match events.message().await {
                Ok(Some(event)) => GenerationEvent::try_from(event).unwrap(),
                Ok(None) => return answer,
                Err(status) => {
                    answer.failure = Some(proto::failure_of(&status));
                    return answer;
                }
            };
            assert!(answer.usage.is_none(), "{event:?} came after the end");
            match event {
                GenerationEvent::Started => {}
                GenerationEvent::Queued => answer.queued += 1,
                GenerationEvent::Decided { delivered, people } => {
                    answer.decided = Some(delivered);
                    answer.people = people;
                }
                GenerationEvent::ImageStarted(head) => {
                    bytes = Vec::with_capacity(usize::try_from(head.length).unwrap());
                    answer.captions.push(head.caption);
                }
                GenerationEvent::ImageChunk(chunk) => bytes.extend_from_slice(&chunk),
                GenerationEvent::ImageFinished { index } => {
                    assert_eq!(bytes.len(), bytes.capacity(), "the length was told before the bytes");
                    let image = Image::inspect(std::mem::take(&mut bytes).into()).unwrap();
                    answer.pictures.insert(index, image);
                }
                GenerationEvent::ImageFailed { index, failure } => {
                    answer.failures.push((index, failure.kind));
                }
                GenerationEvent::Finished { usage } => answer.usage = Some(usage),
            }
        }
    }

    /// The kind of the failure that ended the request.
    pub(crate) fn kind(&self) -> Option<FailureKind> {
        self.failure.as_ref().map(|failure| failure.kind)
    }
}

/// A request for so many square 1K pictures of a cat.
pub(crate) fn cats(count: u64) -> GenerationRequest {
    GenerationRequest {
        id: RequestId::new("req").unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation: Conversation::prompt("a cat").unwrap(),
        spec: PictureSpec { aspect_ratio: "1:1".parse().unwrap(), resolution: "1K".parse().unwrap() },
        count: ImageCount::new(count).unwrap(),
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    }
}
