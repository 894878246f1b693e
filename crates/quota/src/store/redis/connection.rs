//! One connection to the server or the cluster that holds the ledger, and one on which it tells its changes.

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, Value,
    aio::{MultiplexedConnection, PubSub},
    cluster_async::ClusterConnection,
    sentinel::Sentinel,
};
use tokio::time::timeout;

use super::{
    link::{CALL, CONNECT},
    location::{InvalidRedis, RedisLocation, Topology},
};

/// A connection that any number of operations share.
#[derive(Clone)]
pub(crate) enum Connection {
    /// To one server, which sentinels may have named.
    Server(MultiplexedConnection),
    /// To a cluster, whose client follows its changes by itself.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects, and proves that the ledger answers: a server that was halted still takes connections.
    pub(super) async fn to(location: &RedisLocation) -> RedisResult<Self> {
        let mut connection = match location.topology {
            Topology::Cluster => Self::Cluster(cluster(location).await?),
            Topology::Single | Topology::Sentinel(_) => Self::Server(server(location).await?),
        };
        let mut question = ::redis::cmd("EXISTS");
        question.arg(location.root());
        connection.send(&question).await?;
        Ok(connection)
    }

    /// Sends one command and waits for its answer.
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// A connection that hears what is published on a channel. In a cluster every node passes everything on.
pub(super) async fn subscription(location: &RedisLocation, channel: &str) -> RedisResult<PubSub> {
    let mut refusal = unreadable();
    for client in clients(location).await? {
        match timeout(CONNECT, client.get_async_pubsub()).await {
            Ok(Ok(mut subscription)) => {
                subscription.subscribe(channel).await?;
                return Ok(subscription);
            }
            Ok(Err(error)) => refusal = error,
            Err(_) => refusal = (ErrorKind::Io, "Redis did not answer in time").into(),
        }
    }
    Err(refusal)
}

async fn server(location: &RedisLocation) -> RedisResult<MultiplexedConnection> {
    let client = clients(location).await?.into_iter().next().ok_or_else(unreadable)?;
    // Time is kept by those who wait: here it would only end calls that nobody waits for.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// A request is repeated after a redirection or a lost node, but not after silence: it has no time of its own within
/// that of the call.
async fn cluster(location: &RedisLocation) -> RedisResult<ClusterConnection> {
    let builder = location.cluster().map_err(invalid)?;
    let builder = builder.connection_timeout(CONNECT).response_timeout(CALL * 2);
    builder.overall_response_timeout(Some(CALL)).build()?.get_async_connection().await
}

/// The server that has the ledger, or the nodes of its cluster that are known.
async fn clients(location: &RedisLocation) -> RedisResult<Vec<Client>> {
    if let Topology::Sentinel(service) = &location.topology {
        let mut sentinel = Sentinel::build(location.sentinels().map_err(invalid)?)?;
        let watched = location.watched().map_err(invalid)?;
        return Ok(vec![sentinel.async_master_for(service, Some(&watched)).await?]);
    }
    location.nodes().map_err(invalid)?.into_iter().map(Client::open).collect()
}

fn invalid(_: InvalidRedis) -> RedisError {
    unreadable()
}

fn unreadable() -> RedisError {
    (ErrorKind::InvalidClientConfig, "the location cannot be read").into()
}
