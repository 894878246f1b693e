//! Child processes, and what the kernel says of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Clock ticks a second in `/proc/PID/stat`; Linux has shown user space 100 on every architecture for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// The tessera binary: the given one, or the one beside this program, built if it is not there.
pub(crate) fn tessera(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        ensure!(path.is_file(), "no tessera binary at {}", path.display());
        return Ok(path.to_owned());
    }
    let own = std::env::current_exe()?;
    let beside = own.with_file_name("tessera");
    let mut build = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--package", "tessera"]);
    if own.parent().is_some_and(|folder| folder.ends_with("release")) {
        build.arg("--release");
    }
    ensure!(build.status().context("cannot run cargo")?.success(), "cargo could not build tessera");
    Ok(beside)
}

/// A process of the measured setup.
pub(crate) struct Process {
    /// Its role, for the table.
    pub(crate) role: &'static str,
    child: Child,
    pid: u32,
    /// Resident memory when it had just begun to listen, in bytes.
    idle: u64,
}

impl Process {
    /// Starts the binary with these arguments and waits until its output names an address it listens on,
    /// which it returns as `host:port`.
    pub(crate) async fn start(
        role: &'static str,
        binary: &Path,
        arguments: &[&str],
    ) -> Result<(Self, String)> {
        let mut child = Command::new(binary)
            .args(arguments)
            .env("TESSERA_LOG", "warn")
            .env("TESSERA_CLIENT_KEY", crate::fleet::CLIENT_KEY)
            .env_remove("GEMINI_API_KEY")
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let pid = child.id().context("the process ended at once")?;
        let output = child.stdout.take().context("the process has no output")?;
        let mut lines = BufReader::new(output).lines();
        let address = tokio::time::timeout(Duration::from_secs(20), async {
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = address_in(&line) {
                    return Ok(address);
                }
            }
            bail!("{role} ended before it listened")
        })
        .await
        .with_context(|| format!("{role} did not listen within 20 s"))??;
        // The pipe must be read to its end, or the process would stop at its next line.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut process = Self { role, child, pid, idle: 0 };
        process.idle = process.status("VmRSS:")?;
        Ok((process, address))
    }

    /// CPU time used since it started.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The second field is the program's name in brackets, which may itself hold spaces.
        let (_, rest) = stat.rsplit_once(')').context("unreadable /proc/PID/stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).context("short stat")?.parse()?) };
        Ok(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND))
    }

    /// Forgets the peak of resident memory so far.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("cannot reset the memory peak")
    }

    /// Peak resident memory since it was last forgotten, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Resident memory before it ever worked, in bytes.
    pub(crate) const fn idle_memory(&self) -> u64 {
        self.idle
    }

    fn status(&self, field: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no memory figure")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("cannot stop {}", self.role))
    }
}

/// The `host:port` in a line such as `listening on http://127.0.0.1:8045`.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    let address: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".:".contains(*c)).collect();
    address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok())?;
    Some(address)
}
