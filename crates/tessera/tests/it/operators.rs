//! What operators change while Tessera runs: in a cluster over its ports, and in one process over its socket.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use crate::{
    process::{Server, printed, tessera},
    provider::Provider,
};

/// A provider key of which nothing may be found where it does not belong.
pub(crate) const CANARY: &str = "AIza-canary-5c1e9b7d";

/// How long a change may take to be in force everywhere.
const SOON: Duration = Duration::from_secs(1);

/// Three processes without an account, and a client of the configuration.
struct Cluster {
    _quota: Server,
    _generation: Server,
    gateway: Server,
    quota_url: String,
    generation_url: String,
    data: std::path::PathBuf,
}

fn role(name: &str, home: &Path) -> Command {
    let mut command = tessera([name]);
    command
        .env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0")
        .env("TESSERA_DATA_DIR", home.join(name))
        .env("TESSERA_CLIENTS", "[{ name = 'website', key = 'tsr_website' }]");
    command
}

impl Cluster {
    fn start(home: &Path, provider: &Provider) -> Self {
        let quota = Server::start(role("quota", home));
        let mut generation = role("generation", home);
        generation
            .env("TESSERA_GENERATION__QUOTA_URL", quota.url())
            .env("TESSERA_GENERATION__SEALING_KEY", "5".repeat(64))
            .env("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url());
        let generation = Server::start(generation);
        let mut gateway = role("gateway", home);
        gateway
            .env("TESSERA_GATEWAY__GENERATION_URL", generation.url())
            .env("TESSERA_GATEWAY__QUOTA_URL", quota.url());
        let gateway = Server::start(gateway);
        let (quota_url, generation_url) = (quota.url().to_owned(), generation.url().to_owned());
        let data = home.join("quota");
        Self { _quota: quota, _generation: generation, gateway, quota_url, generation_url, data }
    }

    fn operator(&self, arguments: &[&str]) -> Command {
        let mut command = tessera(arguments);
        command
            .env("TESSERA_QUOTA_URL", &self.quota_url)
            .env("TESSERA_GENERATION_URL", &self.generation_url)
            .env("STUDIO_KEY", CANARY);
        command
    }

    fn generate(&self, home: &Path, key: &str) -> Command {
        generate(home, self.gateway.url(), key)
    }
}

fn generate(home: &Path, gateway: &str, key: &str) -> Command {
    let mut command = tessera(["generate", "a lighthouse"]);
    command.current_dir(home).env("TESSERA_GATEWAY_URL", gateway).env("TESSERA_CLIENT_KEY", key);
    command
}

/// Adds an account whose key is in the variable `STUDIO_KEY`.
pub(crate) const ADD: [&str; 12] = [
    "accounts",
    "add",
    "--id",
    "studio-a",
    "--provider",
    "gemini",
    "--project",
    "studio",
    "--tier",
    "pro",
    "--api-key-env",
    "STUDIO_KEY",
];

fn refusal(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert!(!status.success(), "it was not refused: {message}");
    message
}

/// Repeats a command until it is refused with these words: it must be where it begins a second after a change.
fn refused_soon(command: impl Fn() -> Command, words: &str) {
    let changed = Instant::now();
    loop {
        let began = changed.elapsed();
        let Output { status, stderr, .. } = command().output().unwrap();
        let message = String::from_utf8(stderr).unwrap();
        if !status.success() {
            assert!(message.contains(words), "{message}");
            return;
        }
        assert!(began < SOON, "it was not refused after {began:?}");
    }
}

#[test]
fn an_account_that_is_added_to_a_running_cluster_draws_at_once_and_its_key_is_kept_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), &format!("[[keys]]\nkey = '{CANARY}'\nproject = 'studio'"));
    let cluster = Cluster::start(home.path(), &provider);
    let message = refusal(cluster.generate(home.path(), "tsr_website"));
    assert!(message.contains("no account can serve"), "{message}");

    let added = printed(cluster.operator(&ADD)).join("\n");
    assert!(added.contains("studio-a") && !added.contains(CANARY), "{added}");
    printed(cluster.generate(home.path(), "tsr_website"));

    let used = printed(cluster.operator(&["usage", "--by", "account", "--json"])).join("\n");
    let used: serde_json::Value = serde_json::from_str(&used).unwrap();
    assert_eq!((&used[0]["of"], &used[0]["images"]), (&"studio-a".into(), &1.into()));
    assert!(used[0]["cost_micro_usd"].as_i64().unwrap() > 0, "{used}");

    let message = refusal(cluster.operator(&ADD));
    assert!(message.contains("there is an account `studio-a` already, from the registry"), "{message}");
    for entry in fs::read_dir(&cluster.data).unwrap() {
        let kept = fs::read(entry.unwrap().path()).unwrap();
        for part in CANARY.as_bytes().windows(8) {
            assert!(!kept.windows(part.len()).any(|found| found == part), "a part of the key is kept");
        }
    }

    printed(cluster.operator(&["accounts", "disable", "studio-a"]));
    refused_soon(|| cluster.generate(home.path(), "tsr_website"), "no account can serve");
    let listed = printed(cluster.operator(&["accounts", "list", "--json"])).join("\n");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["accounts"][0]["enabled"], false);
    assert_eq!(listed["revision"], 2);
}

