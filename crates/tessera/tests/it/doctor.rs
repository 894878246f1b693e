//! `tessera doctor`, on a house in order and on every kind of disorder.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{process::tessera, provider::Provider, vertex::ServiceAccount};

/// A secret that is in no output.
const CANARY: &str = "canary-4711-and-more";

/// A server of Redis that ends with this.
struct Redis {
    port: u16,
    server: Child,
}

impl Redis {
    fn start(home: &Path, settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new("redis-server");
        server.args(["--port", &port.to_string(), "--save", "", "--requirepass", CANARY, "--dir"]);
        let server = server.arg(home).args(settings).stdout(Stdio::null()).spawn().unwrap();
        let redis = Self { port, server };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {}
        redis
    }

    fn url(&self) -> String {
        format!("redis://:{CANARY}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What it found.
struct Found {
    status: Option<i32>,
    /// What it printed, a check on each line.
    lines: Vec<String>,
}

impl Found {
    fn with(config: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut doctor = tessera(["doctor", "--config"]);
        doctor.arg(config).args(arguments).env("HOME", config.parent().unwrap());
        doctor.envs(variables.iter().copied());
        let ended = doctor.output().unwrap();
        let all = String::from_utf8([ended.stdout.clone(), ended.stderr].concat()).unwrap();
        assert!(!all.contains(CANARY), "{all}");
        let lines = String::from_utf8(ended.stdout).unwrap();
        Self { status: ended.status.code(), lines: lines.lines().map(str::to_owned).collect() }
    }

    /// Whether a line begins and goes on so.
    #[track_caller]
    fn tells(&self, state: &str, check: &str, words: &str) {
        let told = self.lines.iter().any(|line| {
            let rest = line.strip_prefix(state).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(check) && rest.contains(words))
        });
        assert!(told, "no `{state} {check} … {words}` in {:#?}", self.lines);
    }
}

/// An account of each provider, and what opens both.
struct House {
    home: tempfile::TempDir,
    provider: Provider,
    config: PathBuf,
}

impl House {
    fn build() -> Self {
        let home = tempfile::tempdir().unwrap();
        let painter = ServiceAccount::make(home.path());
        let provider = painter.provider(home.path());
        let gemini = "[[accounts]]\nid = 'a'\nprovider = 'gemini'\nproject = 'p'\ntier = 'pro'\napi_key_env = 'KEY_A'\n\
                      [[clients]]\nname = 'website'\nkey_env = 'KEY_WEBSITE'\n";
        let config = painter.configuration(home.path(), &provider, gemini);
        Self { home, provider, config }
    }

    /// Looks at it with more variables; of two with one name the later counts.
    fn look(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Found {
        let usual = [("KEY_A", "AIza-a"), ("KEY_WEBSITE", "tsr_a"), ("TESSERA_QUOTA__KEY_PEPPER", CANARY)];
        Found::with(&self.config, arguments, &[&usual, variables].concat())
    }
}

#[test]
fn a_house_in_order_is_told_line_by_line_and_nothing_is_spent() {
    let house = House::build();
    let redis = Redis::start(
        house.home.path(),
        &["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"],
    );
    let found = house.look(&[], &[("TESSERA_QUOTA__STORE", &redis.url())]);
    found.tells("ok", "configuration", "is valid");
    found.tells("ok", "client website", "its key can be had");
    found.tells("ok", "key pepper", "can be had");
    found.tells("ok", "sealing key", "is kept in the data directory");
    found.tells("ok", "data directory", "can be written to");
    found.tells("ok", "ledger", "and forgets nothing");
    found.tells("ok", "clock of Redis", "the same");
    found.tells("ok", "account a", "opens the Gemini API, which has gemini-3-pro-image");
    found.tells("ok", "account painter", "opens Vertex AI, which has gemini-3-pro-image");
    found.tells("ok", "accounts added", "can be looked at while Tessera runs");
    found.tells("ok", "clock of the provider", "the same");
    assert_eq!((found.status, found.lines.len()), (Some(0), 11));
    assert!(house.provider.arrivals().is_empty(), "a call was made that costs something");

    let json = house.look(&["--json", "--role", "quota"], &[("TESSERA_QUOTA__STORE", &redis.url())]);
    let first: serde_json::Value = serde_json::from_str(&json.lines[0]).unwrap();
    assert_eq!(first["state"], "ok");
    assert!(json.lines.iter().all(|line| !line.contains("account")), "quota calls no provider");
}

#[test]
fn whatever_is_broken_is_named_with_what_to_do_about_it() {
    let house = House::build();
    let file = house.home.path().join("a-file");
    fs::write(&file, "").unwrap();
    let below_a_file = file.join("outbox").display().to_string();
    let elsewhere = "http://127.0.0.1:9";
    for (variable, value, check, words, remedy) in [
        ("TESSERA_GENERATION__MAX_ATTEMPTS", "x", "configuration", "MAX_ATTEMPTS", "correct it"),
        ("KEY_A", CANARY, "account a", "API key not valid", "make a key at"),
        ("KEY_A", "", "account a", "KEY_A is not set", "set KEY_A"),
        ("KEY_WEBSITE", "", "client website", "KEY_WEBSITE is not set", "set KEY_WEBSITE"),
        ("TESSERA_GENERATION__GEMINI__BASE_URL", elsewhere, "account a", "gives no answer", "HTTPS"),
        ("TESSERA_GENERATION__VERTEX__TOKEN_URL", elsewhere, "account painter", "gives no answer", "HTTPS"),
        ("TESSERA_GENERATION__SEALING_KEY", CANARY, "sealing key", "sealing_key", "openssl rand -hex 32"),
        ("TESSERA_QUOTA__KEY_PEPPER", "too short", "key pepper", "protects nothing", "openssl rand -hex 32"),
        ("TESSERA_GATEWAY__CONSOLE_TOKEN", "tso_short", "console token", "too short", "openssl rand -hex 32"),
        (
            "TESSERA_GATEWAY__CONSOLE_TOKEN_FILE",
            "/no/such",
            "console token",
            "cannot be read",
            "readable for",
        ),
        ("TESSERA_GENERATION__OUTBOX", &below_a_file, "outbox", "cannot be written to", "name another"),
        ("TESSERA_QUOTA__STORE", "redis://127.0.0.1:9", "ledger", "refused", "see that Redis runs"),
        ("TESSERA_QUOTA__STORE_PASSWORD_FILE", "/no/such", "ledger's password", "", ""),
    ] {
        let store = ("TESSERA_QUOTA__STORE", "redis://127.0.0.1:9");
        let more = [store, (variable, value)];
        let more = if variable.ends_with("PASSWORD_FILE") { &more[..] } else { &more[1..] };
        let found = house.look(&[], more);
        found.tells("FAILURE", check, words);
        found.tells("FAILURE", check, remedy);
        assert_eq!(found.status, Some(1), "{variable}");
    }
    let models =
        "[{ name = 'gone', gemini_id = 'gone', rates = [{ resolution = '1K', tokens = 1, price_usd = 1 }] }]";
    let found = house.look(&[], &[("TESSERA_MODELS", models), ("TESSERA_CATALOG__DEFAULT", "gone")]);
    found.tells("FAILURE", "account a", "does not have gone; name its present id in [[models]]");
}

#[test]
fn a_redis_that_forgets_is_told_apart_from_one_that_loses_leases() {
    let house = House::build();
    let forgetful = Redis::start(house.home.path(), &["--maxmemory-policy", "noeviction"]);
    let found = house.look(&["--role", "quota"], &[("TESSERA_QUOTA__STORE", &forgetful.url())]);
    found.tells("warning", "ledger", "set appendonly yes and appendfsync always");
    assert_eq!(found.status, Some(0));
    let password = format!("redis://:{CANARY}-wrong@127.0.0.1:{}", forgetful.port);
    let found = house.look(&["--role", "quota"], &[("TESSERA_QUOTA__STORE", &password)]);
    found.tells("FAILURE", "ledger", "takes this user and password");

    let losing =
        Redis::start(house.home.path(), &["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"]);
    let found = house.look(&["--role", "quota"], &[("TESSERA_QUOTA__STORE", &losing.url())]);
    found.tells("FAILURE", "ledger", "set maxmemory-policy noeviction");
    found.tells("warning", "ledger", "appendfsync everysec");
    assert_eq!(found.status, Some(1));
}

#[test]
fn a_role_looks_for_the_services_that_it_calls() {
    let house = House::build();
    let found = house.look(&["--role", "gateway"], &[("TESSERA_GATEWAY__QUOTA_URL", "http://127.0.0.1:9")]);
    found.tells("FAILURE", "quota", "correct gateway.quota_url");
    assert_eq!(found.status, Some(1));
    let mut quota = tessera(["quota", "--data-dir"]);
    quota.arg(house.home.path().join("data")).env("TESSERA_QUOTA__LISTEN", "127.0.0.1:0");
    let quota = crate::process::Server::start(quota);
    let found = house.look(&["--role", "generation"], &[("TESSERA_GENERATION__QUOTA_URL", quota.url())]);
    found.tells("ok", "quota", "serves at");
    let nobody = [("TESSERA_GENERATION__QUOTA_URL", quota.url()), ("TESSERA_ACCOUNTS", "[]")];
    let found = house.look(&["--role", "generation"], &nobody);
    found.tells(
        "warning",
        "accounts",
        "no picture can be drawn; write [[accounts]], or use `tessera accounts add`",
    );
}

/// Adds an account with this key to the Tessera of this data directory.
fn add(data: &Path, id: &str, key: &str) {
    let mut add =
        tessera(["accounts", "add", "--provider", "gemini", "--project", id, "--tier", "pro", "--id", id]);
    add.args(["--api-key-env", "KEY_ADDED", "--data-dir"]).arg(data).env("KEY_ADDED", key);
    crate::process::printed(add);
}

#[test]
fn accounts_that_were_added_while_tessera_runs_are_asked_too() {
    let house = House::build();
    let data = house.home.path().join("data");
    let mut up = tessera(["up", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--config"]);
    up.arg(&house.config).arg("--data-dir").arg(&data);
    up.envs([("KEY_A", "AIza-a"), ("KEY_WEBSITE", "tsr_a"), ("TESSERA_QUOTA__KEY_PEPPER", CANARY)]);
    let _up = crate::process::Server::start(up);
    add(&data, "good", "AIza-a");
    add(&data, "revoked", CANARY);
    add(&data, "resting", CANARY);
    let mut disable = tessera(["accounts", "disable", "resting", "--data-dir"]);
    disable.arg(&data);
    crate::process::printed(disable);

    let look = ["--data-dir", data.to_str().unwrap()];
    let found = house.look(&look, &[]);
    found.tells("ok", "account a", "opens the Gemini API");
    found.tells("ok", "account good", "opens the Gemini API");
    found.tells("FAILURE", "account revoked", "API key not valid");
    found.tells("ok", "account resting", "is disabled, and was not asked");
    assert_eq!(found.status, Some(1));

    fs::write(data.join("sealing-key"), "5".repeat(64)).unwrap();
    let found = house.look(&look, &[]);
    found.tells("FAILURE", "account good", "was sealed with another key");
    found.tells("FAILURE", "account good", "add the account anew");
}
