//! One replica of a service: whether it can be asked, and how busy it is.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{self, BoxFuture, Shared},
};
use http::uri::Scheme;
use tokio::time::{Instant, timeout};
use tower::BoxError;

use super::{
    connection::Connection,
    dialing::{Address, Dial},
    setbacks::Setbacks,
    tls,
};

/// How long connecting may take, the server's first word included.
const CONNECT: Duration = Duration::from_secs(2);
/// How long one that could not be reached is left alone, which doubles each time.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(3);

/// One replica of a service. Requests that it answers hold it: what becomes of the others is no matter to them.
pub(super) struct Replica {
    pub(super) address: Address,
    dial: Arc<dyn Dial>,
    in_flight: AtomicUsize,
    link: Mutex<Link>,
    setbacks: Mutex<Setbacks>,
}

/// The way to it.
enum Link {
    Down { failures: u32, until: Instant },
    Rising(Rising),
    Up(Connection),
}

/// A connection on its way: it comes about whether or not anybody waits.
pub(super) type Rising = Shared<BoxFuture<'static, Result<(), Unreachable>>>;

/// Why a replica cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(pub(super) String);

impl Replica {
    /// One that listens there. Nothing leads to it yet.
    pub(super) fn new(address: Address, dial: Arc<dyn Dial>) -> Arc<Self> {
        let link = Mutex::new(Link::Down { failures: 0, until: Instant::now() });
        Arc::new(Self { address, dial, in_flight: AtomicUsize::new(0), link, setbacks: Mutex::default() })
    }

    /// The way to it, where there is one.
    pub(super) fn connection(&self) -> Option<Connection> {
        let mut link = self.link();
        let Link::Up(connection) = &*link else { return None };
        if connection.is_closed() {
            *link = Link::Down { failures: 0, until: Instant::now() };
            return None;
        }
        Some(connection.clone())
    }

    /// Has a way made to it, unless it is to be left alone still. Tells whether there was one until now.
    pub(super) fn tend(self: &Arc<Self>) -> bool {
        let was_up = matches!(&*self.link(), Link::Up(_));
        let due = self.connection().is_none()
            && matches!(&*self.link(), Link::Down { until, .. } if *until <= Instant::now());
        if due {
            let _made_anyway = self.rise();
        }
        was_up && due
    }

    /// Has a way made to it now.
    pub(super) fn rise(self: &Arc<Self>) -> Rising {
        let mut link = self.link();
        let failures = match &*link {
            Link::Rising(rising) => return rising.clone(),
            Link::Down { failures, .. } => *failures,
            Link::Up(connection) if !connection.is_closed() => return future::ready(Ok(())).boxed().shared(),
            Link::Up(_) => 0,
        };
        let replica = Arc::clone(self);
        let task = tokio::spawn(async move { replica.connect(failures).await });
        let ended = task.map(|ended| ended.unwrap_or_else(|panic| Err(Unreachable(panic.to_string()))));
        let rising = ended.boxed().shared();
        *link = Link::Rising(rising.clone());
        rising
    }

    /// Takes no request to it on the way that failed.
    pub(super) fn lose(&self) {
        let mut link = self.link();
        if matches!(*link, Link::Up(_)) {
            *link = Link::Down { failures: 1, until: Instant::now() + FIRST_REST };
        }
    }

    async fn connect(&self, failures: u32) -> Result<(), Unreachable> {
        let opening = async {
            let wire = self.dial.dial(&self.address).await?;
            Connection::open(wire).await
        };
        let opened = timeout(CONNECT, opening).await.unwrap_or_else(|_| Err("no answer in time".into()));
        let mut link = self.link();
        opened.map(|connection| *link = Link::Up(connection)).map_err(|error| {
            let rest = LONGEST_REST.min(FIRST_REST * 2_u32.saturating_pow(failures));
            *link = Link::Down { failures: failures + 1, until: Instant::now() + rest };
            self.unreachable(&error, failures)
        })
    }

    /// That it is out of reach; where people must do something about it, so that they read it.
    fn unreachable(&self, error: &BoxError, failures: u32) -> Unreachable {
        let mistrust = tls::of_called(error, self.address.authority.host());
        let why = mistrust.clone().unwrap_or_else(|| error.to_string());
        let unreachable = Unreachable(format!("{} cannot be reached: {why}", self.address));
        if mistrust.is_some() {
            tracing::warn!(error = %unreachable, failures, "a replica and we do not trust each other");
        } else {
            tracing::debug!(error = %unreachable, failures, "a replica is out of reach");
        }
        unreachable
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether others are preferred, for it said again and again that it cannot serve.
    pub(super) fn is_aside(&self) -> bool {
        self.setbacks().is_aside(Instant::now())
    }

    /// What its answers say of it.
    pub(super) fn setbacks(&self) -> MutexGuard<'_, Setbacks> {
        self.setbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What requests that go there call the way.
    pub(super) fn scheme(&self) -> Scheme {
        self.dial.scheme()
    }

    /// Has one more request, until `leave`.
    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.setbacks().rest(Instant::now());
    }

    /// Has one request less.
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many requests it has that are not wholly answered.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} in flight)", self.address, self.in_flight())
    }
}
