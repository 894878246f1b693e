//! A network in memory: addresses, who serves there, and a name that stands for some of them.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tokio::{
    io::{DuplexStream, copy_bidirectional},
    sync::{Semaphore, mpsc},
    task::{AbortHandle, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::{
    transport::{
        Channel, ServiceUrl,
        dialing::{Address, Dial, Spot, Wire},
        pool::Pool,
        resolver::Resolve,
        server,
        service_url::{Host, Place},
    },
    v1::{
        GenerateEvent, GenerateRequest, Started,
        generate_event::Event,
        generation_client::GenerationClient,
        generation_server::{Generation, GenerationServer},
    },
};

type Door = mpsc::UnboundedSender<DuplexStream>;

/// The network.
#[derive(Clone, Default)]
pub(super) struct Town(Arc<Mutex<Map>>);

#[derive(Default)]
struct Map {
    doors: BTreeMap<SocketAddr, Door>,
    /// What the name stands for, unless the resolver fails.
    named: Option<Vec<SocketAddr>>,
    dialled: usize,
    /// What goes between two ends, by address.
    cords: Vec<(SocketAddr, AbortHandle)>,
}

/// A replica that serves.
pub(super) struct Painter {
    /// Requests that reached it.
    pub(super) begun: Arc<AtomicUsize>,
    /// Lets one answer end for each permit.
    pub(super) brush: Arc<Semaphore>,
    mood: Mood,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// The address with this number.
pub(super) fn address(number: u8) -> SocketAddr {
    ([10, 0, 0, number], 8050).into()
}

impl Town {
    /// A channel to the service whose name stands for the addresses with these numbers.
    pub(super) fn channel(&self, numbers: &[u8]) -> GenerationClient<Channel> {
        self.name(numbers);
        let url: ServiceUrl = "http://generation:8050".parse().unwrap();
        let Place::Hosts(hosts) = url.place else { panic!("is a host") };
        let town = Arc::new(self.clone());
        GenerationClient::new(Pool::of_hosts(hosts, town.clone(), town).into())
    }

    /// Has the name stand for these.
    pub(super) fn name(&self, numbers: &[u8]) {
        self.0.lock().unwrap().named = Some(numbers.iter().copied().map(address).collect());
    }

    /// Has the name stand for nothing that anybody knows.
    pub(super) fn forget_name(&self) {
        self.0.lock().unwrap().named = None;
    }

    /// How often somebody tried to connect.
    pub(super) fn dialled(&self) -> usize {
        self.0.lock().unwrap().dialled
    }

    /// Ends everything that goes on at an address, as the death of its process does.
    pub(super) fn cut(&self, number: u8) {
        let mut map = self.0.lock().unwrap();
        map.doors.remove(&address(number));
        map.cords.iter().filter(|(port, _)| *port == address(number)).for_each(|(_, cord)| cord.abort());
    }

    /// Listens at an address. Who drops the listener closes its port.
    pub(super) fn listen(&self, number: u8) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (door, visitors) = mpsc::unbounded_channel();
        self.0.lock().unwrap().doors.insert(address(number), door);
        visitors
    }

    /// Serves at an address.
    pub(super) fn paint(&self, number: u8) -> Painter {
        let (begun, brush, mood) = (Arc::default(), Arc::new(Semaphore::new(0)), Mood::default());
        let easel = Easel { begun: Arc::clone(&begun), brush: Arc::clone(&brush), mood: Arc::clone(&mood) };
        let mut visitors = self.listen(number);
        let incoming = stream::poll_fn(move |context| visitors.poll_recv(context)).map(io::Result::Ok);
        let stop = CancellationToken::new();
        let router = server().add_service(GenerationServer::new(easel));
        let serving = router.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        Painter { begun, brush, mood, stop, serving }
    }
}

impl Painter {
    /// How many requests reached it.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Has it be in trouble from now on, or no more.
    pub(super) fn suffer(&self, trouble: Option<Trouble>) {
        *self.mood.lock().unwrap() = trouble;
    }

    /// Stops as a service does that drains: what is in flight may finish.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until everything was answered.
    pub(super) async fn stopped(self) {
        self.serving.await.unwrap();
    }
}

/// Asks for a picture, up to the first word of the answer.
pub(super) async fn ask(service: &GenerationClient<Channel>) -> Result<Streaming<GenerateEvent>, Status> {
    Ok(service.clone().generate(GenerateRequest::default()).await?.into_inner())
}

struct Easel {
    begun: Arc<AtomicUsize>,
    brush: Arc<Semaphore>,
    mood: Mood,
}

/// How a replica fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It says at once that it cannot serve.
    AtOnce,
    /// It says so once it had a word to say.
    AtTheEnd,
}

type Mood = Arc<Mutex<Option<Trouble>>>;

#[async_trait]
impl Generation for Easel {
    type GenerateStream = BoxStream<'static, Result<GenerateEvent, Status>>;

    async fn generate(&self, _: Request<GenerateRequest>) -> Result<Response<Self::GenerateStream>, Status> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let unavailable = || Status::unavailable("quota cannot be reached");
        let trouble = *self.mood.lock().unwrap();
        match trouble {
            Some(Trouble::AtOnce) => return Err(unavailable()),
            Some(Trouble::AtTheEnd) => {
                return Ok(Response::new(stream::once(async move { Err(unavailable()) }).boxed()));
            }
            None => {}
        }
        let brush = Arc::clone(&self.brush);
        let painted = stream::once(async move {
            brush.acquire().await.unwrap().forget();
            Ok(GenerateEvent { event: Some(Event::Started(Started {})) })
        });
        Ok(Response::new(painted.boxed()))
    }
}

#[async_trait]
impl Dial for Town {
    async fn dial(&self, to: &Address) -> io::Result<Box<dyn Wire>> {
        let (near, mut here) = tokio::io::duplex(64 << 10);
        let (mut there, far) = tokio::io::duplex(64 << 10);
        let mut map = self.0.lock().unwrap();
        map.dialled += 1;
        let Spot::Port(port) = to.spot else { panic!("there are only ports here") };
        let door = map.doors.get(&port).ok_or(io::ErrorKind::ConnectionRefused)?;
        door.send(far).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        let cord = tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await });
        map.cords.push((port, cord.abort_handle()));
        Ok(Box::new(near))
    }
}

#[async_trait]
impl Resolve for Town {
    async fn resolve(&self, _: &Host) -> io::Result<Vec<SocketAddr>> {
        self.0.lock().unwrap().named.clone().ok_or(io::ErrorKind::NotFound.into())
    }
}
