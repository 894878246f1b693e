//! The processes that are measured: a simulator, Tessera in one process, Tessera in three.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{load::Target, process::Process};

/// The key that every client of the measurement uses.
pub(crate) const CLIENT_KEY: &str = "bench-client-key";

/// The three ways to the same picture.
pub(crate) const SETUPS: [&str; 3] = ["direct", "one process", "three processes"];

/// Every process, and how to ask it for a picture.
pub(crate) struct Fleet {
    simulator: Process,
    whole: Process,
    roles: [Process; 3],
    targets: [Target; 3],
    _folder: TempDir,
}

impl Fleet {
    /// Starts everything, with pictures of this many bytes.
    pub(crate) async fn start(binary: &Path, bytes: usize, store: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: String| -> Result<String> {
            let path = folder.path().join(name);
            fs::write(&path, text)?;
            Ok(path.to_str().context("the temporary folder's name is not text")?.to_owned())
        };
        let script = write("simulator.toml", script(bytes))?;
        let (simulator, provider) =
            Process::start("simulator", binary, &["simulator", "--listen", LOOPBACK, "--script", &script])
                .await?;

        let ledger = |name: &str| match store {
            "embedded" => format!("embedded:{}", folder.path().join(name).display()),
            other => format!("{other}:"),
        };
        let one = write("one.toml", configuration(&provider, &ledger("one.redb"), None))?;
        let data = folder.path().join("data").display().to_string();
        let apart = folder.path().join("apart").display().to_string();
        let up = ["up", "--config", &one, "--listen", LOOPBACK, "--data-dir", &data];
        let (whole, whole_address) = Process::start("up", binary, &up).await?;

        let three = |peers: Option<(&str, &str)>| configuration(&provider, &ledger("three.redb"), peers);
        let first = write("quota.toml", three(None))?;
        let (quota, quota_address) = Process::start("quota", binary, &["quota", "--config", &first]).await?;
        let second = write("generation.toml", three(Some((&quota_address, "127.0.0.1:1"))))?;
        let (generation, generation_address) =
            Process::start("generation", binary, &["generation", "--config", &second, "--data-dir", &apart])
                .await?;
        let third = write("gateway.toml", three(Some((&quota_address, &generation_address))))?;
        let (gateway, gateway_address) =
            Process::start("gateway", binary, &["gateway", "--config", &third]).await?;

        let resolution = if bytes < 10_000 { "512" } else { "1K" };
        let targets = [
            Target::provider(&provider, resolution),
            Target::gateway(&whole_address, resolution),
            Target::gateway(&gateway_address, resolution),
        ];
        Ok(Self { simulator, whole, roles: [gateway, generation, quota], targets, _folder: folder })
    }

    /// How to ask one of the [`SETUPS`].
    pub(crate) fn target(&self, setup: usize) -> &Target {
        &self.targets[setup]
    }

    /// The processes of Tessera that serve one of the [`SETUPS`].
    pub(crate) fn processes(&self, setup: usize) -> Vec<&Process> {
        match setup {
            0 => vec![&self.simulator],
            1 => vec![&self.whole],
            _ => self.roles.iter().collect(),
        }
    }

    /// Ends every process.
    pub(crate) async fn stop(self) -> Result<()> {
        for process in self.roles {
            process.stop().await?;
        }
        self.whole.stop().await?;
        self.simulator.stop().await
    }
}

/// Any free port.
const LOOPBACK: &str = "127.0.0.1:0";

fn script(bytes: usize) -> String {
    format!(
        "[latency]\n\"512\" = \"0s\"\n\"1K\" = \"0s\"\n\"2K\" = \"0s\"\n\"4K\" = \"0s\"\n\n[picture]\nbytes = {bytes}\n"
    )
}

/// A configuration with limits that never bind.
fn configuration(provider: &str, store: &str, peers: Option<(&str, &str)>) -> String {
    let (quota, generation) = peers.unwrap_or(("127.0.0.1:1", "127.0.0.1:1"));
    format!(
        r#"
[gateway]
listen = "{LOOPBACK}"
generation_url = "http://{generation}"
quota_url = "http://{quota}"

[generation]
listen = "{LOOPBACK}"
quota_url = "http://{quota}"

[generation.gemini]
base_url = "http://{provider}"

[quota]
listen = "{LOOPBACK}"
store = "{store}"
key_pepper = "the-pepper-of-the-benchmark"

[[accounts]]
id = "bench"
provider = "gemini"
project = "bench"
tier = "ultra"
api_key = "bench-provider-key"
limits = {{ requests_per_minute = 10000000, images_per_minute = 10000000, requests_per_day = 1000000000, concurrent = 10000 }}

[[clients]]
name = "bench"
key = "{CLIENT_KEY}"
"#
    )
}
