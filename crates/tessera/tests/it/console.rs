//! The console in a real browser: see `tests/browser`, which says what it proves.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use domain::{UsageFilter, UsageRecord};
use proto::{
    transport,
    v1::{ListUsageRequest, usage_log_client::UsageLogClient},
};

use crate::{
    process::{Server, tessera},
    provider::Provider,
};

/// How long after the ledger noted a settle its bar may have moved, in milliseconds.
const AT_ONCE_MS: u64 = 100;

/// A Tessera as its first start leaves it.
struct First {
    server: Server,
    console: String,
    token: String,
    key: String,
}

impl First {
    fn start(data: &Path, log: &Path, configuration: Option<&Path>) -> Self {
        let mut command =
            tessera(["up", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--data-dir"]);
        command.arg(data).env("TESSERA_LOG", "debug").stderr(File::create(log).unwrap());
        if let Some(file) = configuration {
            command.arg("--config").arg(file).env("TESSERA_LOG", "warn");
        }
        let server = Server::start(command);
        let console = server.announced("The console is at ");
        let token = server.announced("shown only now: ");
        let key = server.announced("shown only now: ");
        Self { server, console, token, key }
    }

    /// Runs tests in the Python environment that drives a browser, and prints their output in one piece.
    fn try_in_a_browser(&self, tests: &[&str], data: &Path, log: &Path, frames: &Path) {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk/browser/bin/python");
        assert!(
            python.exists(),
            "the Python environment {} is missing: run `cargo xtask test`, which creates it",
            python.display()
        );
        let suite = Command::new(python)
            .args(["-B", "-m", "pytest", "--quiet", "--tb=short", "-rfEs", "-s", "-p", "no:cacheprovider"])
            .args(tests)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("TESSERA_BINARY", env!("CARGO_BIN_EXE_tessera"))
            .env("CONSOLE_URL", self.server.url())
            .env("CONSOLE_CONSOLE", &self.console)
            .env("CONSOLE_TOKEN", &self.token)
            .env("CONSOLE_KEY", &self.key)
            .envs([("CONSOLE_DATA", data), ("CONSOLE_LOG", log), ("CONSOLE_FRAMES", frames)])
            .stderr(Stdio::inherit())
            .output()
            .expect("the Python of the environment starts");
        let mut terminal = std::io::stdout().lock();
        writeln!(terminal, "\nthe console in a browser:").unwrap();
        terminal.write_all(&suite.stdout).unwrap();
        assert!(suite.status.success(), "the suite of the console ended with {}", suite.status);
    }
}

#[test]
fn operators_see_live_what_happens_and_change_it_in_a_real_browser() {
    let home = tempfile::tempdir().unwrap();
    let [data, log, frames] = ["data", "log", "frames"].map(|name| home.path().join(name));
    let first = First::start(&data, &log, None);
    first.try_in_a_browser(&["tests/browser", "--ignore=tests/browser/many"], &data, &log, &frames);
    let mut delays = delays(&fs::read_to_string(frames).unwrap(), &records(&data));
    let mut terminal = std::io::stdout().lock();
    writeln!(terminal, "from the settle to the frame that shows it: {delays:?} ms").unwrap();
    delays.sort_unstable();
    assert!(delays[delays.len() / 2] <= AT_ONCE_MS, "bars move late: {delays:?} ms");
    assert_eq!(first.server.terminate().code(), Some(0));
}

#[test]
fn a_page_with_200_accounts_costs_little_in_a_real_browser() {
    let home = tempfile::tempdir().unwrap();
    let [data, log, file] = ["data", "log", "tessera.toml"].map(|name| home.path().join(name));
    let provider = Provider::start(home.path(), "latency.default = '300ms'\npicture.bytes = 4096");
    let account = |number: u32| {
        let (project, tier) = (number / 2, ["free", "pro", "ultra"][number as usize / 2 % 3]);
        format!(
            "[[accounts]]\nid = 'account-{number:03}'\nprovider = 'gemini'\nproject = 'project-{project:03}'\n\
             tier = '{tier}'\napi_key = 'AIza-{number}'\nlimits = {{ requests_per_minute = 300, images_per_minute = 300, \
             requests_per_day = 9000, concurrent = 20 }}\n"
        )
    };
    let accounts: String = (0..200).map(account).collect();
    fs::write(&file, format!("[generation.gemini]\nbase_url = '{}'\n{accounts}", provider.url())).unwrap();
    let first = First::start(&data, &log, Some(&file));
    first.try_in_a_browser(&["tests/browser/many"], &data, &log, &data);
}

/// From each settle that the ledger noted to the frame that showed it, in milliseconds. Of a picture it is told when it
/// was asked for and when that frame was.
fn delays(frames: &str, records: &[UsageRecord]) -> Vec<u64> {
    let frames: Vec<(u64, u64)> = serde_json::from_str(frames).unwrap();
    let delay = |(asked, shown): (u64, u64)| {
        let settled = records.iter().map(|record| record.at.as_millis()).filter(|at| *at >= asked).min();
        shown.saturating_sub(settled.expect("the ledger noted it"))
    };
    frames.into_iter().map(delay).collect()
}

/// What the ledger noted of every call.
fn records(data: &Path) -> Vec<UsageRecord> {
    let socket = format!("unix:{}", data.join("tessera.sock").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut ledger = UsageLogClient::new(transport::connect(&socket).unwrap());
        let filter = Some(UsageFilter::default().into());
        let mut told = ledger.list(ListUsageRequest { filter, limit: 0 }).await.unwrap().into_inner();
        let mut records = Vec::new();
        while let Some(record) = told.message().await.unwrap() {
            records.push(record.try_into().unwrap());
        }
        records
    })
}

#[test]
fn a_gateway_opens_no_console_without_saying_what_opens_it() {
    let mut gateway = tessera(["gateway"]);
    gateway.env("TESSERA_GATEWAY__CONSOLE_LISTEN", "127.0.0.1:0");
    let refused = gateway.output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{message}");
    assert!(message.contains("set console_token_file"), "{message}");

    gateway.env("TESSERA_GATEWAY__CONSOLE_TOKEN", "too-short-by-far");
    let message = String::from_utf8(gateway.output().unwrap().stderr).unwrap();
    assert!(
        message.contains("needs 20 characters or more") && !message.contains("too-short-by-far"),
        "{message}"
    );
}

#[test]
fn the_token_is_shown_at_the_first_start_alone_and_kept_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let log = home.path().join("log");
    let first = First::start(&data, &log, None);
    for file in
        fs::read_dir(&data).unwrap().map(Result::unwrap).filter(|file| file.file_type().unwrap().is_file())
    {
        let kept = fs::read(file.path()).unwrap();
        assert!(!kept.windows(first.token.len()).any(|bytes| bytes == first.token.as_bytes()), "{file:?}");
    }
    assert_eq!(first.server.terminate().code(), Some(0));
    let mut again = tessera(["up", "--listen", "127.0.0.1:0", "--data-dir"]);
    again.arg(&data).stderr(File::create(&log).unwrap());
    let told = Server::start(again).lines_until("client key").join("\n");
    assert!(told.contains("its token was shown at the first start") && !told.contains("tso_"), "{told}");
}
