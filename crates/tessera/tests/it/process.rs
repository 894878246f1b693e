//! Processes of the real binary.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// How long a process may take to say what is expected of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary with these arguments, and nothing of this process's environment but where programs are.
pub(crate) fn tessera<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.args(arguments).env_clear().env("TESSERA_LOG", "warn");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// What a command printed, by line, once it ended well.
pub(crate) fn printed(mut command: Command) -> Vec<String> {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?} ended with {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    url: String,
}

impl Server {
    /// Starts a command and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (say, lines) = channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let mut server = Self { child, lines, url: String::new() };
        let line = server.lines_until("listens on http").pop().unwrap();
        let (_, url) = line.split_once("listens on ").unwrap();
        server.url.push_str(url);
        server
    }

    /// `http://host:port`, as it said.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints next, up to and with the line that holds `mark`.
    pub(crate) fn lines_until(&self, mark: &str) -> Vec<String> {
        let mut read: Vec<String> = Vec::new();
        while !read.last().is_some_and(|line| line.contains(mark)) {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => read.push(line),
                Err(error) => panic!("it never said `{mark}` ({error}), but {read:#?}"),
            }
        }
        read
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// What it says next after this mark, up to the end of the line.
    pub(crate) fn announced(&self, mark: &str) -> String {
        let line = self.lines_until(mark).pop().unwrap();
        line.split_once(mark).unwrap().1.to_owned()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it did.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
