//! The replicas of a service, and which of them is asked.
//!
//! Nothing runs while nobody asks: those who do see to it that names are resolved anew and that replicas which were out
//! of reach are tried again.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join_all, select_ok};
use tokio::time::Instant;

use super::{
    connection::Connection,
    dialing::{Address, Dial, Spot},
    replica::{Replica, Unreachable},
    resolver::Resolve,
    seat::Seat,
    service_url::Host,
};

/// How long what a name stood for is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long, where a replica was lost since: it may have moved.
const DOUBTED: Duration = Duration::from_millis(500);
/// How often it is looked after replicas that are out of reach.
const TENDING: Duration = Duration::from_millis(100);

/// The replicas of a service.
pub(super) struct Pool {
    hosts: Vec<Host>,
    resolver: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    state: Mutex<State>,
    /// Held by whoever resolves.
    resolving: tokio::sync::Mutex<()>,
    chance: AtomicU64,
}

struct State {
    known: Vec<Arc<Replica>>,
    /// When the names are to be resolved again; never, where there are none.
    resolve_at: Option<Instant>,
    tend_at: Instant,
}

impl Pool {
    /// The replicas that these hosts stand for.
    pub(super) fn of_hosts(hosts: Vec<Host>, resolver: Arc<dyn Resolve>, dial: Arc<dyn Dial>) -> Arc<Self> {
        Self::new(Vec::new(), hosts, resolver, dial)
    }

    /// The one replica that listens there.
    pub(super) fn of_one(address: Address, dial: Arc<dyn Dial>) -> Arc<Self> {
        let replica = Replica::new(address, Arc::clone(&dial));
        Self::new(vec![replica], Vec::new(), Arc::new(super::resolver::OfMachine), dial)
    }

    fn new(
        known: Vec<Arc<Replica>>,
        hosts: Vec<Host>,
        resolver: Arc<dyn Resolve>,
        dial: Arc<dyn Dial>,
    ) -> Arc<Self> {
        let now = Instant::now();
        let resolve_at = (!hosts.is_empty()).then_some(now);
        let state = Mutex::new(State { known, resolve_at, tend_at: now });
        let resolving = tokio::sync::Mutex::default();
        Arc::new(Self { hosts, resolver, dial, state, resolving, chance: AtomicU64::new(0) })
    }

    /// A place at a replica that can be asked: the less busy of two that chance names, none of which is known to fail
    /// unless all are. Where none can, whichever can first.
    pub(super) async fn seat(self: &Arc<Self>) -> Result<(Seat, Connection), Unreachable> {
        self.look_after();
        for _ in 0..3 {
            if let Some(found) = self.choose() {
                return Ok(found);
            }
            self.resolve(Instant::now()).await?;
            let rising: Vec<_> = self.known().iter().map(Replica::rise).collect();
            if rising.is_empty() {
                return Err(Unreachable("nobody knows the service's address".to_owned()));
            }
            select_ok(rising).await.inspect_err(|_| self.doubt())?;
        }
        self.choose().ok_or_else(|| Unreachable("the service takes connections and ends them".to_owned()))
    }

    /// Each replica by itself, names resolved anew where that is due. What leads to them is shared.
    pub(super) async fn each(&self) -> Vec<(Address, Arc<Self>)> {
        if let Err(error) = self.resolve(Instant::now()).await {
            tracing::debug!(%error, "a service's replicas are not known");
        }
        let alone = |replica: Arc<Replica>| {
            let address = replica.address.clone();
            (
                address,
                Self::new(vec![replica], Vec::new(), Arc::clone(&self.resolver), Arc::clone(&self.dial)),
            )
        };
        self.known().into_iter().map(alone).collect()
    }

    /// A request was lost on its way there: the names may stand for others by now.
    pub(super) fn doubt(&self) {
        self.state().doubt(Instant::now());
    }

