//! Listens in on what a generation process says to the ledger, and says some of it again.
//!
//! Whatever else the two say to one another passes unread.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use domain::lease::Acquiring;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use proto::{transport::Channel, v1};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

use super::{
    journal::{Journal, Place},
    meddler::Meddler,
    record::{Asker, Question, Told},
};

/// One listener, between a generation process and the ledger.
pub(crate) struct Tap {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Line {
    ledger: Channel,
    journal: Arc<Journal>,
    meddler: Meddler,
}

impl Tap {
    /// Listens on a port of its own and passes on to the ledger at `url`.
    pub(crate) async fn new(url: &str, journal: Arc<Journal>, meddler: Meddler) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Line { ledger: proto::transport::connect(url).unwrap(), journal, meddler };
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let line = line.clone();
                let service = service_fn(move |request| line.clone().pass(request));
                let served = http2::Builder::new(TokioExecutor::new());
                tokio::spawn(async move { served.serve_connection(TokioIo::new(stream), service).await });
            }
        });
        Self { address, serving }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Line {
    async fn pass(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        if !head.uri.path().starts_with("/tessera.v1.Leases/") {
            return Ok(self.forward(Request::from_parts(head, Body::new(body))).await);
        }
        // A question is one message, and nobody waits long for the rest of it.
        let Ok(asked) = body.collect().await.map(Collected::to_bytes) else {
            return Ok(unreachable_ledger());
        };
        let question = question(head.uri.path(), &asked);
        let request = Request::from_parts(head, Body::new(Full::new(asked)));
        let Some(question) = question else { return Ok(self.forward(request).await) };
        self.meddler.before(&self.ledger, &self.journal, &question).await;
        let place = self.journal.asked(Asker::Worker, question.clone());
        let response = self.forward(request).await;
        Ok(response.map(|answer| Body::new(self.listen(place, question, answer))))
    }

    async fn forward(&self, request: Request<Body>) -> Response<Body> {
        self.ledger.clone().oneshot(request).await.unwrap_or_else(|_| unreachable_ledger())
    }

    /// The answer as it is to be passed on: what it says is in the journal before anybody else hears it.
    fn listen(
        self,
        place: Place,
        question: Question,
        answer: Body,
    ) -> impl HttpBody<Data = Bytes, Error = Status> + Send + 'static {
        let mut heard = Messages::default();
        answer.map_frame(move |frame| {
            for message in frame.data_ref().map(|data| heard.hear(data)).into_iter().flatten() {
                if let Some(told) = told(&question, message) {
                    self.journal.told(place, told.clone());
                    self.meddler.after(&self.ledger, &self.journal, &question, &told);
                }
            }
            frame
        })
    }
}

/// Messages of gRPC, put together from the pieces in which they come.
#[derive(Default)]
struct Messages(BytesMut);

/// The flag and the length before each message.
const PREFIX: usize = 5;

impl Messages {
    /// The messages that this piece completes.
    fn hear(&mut self, piece: &[u8]) -> Vec<Bytes> {
        self.0.extend_from_slice(piece);
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&mut self) -> Option<Bytes> {
        let length = self.0.get(1..PREFIX)?.try_into().map(u32::from_be_bytes).ok()?;
        let end = PREFIX + usize::try_from(length).ok()?;
        (self.0.len() >= end).then(|| self.0.split_to(end).freeze().slice(PREFIX..))
    }
}

fn unreachable_ledger() -> Response<Body> {
    Status::unavailable("the ledger cannot be reached").into_http()
}

fn message<M: Message + Default>(bytes: Bytes) -> Option<M> {
    M::decode(bytes).ok()
}

/// What is asked, where it is a question of ours.
fn question(path: &str, bytes: &[u8]) -> Option<Question> {
    let bytes = Messages::default().hear(bytes).pop()?;
    match path.rsplit('/').next()? {
        "Acquire" => message::<v1::AcquireRequest>(bytes)?.try_into().ok().map(Question::Acquire),
        "Renew" => {
            let (id, _) = message::<v1::RenewRequest>(bytes)?.parse().ok()?;
            Some(Question::Renew(id))
        }
        "Settle" => {
            let (id, fence, settlement) = message::<v1::SettleRequest>(bytes)?.parse().ok()?;
            Some(Question::Settle(id, fence, settlement))
        }
        "Release" => {
            let (id, fence) = message::<v1::ReleaseRequest>(bytes)?.parse().ok()?;
            Some(Question::Release(id, fence))
        }
        _ => None,
    }
}

/// What is answered; nothing where the answer is still to come.
fn told(question: &Question, bytes: Bytes) -> Option<Told> {
    match question {
        Question::Acquire(_) => match message::<v1::AcquireEvent>(bytes)?.try_into().ok()? {
            Acquiring::Answered(acquired) => Some(Told::Acquired(acquired)),
            Acquiring::Waiting => None,
        },
        Question::Renew(..) => Some(Told::Renewed(message::<v1::RenewResponse>(bytes)?.into())),
        Question::Settle(..) | Question::Release(..) => {
            message::<v1::CloseResponse>(bytes)?.try_into().ok().map(Told::Closed)
        }
    }
}
