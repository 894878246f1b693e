//! What a server says of how it keeps a ledger.

use std::time::Duration;

use ::redis::{RedisResult, Value, cmd, from_redis_value};
use domain::Timestamp;
use tokio::time::timeout;

use super::{connection::Connection, failed, link::CONNECT, location::RedisLocation};
use crate::store::StoreError;

/// How long a server may take to say all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its version, such as `7.4.2`.
    pub version: String,
    /// Whether it is the primary, which alone may be written to.
    pub is_primary: bool,
    /// Whether it writes down what it acknowledges.
    pub appends: bool,
    /// When that is synced to its disk: `always`, `everysec` or `no`; absent where the user may not know.
    pub syncs: Option<String>,
    /// What it throws away when its memory is full: `noeviction` for nothing.
    pub evicts: String,
    /// What its clock showed.
    pub clock: Timestamp,
}

/// Connects to a ledger, and asks its server how it keeps it. Nothing is written.
pub async fn inspect(location: &RedisLocation) -> Result<Inspection, StoreError> {
    if location.is_encrypted() {
        // Where the process has chosen a provider before, that one stays.
        let _chosen = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let overdue = || failed("be inspected", &"Redis did not answer in time");
    let asking = async {
        let mut connection = timeout(CONNECT, Connection::to(location)).await.map_err(|_| overdue())?;
        let connection = connection.as_mut().map_err(|error| failed("be connected to", error))?;
        ask(connection).await.map_err(|error| failed("be inspected", &error))
    };
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(overdue()))
}

async fn ask(connection: &mut Connection) -> RedisResult<Inspection> {
    let told: String = from_redis_value(connection.send(&cmd("INFO")).await?)?;
    let field = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    let (seconds, micros): (u64, u64) = from_redis_value(connection.send(&cmd("TIME")).await?)?;
    let mut question = cmd("CONFIG");
    question.arg("GET").arg("appendfsync");
    // The ledger's user needs no right to ask this.
    let syncs = connection.send(&question).await.ok().and_then(second);
    Ok(Inspection {
        version: field("redis_version"),
        is_primary: field("role") == "master",
        appends: field("aof_enabled") == "1",
        syncs,
        evicts: field("maxmemory_policy"),
        clock: Timestamp::from_millis(seconds * 1_000 + micros / 1_000),
    })
}

/// The value of the one key that was asked for.
fn second(answer: Value) -> Option<String> {
    from_redis_value::<Vec<String>>(answer).ok()?.into_iter().nth(1)
}
