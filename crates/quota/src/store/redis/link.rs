//! The way to the server that holds the ledger: kept by a task of its own, which finds it again when it is lost.
//!
//! While the server is known to be out of reach, calls fail at once, and one probe at a time tries to reach it.

use std::{sync::Arc, time::Duration};

use ::redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, aio::PubSub};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{error::Elapsed, sleep, timeout},
};

use super::{
    connection::{self, Connection},
    failed,
    location::RedisLocation,
};
use crate::store::StoreError;

/// How long one command may take. Nobody waits for it longer, and none is repeated after it.
pub(super) const CALL: Duration = Duration::from_millis(500);
/// How long finding the server and connecting to it may take.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
/// The pause after an attempt to reach the server that failed.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// The way to one server, or to a cluster. It is given up with this.
pub(crate) struct Link {
    state: Arc<watch::Sender<State>>,
    _keeper: JoinSet<()>,
}

/// Whether the ledger can be reached.
#[derive(Clone)]
enum State {
    /// It is being looked for; that may be a matter of a moment.
    Sought,
    /// It could be when this was last used.
    Reached(Way),
    /// It could not be, for this reason.
    Lost(StoreError),
}

/// A connection, told from those before and after it.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) connection: Connection,
    number: u64,
}

impl Link {
    /// Looks for the ledger and keeps the way to it.
    pub(crate) async fn open(location: &RedisLocation) -> Result<Self, StoreError> {
        if location.is_encrypted() {
            // Where the process has chosen a provider before, that one stays.
            let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let state = Arc::new(watch::Sender::new(State::Sought));
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(location.clone(), Arc::clone(&state)));
        let mut found = state.subscribe();
        let found = found.wait_for(|state| !matches!(state, State::Sought)).await;
        if let Ok(State::Lost(error)) = found.as_deref() {
            return Err(error.clone());
        }
        drop(found);
        Ok(Self { state, _keeper: keeper })
    }

    /// The way, once it is found, unless it is known that it cannot be.
    pub(crate) async fn way(&self) -> Result<Way, StoreError> {
        let mut state = self.state.subscribe();
        let settled = timeout(CALL, state.wait_for(|state| !matches!(state, State::Sought))).await;
        let settled = settled.map_err(|_| silent("be connected to"))?;
        match &*settled.map_err(|_| StoreError::Closed)? {
            State::Reached(way) => Ok(way.clone()),
            State::Lost(error) => Err(error.clone()),
            State::Sought => Err(silent("be connected to")),
        }
    }

    /// Gives up a way that led nowhere, so that the ledger is looked for anew.
    pub(crate) fn give_up(&self, lost: &Way) {
        self.state.send_if_modified(|state| {
            let is_kept = matches!(state, State::Reached(way) if way.number == lost.number);
            if is_kept {
                *state = State::Sought;
            }
            is_kept
        });
    }
}

/// A connection that hears what is published on a channel.
pub(crate) async fn subscribe(location: &RedisLocation, channel: &str) -> Result<PubSub, StoreError> {
    let subscribing = connection::subscription(location, channel);
    answered("be listened to", timeout(CONNECT * 2, subscribing).await)
}

/// Keeps the way for as long as anybody may take it.
async fn keep(location: RedisLocation, state: Arc<watch::Sender<State>>) {
    let mut watched = state.subscribe();
    for number in 0.. {
        let found = answered("be connected to", timeout(CONNECT, Connection::to(&location)).await);
        match found {
            Ok(connection) => {
                state.send_replace(State::Reached(Way { connection, number }));
                let _sender_is_ours = watched.wait_for(|state| !matches!(state, State::Reached(_))).await;
            }
            Err(error) => {
                state.send_replace(State::Lost(error));
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the server is there and ours, and only refused this one command.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly),
        ErrorKind::Extension => true,
        _ => false,
    }
}

/// What came of waiting for Redis.
fn answered<T>(action: &'static str, waited: Result<RedisResult<T>, Elapsed>) -> Result<T, StoreError> {
    match waited {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(action, &error)),
        Err(_) => Err(silent(action)),
    }
}

/// Redis said nothing.
pub(super) fn silent(action: &'static str) -> StoreError {
    failed(action, &"Redis did not answer in time")
}
