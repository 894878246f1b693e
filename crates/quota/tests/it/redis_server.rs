//! Servers of Redis for the tests alone: each a process of its own on a free port, in a directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use quota::store::RedisLocation;
use redis::aio::MultiplexedConnection;

/// Runs a server until the standard input ends, so that it dies with the tests however they die.
const KEEPER: &str = r#"
redis-server "$@" &
echo "pid $!"
exec >&-
read -r _
kill -9 $! 2>/dev/null
wait
"#;

/// Holds nothing but what the tests ask it: no disk is involved.
const PASSING: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: u32,
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

/// The server that all tests of this process share; each has a prefix of its own there.
pub(crate) fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    // It writes no file, and nobody is left at the end to remove its directory: it goes at once.
    SHARED.get_or_init(|| Server::passing(tempfile::tempdir().unwrap().path()))
}

/// A place on the shared server that no other test has, with the clock that the store is opened with.
pub(crate) fn place() -> RedisLocation {
    shared().place().with_handed_clock()
}

impl Server {
    /// Starts a server that keeps nothing.
    pub(crate) fn passing(directory: &Path) -> Self {
        Self::start(directory, &PASSING)
    }

    /// Starts a server on a free port with these arguments.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        // Between finding a port and listening on it, another process may take it.
        let started = (0..5).find_map(|_| Self::try_start(free_port(), directory, arguments));
        started.expect("redis-server could not be started on any of five free ports")
    }

    /// Starts a server on this port, if it can have it.
    pub(crate) fn try_start(port: u16, directory: &Path, arguments: &[&str]) -> Option<Self> {
        let port_text = port.to_string();
        let place = ["--port", &port_text, "--bind", "127.0.0.1", "--dir", directory.to_str().unwrap()];
        Self::spawn(port, &[arguments, &place].concat())
    }

    /// Starts a sentinel, which writes its configuration itself.
    pub(crate) fn sentinel(directory: &Path, rules: &str) -> Self {
        let file = directory.join("sentinel.conf");
        let started = (0..5).find_map(|_| {
            let port = free_port();
            fs::write(&file, format!("port {port}\nbind 127.0.0.1\n{rules}")).unwrap();
            Self::spawn(port, &[file.to_str().unwrap(), "--sentinel"])
        });
        started.expect("no sentinel could be started on any of five free ports")
    }

    fn spawn(port: u16, arguments: &[&str]) -> Option<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        assert!(
            version.is_ok(),
            "redis-server is not installed: `cargo xtask test` installs what tests need"
        );
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "redis-server"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lifeline = keeper.stdin.take();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
        let process = lines.by_ref().find_map(|line| line.strip_prefix("pid ")?.parse().ok());
        let server = Self { port, process: process.unwrap_or_default(), keeper, lifeline };
        let is_ready =
            |line: String| line.contains("Ready to accept connections") || line.contains("+monitor");
        let is_up = lines.any(is_ready);
        thread::spawn(move || lines.for_each(drop));
        is_up.then_some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A place on this server that no other test has, told the time by the server.
    pub(crate) fn place(&self) -> RedisLocation {
        format!("{}?prefix={}", self.url(), prefix()).parse::<RedisLocation>().unwrap().among_friends()
    }

    /// Sends the server a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -s {signal} {}", self.process)]).status();
        assert!(sent.unwrap().success(), "no signal reached the server");
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut lifeline) = self.lifeline.take() {
            let _already_dead = lifeline.write_all(b"\n");
        }
        self.keeper.wait().unwrap();
    }
}

/// A prefix for keys that no other test has.
pub(crate) fn prefix() -> String {
    static USED: AtomicU32 = AtomicU32::new(0);
    format!("test-{}", USED.fetch_add(1, Ordering::SeqCst))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Asks again and again until the answer satisfies, for twenty seconds: other processes take their time to agree.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut rounds = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..400 {
        rounds.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
    }
    panic!("{what} did not come in twenty seconds")
}
