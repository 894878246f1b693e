//! The server of Redis of one trial: on a wire, in a directory of its own, and never safe.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use super::wire::Wire;

/// When Redis syncs what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fsync {
    /// Before it answers.
    Always,
    /// Once a second.
    EverySecond,
}

/// Redis, which comes back behind the same address.
pub(crate) struct Redis {
    data: PathBuf,
    fsync: Fsync,
    server: Option<Child>,
    /// Leads to it.
    pub(crate) wire: Wire,
}

impl Redis {
    /// Starts a server that keeps its data below `home`.
    pub(crate) async fn start(home: &Path, fsync: Fsync) -> Self {
        let mut redis = Self { data: home.join("redis"), fsync, server: None, wire: Wire::new().await };
        redis.restart();
        redis
    }

    /// As the ledger is told where to find it.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.wire.address())
    }

    /// Ends it as a power cut of the process alone would: what the kernel was given, stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// Starts it on what it left.
    pub(crate) fn restart(&mut self) {
        fs::create_dir_all(&self.data).unwrap();
        // Between finding a port and listening on it, another process may take it.
        let started = (0..5).find_map(|_| self.try_start());
        let (server, address) = started.expect("redis-server could not be started on any of five free ports");
        self.server = Some(server);
        self.wire.lead_to(address);
    }

    /// Forgets everything; only while it does not run.
    pub(crate) fn forget(&self) {
        fs::remove_dir_all(&self.data).unwrap();
    }

    /// Copies what it has written so far.
    pub(crate) fn copy_to(&self, copy: &Path) {
        copy_directory(&self.data, copy);
    }

    /// Goes back to a copy; only while it does not run.
    pub(crate) fn go_back_to(&self, copy: &Path) {
        self.forget();
        copy_directory(copy, &self.data);
    }

    /// Has it write what it knows to a file of its own beside its log.
    pub(crate) fn snapshot(&self) {
        let mut stream = TcpStream::connect(self.wire.address()).unwrap();
        stream.write_all(b"SAVE\r\n").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let server = self.server.as_ref().expect("it runs");
        let sent = Command::new("kill").args([&format!("-{signal}"), &server.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn try_start(&self) -> Option<(Child, SocketAddr)> {
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let fsync = match self.fsync {
            Fsync::Always => "always",
            Fsync::EverySecond => "everysec",
        };
        let mut server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", fsync, "--maxmemory-policy", "noeviction"])
            .arg("--dir")
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is installed: `cargo xtask test` installs what tests need");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
        let is_up = lines.any(|line| line.contains("Ready to accept connections"));
        thread::spawn(move || lines.for_each(drop));
        if !is_up {
            server.wait().unwrap();
        }
        is_up.then_some((server, address))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (entry, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.is_dir() {
            copy_directory(&entry, &copy);
        } else {
            // A file that is rewritten meanwhile may be gone: its successor is in the copy.
            let _ = fs::copy(entry, copy);
        }
    }
}
