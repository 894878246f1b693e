//! `tessera health`, with which an image that has no shell is probed.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use crate::process::{Server, tessera};

fn health(arguments: &[&str]) -> (Option<i32>, String) {
    told(tessera([&["health"], arguments].concat()))
}

/// Its exit status and the one line that it says.
fn told(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let line = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    (status.code(), line.trim().to_owned())
}

#[test]
fn a_probe_tells_by_its_exit_status_whether_a_process_lives_and_whether_it_serves() {
    let mut gateway = tessera(["gateway"]);
    gateway
        .env("TESSERA_GATEWAY__LISTEN", "127.0.0.1:0")
        .env("TESSERA_GATEWAY__QUOTA_URL", "http://127.0.0.1:9")
        .env("TESSERA_OPERATIONS__LISTEN", "127.0.0.1:0");
    let gateway = Server::start(gateway);
    let url = gateway.announced("metrics and health are at ");

    assert_eq!(health(&["--live", &url]), (Some(0), "ok".to_owned()));
    let (status, line) = health(&[&url]);
    assert_eq!(status, Some(1));
    assert!(line.contains("/readyz answers 503: "), "{line}");

    let mut configured = tessera(["health", "--live"]);
    configured.env("TESSERA_OPERATIONS__LISTEN", url.strip_prefix("http://").unwrap());
    assert_eq!(told(configured), (Some(0), "ok".to_owned()));
    drop(gateway);
    let (status, line) = health(&["--live", &url]);
    assert_eq!(status, Some(1));
    assert!(line.contains("does not answer"), "{line}");
    let (status, line) = health(&[]);
    assert_eq!(status, Some(64));
    assert!(line.contains("operations.listen is not set"), "{line}");
}

#[test]
fn a_probe_asks_a_grpc_port_too() {
    let home = tempfile::tempdir().unwrap();
    let mut quota = tessera(["quota", "--data-dir"]);
    quota.arg(home.path()).env("TESSERA_QUOTA__LISTEN", "127.0.0.1:0");
    let quota = Server::start(quota);
    let url = quota.url().to_owned();
    let began = Instant::now();
    while health(&["--grpc", &url]) != (Some(0), "ready".to_owned()) {
        assert!(began.elapsed() < Duration::from_secs(20), "it never was ready");
    }
    drop(quota);
    let (status, line) = health(&["--grpc", &url]);
    assert_eq!(status, Some(1));
    assert!(line.contains("does not answer: ") && line.contains("cannot be reached"), "{line}");
}
