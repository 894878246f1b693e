//! The way to the server that holds the ledger: found, kept, and found again.

use std::time::Duration;

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
    aio::MultiplexedConnection, cluster_async::ClusterConnection, sentinel::Sentinel,
};
use tokio::{sync::Mutex, time::timeout};

use super::{
    failed,
    location::{RedisLocation, Topology},
};
use crate::store::StoreError;

/// How long one command may take. Nobody waits for it longer, and none is repeated after it.
pub(super) const CALL: Duration = Duration::from_millis(500);
/// How long finding the server and connecting to it may take.
const CONNECT: Duration = Duration::from_secs(1);

/// The way to one server, or to a cluster.
pub(super) enum Link {
    /// To one server, which sentinels may name. A connection that failed is given up; the next caller makes another.
    Server { location: Box<RedisLocation>, kept: Mutex<Option<MultiplexedConnection>> },
    /// To a cluster, whose client follows its changes by itself.
    Cluster(ClusterConnection),
}

/// A connection for one operation.
pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Prepares the way; a cluster is connected to at once, a server when it is needed.
    pub(super) async fn open(location: &RedisLocation) -> Result<Self, StoreError> {
        if location.is_encrypted() {
            // Where the process has chosen a provider before, that one stays.
            let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        if location.topology != Topology::Cluster {
            return Ok(Self::Server { location: Box::new(location.clone()), kept: Mutex::new(None) });
        }
        // A request is repeated after a redirection or a lost node, but not after silence: it has no time of its
        // own within that of the call.
        let builder = location.cluster().map_err(|error| failed("be found", &error))?;
        let client = builder
            .connection_timeout(CONNECT)
            .response_timeout(CALL * 2)
            .overall_response_timeout(Some(CALL))
            .build()
            .map_err(|error| failed("be found", &error))?;
        let connected = timeout(CONNECT * 2, client.get_async_connection()).await;
        Ok(Self::Cluster(answered("be connected to", connected)?))
    }

    /// A connection that was not known to be broken when it was last used.
    pub(super) async fn connection(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Cluster(connection) => Ok(Connection::Cluster(connection.clone())),
            Self::Server { location, kept } => {
                let connecting = async {
                    let mut kept = kept.lock().await;
                    if kept.is_none() {
                        *kept = Some(connect(location).await?);
                    }
                    kept.clone().ok_or_else(|| (ErrorKind::Client, "nothing was kept").into())
                };
                answered("be connected to", timeout(CONNECT, connecting).await).map(Connection::Server)
            }
        }
    }

    /// Gives up the connection to one server, so that the next caller looks for the server anew.
    pub(super) async fn give_up(&self) {
        if let Self::Server { kept, .. } = self {
            *kept.lock().await = None;
        }
    }
}

impl Connection {
    /// Sends one command and waits for its answer.
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// Whether the server is there and ours, and only refused this one command.
pub(super) fn is_refusal(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly),
        ErrorKind::Extension => true,
        _ => false,
    }
}

/// What came of waiting for Redis.
fn answered<T>(
    action: &'static str,
    waited: Result<RedisResult<T>, tokio::time::error::Elapsed>,
) -> Result<T, StoreError> {
    match waited {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(action, &error)),
        Err(_) => Err(failed(action, &"Redis did not answer in time")),
    }
}

async fn connect(location: &RedisLocation) -> RedisResult<MultiplexedConnection> {
    let unreadable = |_| RedisError::from((ErrorKind::InvalidClientConfig, "the location cannot be read"));
    let client = match &location.topology {
        Topology::Sentinel(service) => {
            let mut sentinel = Sentinel::build(location.sentinels().map_err(unreadable)?)?;
            let watched = location.watched().map_err(unreadable)?;
            sentinel.async_master_for(service, Some(&watched)).await?
        }
        Topology::Single | Topology::Cluster => Client::open(location.node().map_err(unreadable)?)?,
    };
    // Time is kept by those who wait: here it would only end calls that nobody waits for.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}
