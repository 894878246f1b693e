//! The provider of a trial: the simulator, which enforces limits of its own and remembers every call.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use domain::{Limits, Tier, Timestamp};
use serde::Deserialize;

use super::record::Call;
use crate::process::{Server, printed, tessera};

/// How long it asks to wait where a rule says `quota-minute`.
pub(crate) const THROTTLING: Duration = Duration::from_secs(12);

/// What the operator owns at the provider.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    /// The account, which the provider's log names too.
    pub(crate) account: String,
    pub(crate) project: String,
    pub(crate) tier: Tier,
    /// What the provider enforces, and what the ledger is told.
    pub(crate) limits: Limits,
}

/// A simulator in a process of its own. It alone is never harmed: its log is what everything is judged by.
pub(crate) struct Provider(Server);

impl Owned {
    /// An account of a project of the same name.
    pub(crate) fn new(name: &str, limits: Limits) -> Self {
        Self { account: name.to_owned(), project: name.to_owned(), tier: Tier::Pro, limits }
    }

    fn key(&self) -> String {
        format!("key-of-{}", self.account)
    }

    /// As it stands in Tessera's configuration.
    pub(crate) fn configured(&self) -> String {
        let Self { account, project, tier, limits } = self;
        let Limits { requests_per_minute, images_per_minute, requests_per_day, concurrent } = limits;
        format!(
            "[[accounts]]\nid = '{account}'\nprovider = 'gemini'\nproject = '{project}'\ntier = '{tier}'\n\
             api_key = '{}'\nlimits = {{ requests_per_minute = {requests_per_minute}, images_per_minute = \
             {images_per_minute}, requests_per_day = {requests_per_day}, concurrent = {concurrent} }}\n",
            self.key()
        )
    }

    /// As it stands in the provider's script.
    fn scripted(&self) -> String {
        let Self { account, project, limits, .. } = self;
        let Limits { requests_per_minute, images_per_minute, requests_per_day, .. } = limits;
        format!(
            "[[keys]]\nkey = '{}'\nname = '{account}'\nproject = '{project}'\nlimits = {{ requests_per_minute = \
             {requests_per_minute}, images_per_minute = {images_per_minute}, requests_per_day = \
             {requests_per_day} }}\n",
            self.key()
        )
    }
}

/// What each project is allowed.
pub(crate) fn projects(owned: &[Owned]) -> BTreeMap<String, Limits> {
    owned.iter().map(|owned| (owned.project.clone(), owned.limits)).collect()
}

impl Provider {
    /// Starts one where these accounts are known. `manners` is the rest of its script: latency and rules.
    pub(crate) fn start(home: &Path, owned: &[Owned], manners: &str) -> Self {
        let mut script = format!("{manners}\n[picture]\nbytes = 1500\n");
        for owned in owned {
            script.write_str(&owned.scripted()).expect("text grows");
        }
        let file = home.join("provider.toml");
        fs::write(&file, script).unwrap();
        let mut command = tessera(["simulator", "--listen", "127.0.0.1:0", "--script"]);
        command.arg(file);
        Self(Server::start(command))
    }

    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// Every call that reached it.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let arrivals: Vec<Arrival> = serde_json::from_str(&self.curl("/admin/arrivals")).unwrap();
        arrivals.into_iter().map(Call::from).collect()
    }

    fn curl(&self, path: &str) -> String {
        let mut command = Command::new("curl");
        command.arg("-fsS").arg(format!("{}{path}", self.url()));
        tokio::task::block_in_place(|| printed(command)).join("\n")
    }
}

/// One line of its arrival log.
#[derive(Deserialize)]
struct Arrival {
    at_ms: u64,
    key: Option<String>,
    project: Option<String>,
    model: String,
    prompt: String,
    status: Option<u16>,
    fault: Option<String>,
    billed: bool,
}

impl From<Arrival> for Call {
    fn from(arrival: Arrival) -> Self {
        Self {
            at: Timestamp::from_millis(arrival.at_ms),
            account: arrival.key.unwrap_or_default(),
            project: arrival.project.unwrap_or_default(),
            model: arrival.model,
            prompt: arrival.prompt,
            status: arrival.status,
            fault: arrival.fault,
            billed: arrival.billed,
        }
    }
}
