//! What the ledger was not yet told, over the death of the process.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::runtime::Runtime;

use crate::stage::{Stage, cats};

/// Tells the child process of the test where its outbox is.
const CHILD_OUTBOX: &str = "GENERATION_TEST_OUTBOX";

async fn stage(outbox: PathBuf) -> Stage {
    Stage::set_with("", &["a"], |settings| settings.outbox = Some(outbox)).await
}

#[test]
fn a_settlement_outlives_kill_9_and_is_said_once() {
    let home = tempfile::tempdir().unwrap();
    let outbox = home.path().join("data").join("outbox");
    let mut child = draw_elsewhere(&outbox);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("unheard")), "the child ended");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said_at_start(&outbox), ["settle req/0/0 delivered"]);
    assert!(said_at_start(&outbox).is_empty());
}

/// What the ledger is told by a service that starts with this outbox. Its runtime ends with it.
fn said_at_start(outbox: &Path) -> Vec<String> {
    Runtime::new().unwrap().block_on(async {
        let stage = stage(outbox.to_owned()).await;
        stage.drain().await;
        stage.ledger.log()
    })
}

/// Runs `draws_until_killed` of this very binary in a process of its own.
fn draw_elsewhere(outbox: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "outbox::draws_until_killed", "--ignored", "--nocapture"])
        .env(CHILD_OUTBOX, outbox)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "the child process of `a_settlement_outlives_kill_9_and_is_said_once`"]
async fn draws_until_killed() {
    let Some(outbox) = env::var_os(CHILD_OUTBOX) else { return };
    let stage = stage(outbox.into()).await;
    stage.ledger.fall_deaf();
    let _events = stage.begin(proto::v1::GenerateRequest::from(cats(1))).await.unwrap();
    assert_eq!(stage.ledger.log_of(2).await, ["grant req/0/0 a", "did not hear of req/0/0"]);
    println!("unheard");
    std::future::pending::<()>().await;
}