    fn choose(&self) -> Option<(Seat, Connection)> {
        let state = self.state();
        let ways = |preferred: bool| -> Vec<_> {
            let known = state.known.iter().filter(|replica| !(preferred && replica.is_aside()));
            known.filter_map(|replica| Some((replica, replica.connection()?))).collect()
        };
        let mut ways = Some(ways(true)).filter(|ways| !ways.is_empty()).unwrap_or_else(|| ways(false));
        let (one, other) = self.two_below(ways.len())?;
        let busier = ways[one].0.in_flight() > ways[other].0.in_flight();
        let (replica, connection) = ways.swap_remove(if busier { other } else { one });
        Some((Seat::take(Arc::clone(replica)), connection))
    }

    /// Two numbers below `count` by chance, different where there are two.
    fn two_below(&self, count: usize) -> Option<(usize, usize)> {
        // The steps of Steele and Vigna's SplitMix64.
        let mut bits = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let below = |bits: u64, count: usize| usize::try_from(bits % count as u64).ok();
        let one = below(bits >> 32, count.max(1)).filter(|_| count > 0)?;
        if count == 1 {
            return Some((one, one));
        }
        let other = (one + 1 + below(bits & 0xffff_ffff, count - 1)?) % count;
        Some((one, other))
    }

    /// Has names resolved and replicas tried again in the background, where it is time.
    fn look_after(self: &Arc<Self>) {
        let now = Instant::now();
        let mut state = self.state();
        if state.tend_at > now {
            return;
        }
        state.tend_at = now + TENDING;
        state.tend(now);
        let due = state.resolve_at.is_some_and(|at| at <= now) && !state.known.is_empty();
        drop(state);
        if due {
            let pool = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = pool.resolve(now).await {
                    tracing::debug!(%error, "a service's replicas are those of before");
                }
            });
        }
    }

    /// Learns what the names stand for, where that was due at `now`. A name of which nothing is heard stands for what
    /// it stood for; it is an error that none is heard of and none was.
    async fn resolve(&self, now: Instant) -> Result<(), Unreachable> {
        let _held = self.resolving.lock().await;
        if self.state().resolve_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        let heard = join_all(self.hosts.iter().map(|host| self.resolver.resolve(host))).await;
        let mut known: Vec<Arc<Replica>> = Vec::new();
        let mut silent = None;
        let mut state = self.state();
        for (host, heard) in self.hosts.iter().zip(heard) {
            match heard {
                Ok(addresses) => {
                    let spots = addresses.into_iter().map(Spot::Port);
                    let addresses = spots.map(|spot| Address { spot, authority: host.authority.clone() });
                    known.extend(addresses.map(|address| state.at(address, &self.dial)));
                }
                Err(error) => {
                    known.extend(state.of(host));
                    silent = Some(Unreachable(format!("the name {} is not known: {error}", host.name())));
                }
            }
        }
        let mut spots = std::collections::HashSet::new();
        known.retain(|replica| spots.insert(replica.address.spot.clone()));
        state.known = known;
        let pause = if silent.is_some() { DOUBTED } else { BELIEVED };
        state.known.iter().for_each(|replica| _ = replica.tend());
        state.resolve_at = Some(Instant::now() + pause);
        match silent.filter(|_| state.known.is_empty()) {
            Some(silent) => Err(silent),
            None => Ok(()),
        }
    }

    fn known(&self) -> Vec<Arc<Replica>> {
        self.state().known.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has ways made to those that are out of reach. One that was in reach until now may have moved.
    fn tend(&mut self, now: Instant) {
        let lost = self.known.iter().filter(|replica| replica.tend()).count();
        if lost > 0 {
            self.doubt(now);
        }
    }

    fn doubt(&mut self, now: Instant) {
        if let Some(at) = &mut self.resolve_at {
            *at = (*at).min(now + DOUBTED);
        }
    }

    /// The replica at an address, perhaps a new one.
    fn at(&self, address: Address, dial: &Arc<dyn Dial>) -> Arc<Replica> {
        let known = self.known.iter().find(|replica| replica.address == address);
        known.cloned().unwrap_or_else(|| Replica::new(address, Arc::clone(dial)))
    }

    /// Those that this host stood for.
    fn of(&self, host: &Host) -> impl Iterator<Item = Arc<Replica>> {
        self.known.iter().filter(|replica| replica.address.authority == host.authority).cloned()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known()).finish()
    }
}
