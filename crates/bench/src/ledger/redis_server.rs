//! A server of Redis for one measurement, and the least it can be asked.

use std::{
    fmt,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use redis::{AsyncCommands as _, Script, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::sleep,
};

/// When Redis makes sure that what it wrote is on the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fsync {
    /// Once a second.
    EverySecond,
    /// Before it answers.
    Always,
}

/// A running server, in a directory of its own.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

/// What the least takes.
pub(crate) struct Bare {
    pub(crate) ping: String,
    pub(crate) script: String,
    pub(crate) ping_time: Duration,
}

impl RedisServer {
    /// Starts a server that appends every write to a file.
    pub(crate) async fn start(fsync: Fsync) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", &fsync.to_string(), "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("redis-server cannot be started")?;
        let server = Self { child, port, _folder: folder };
        for _ in 0..100 {
            if server.connect().await.is_ok() {
                return Ok(server);
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("redis-server does not answer")
    }

    /// Where it is, for a ledger of this name.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("redis://127.0.0.1:{}?prefix={name}", self.port)
    }

    /// Asks the least, one at a time, for so long each.
    pub(crate) async fn bare(&self, lasting: Duration) -> Result<Bare> {
        let mut connection = self.connect().await?;
        let (mut pings, mut scripts) = (Vec::new(), Vec::new());
        let began = Instant::now();
        while began.elapsed() < lasting {
            let asked = Instant::now();
            let _: String = connection.ping().await?;
            pings.push(asked.elapsed());
        }
        let nothing = Script::new("return 1");
        let began = Instant::now();
        while began.elapsed() < lasting {
            let asked = Instant::now();
            let _: u32 = nothing.invoke_async(&mut connection).await?;
            scripts.push(asked.elapsed());
        }
        let ping_time = median(&mut pings);
        Ok(Bare { ping: super::shown(ping_time), script: super::shown(median(&mut scripts)), ping_time })
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("redis-server cannot be stopped")
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        Ok(client.get_multiplexed_async_connection().await?)
    }
}

impl fmt::Display for Fsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EverySecond => "everysec",
            Self::Always => "always",
        })
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
