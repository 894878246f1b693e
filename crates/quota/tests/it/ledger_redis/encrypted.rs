//! Redis over TLS, and a user of it that may do no more than the ledger needs.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use domain::CallOutcome;
use quota::store::RedisLocation;

use super::ledger;
use crate::{
    redis_server::{Server, free_port},
    scene::{AMPLE, candidate, granted, ids, settle, standing},
};

/// What operators are told to put into the configuration of Redis.
fn advised_user() -> String {
    let manual = include_str!("../../../../../deploy/tessera.toml");
    let user = manual.lines().find_map(|line| line.strip_prefix("#   user tessera "));
    format!(
        "user tessera {}",
        user.expect("the manual says what the user needs").replace("PASSWORD", "hunter2")
    )
}

/// Where the child process finds the ledger.
const CHILD_PLACE: &str = "TESSERA_TEST_REDIS";

#[test]
fn over_tls_a_user_with_no_more_rights_than_advised_keeps_a_ledger() {
    let home = tempfile::tempdir().unwrap();
    let [authority, certificate, key] = certificates(home.path());
    let users = home.path().join("users.acl");
    fs::write(&users, format!("user default off\n{}\n", advised_user())).unwrap();
    let port = free_port();
    let encrypted = [
        ["--tls-port", &port.to_string()],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-ca-cert-file", &authority],
        ["--tls-auth-clients", "no"],
        ["--aclfile", users.to_str().unwrap()],
        ["--save", ""],
    ];
    let _server = Server::start(home.path(), encrypted.as_flattened());
    let place = format!("rediss://tessera:hunter2@localhost:{port}");
    assert!(works_elsewhere(&place, &authority), "a server whose authority is known was not spoken to");
    let stranger = home.path().join("stranger");
    fs::create_dir(&stranger).unwrap();
    let [stranger, ..] = certificates(&stranger);
    assert!(!works_elsewhere(&place, &stranger), "a server whose authority is not known was spoken to");
}

/// Runs `works_where_told` in a process of its own, since the authorities to trust are read from its environment.
fn works_elsewhere(place: &str, authority: &str) -> bool {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "ledger_redis::encrypted::works_where_told", "--ignored"])
        .env(CHILD_PLACE, place)
        .env("SSL_CERT_FILE", authority)
        .env_remove("SSL_CERT_DIR")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    child.unwrap().success()
}

#[tokio::test]
#[ignore = "the child process of `over_tls_a_user_with_no_more_rights_than_advised_keeps_a_ledger`"]
async fn works_where_told() {
    let Ok(place) = env::var(CHILD_PLACE) else { return };
    let place: RedisLocation = place.parse().unwrap();
    let (store, other) = (ledger(&place).await.unwrap(), ledger(&place).await.unwrap());
    let mut changes = other.changes();
    let account = candidate("a", "p", AMPLE);
    let leases = granted(&*store, &ids("wish", 3), std::slice::from_ref(&account)).await;
    changes.recv().await.unwrap();
    settle(&*store, &leases[0], CallOutcome::CredentialRejected).await;
    store.renew(&leases[1].id, leases[1].fence).await.unwrap();
    store.release(&leases[2].id, leases[2].fence).await.unwrap();
    store.expire().await.unwrap();
    assert_eq!(standing(&*store, &account).await.in_flight, 1);
}

/// An authority's certificate, and one for `localhost` that it signed, with its key.
fn certificates(home: &Path) -> [String; 3] {
    let file = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let [ca, ca_key, request, crt, key, names] =
        ["ca.crt", "ca.key", "request", "server.crt", "server.key", "names"].map(file);
    fs::write(&names, "subjectAltName=DNS:localhost\n").unwrap();
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
        &[&["req", "-x509"][..], &curve, &["-keyout", &ca_key, "-out", &ca, "-subj", "/CN=tests"]].concat(),
    );
    openssl(&[&["req"][..], &curve, &["-keyout", &key, "-out", &request, "-subj", "/CN=localhost"]].concat());
    let sign = ["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
    openssl(&[&sign[..], &["-extfile", &names, "-out", &crt]].concat());
    [ca, crt, key]
}

fn openssl(arguments: &[&str]) {
    let made = Command::new("openssl").args(arguments).stderr(Stdio::null()).status();
    let made = made.expect("openssl is not installed: `cargo xtask test` installs what tests need");
    assert!(made.success(), "openssl {}", arguments.join(" "));
}