#[test]
fn a_call_in_flight_is_delivered_and_settled_though_its_account_is_disabled_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let script = format!("latency.default = '2s'\n[[keys]]\nkey = '{CANARY}'\nproject = 'studio'");
    let provider = Provider::start(home.path(), &script);
    let cluster = Cluster::start(home.path(), &provider);
    printed(cluster.operator(&ADD));
    let mut waiting = cluster.generate(home.path(), "tsr_website").spawn().unwrap();
    provider.until_called();
    printed(cluster.operator(&["accounts", "disable", "studio-a"]));
    printed(cluster.operator(&["accounts", "remove", "studio-a"]));
    assert!(waiting.wait().unwrap().success());
    let message = refusal(cluster.operator(&["accounts", "show", "studio-a"]));
    assert!(message.contains("there is no account `studio-a`"), "{message}");
}

#[test]
fn a_client_that_is_created_may_ask_until_it_is_revoked() {
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), &format!("[[keys]]\nkey = '{CANARY}'\nproject = 'studio'"));
    let cluster = Cluster::start(home.path(), &provider);
    printed(cluster.operator(&ADD));
    let create = ["clients", "create", "shop", "--images-per-day", "50", "--spend-per-day-usd", "2.5"];
    let told = printed(cluster.operator(&create)).join("\n");
    let key = told.strip_prefix("The key of shop, shown only now: ").unwrap();
    printed(cluster.generate(home.path(), key));
    let listed = printed(cluster.operator(&["clients", "list"])).join("\n");
    assert!(listed.contains("50 img/day 2.5 USD/day") && !listed.contains("tsr_"), "{listed}");
    printed(cluster.operator(&["clients", "revoke", "shop"]));
    refused_soon(|| cluster.generate(home.path(), key), "does not know the client key");
    let message = refusal(cluster.operator(&["clients", "revoke", "website"]));
    assert!(message.contains("is in the configuration: remove it from [[clients]]"), "{message}");
}

#[test]
fn one_process_is_operated_over_its_socket_and_draws_with_what_was_added_when_it_starts_again() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let provider = Provider::start(home.path(), &format!("[[keys]]\nkey = '{CANARY}'\nproject = 'studio'"));
    let up = || {
        let mut command = tessera(["up", "--listen", "127.0.0.1:0"]);
        command.env("TESSERA_DATA_DIR", &data).env("TESSERA_CLIENT_KEY", "tsr_a");
        command
    };
    let operator = |arguments: &[&str]| {
        let mut command = tessera(arguments);
        command.env("TESSERA_DATA_DIR", &data).env("STUDIO_KEY", CANARY);
        command
    };
    let message = refusal(operator(&["accounts", "list"]));
    assert!(message.contains("no Tessera answers at http://127.0.0.1:8051"), "{message}");

    let first = Server::start(up());
    printed(operator(&ADD));
    let listed = printed(operator(&["accounts", "list"])).join("\n");
    assert!(listed.contains("simulator") && listed.contains("studio-a"), "{listed}");
    let message = refusal(operator(&["accounts", "remove", "simulator"]));
    assert!(message.contains("is in the configuration"), "{message}");
    assert_eq!(first.terminate().code(), Some(0));

    let mut again = up();
    again.env("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url());
    let second = Server::start(again);
    printed(generate(home.path(), second.url(), "tsr_a"));
    assert_eq!(provider.arrivals().len(), 1);
}

#[test]
fn what_cannot_be_is_refused_before_anything_leaves_the_command() {
    let home = tempfile::tempdir().unwrap();
    let nobody = "http://127.0.0.1:9";
    let add = |extra: &[&str]| {
        let mut command = tessera([&ADD[..10], extra].concat());
        command
            .env("HOME", home.path())
            .env("TESSERA_QUOTA_URL", nobody)
            .env("TESSERA_GENERATION_URL", nobody);
        command.stdin(std::process::Stdio::null());
        command
    };
    for (extra, expected) in [
        (&["--api-key-env", "NO_SUCH"][..], "the environment variable NO_SUCH is not set"),
        (&["--service-account-file", "f"], "are for --provider vertex"),
        (&["--location", "global"], "are for --provider vertex"),
        (&[], "the API key is empty"),
        (&["--concurrent", "0"], "invalid value '0' for '--concurrent <N>'"),
    ] {
        let message = refusal(add(extra));
        assert!(message.contains(expected), "{extra:?}: {message}");
    }
}
