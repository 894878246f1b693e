//! The ledger in a file: what it survives and what it refuses.

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use domain::{
    CallOutcome, LeaseId, ManualClock,
    lease::{Closing, term},
};
use quota::store::{Acquisition, Location, Store, StoreError, Wish, open};

use crate::scene::{
    AMPLE, NOON, ask, candidate, granted, id, ids, one, refused, seconds, settle, standing, throttled, wish,
};

/// Tells the child process of a test where its ledger is.
const CHILD_LEDGER: &str = "QUOTA_TEST_LEDGER";

async fn ledger(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(&Location::Embedded(path.to_owned()), Arc::new(ManualClock::at(NOON))).await
}

#[tokio::test]
async fn acknowledged_grants_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data").join("ledger.redb");
    let mut child = spend_elsewhere(&path);
    let output = child.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines().map(Result::unwrap);
    let mut acknowledged = HashMap::new();
    let mut note = |line: String| {
        // The test runner's own words may stand before the first.
        let grant = line.split_once("granted ").and_then(|(_, grant)| grant.split_once(' '));
        if let Some((id, fence)) = grant {
            acknowledged.insert(LeaseId::new(id).unwrap(), fence.parse::<u64>().unwrap());
        }
    };
    lines.by_ref().take(2_000).for_each(&mut note);
    assert_eq!(ledger(&path).await.err(), Some(StoreError::InUse { path: path.clone() }));
    child.kill().unwrap();
    child.wait().unwrap();
    lines.for_each(note);

    assert!(acknowledged.len() > 1_500, "the child got {} grants", acknowledged.len());
    let store = ledger(&path).await.unwrap();
    let account = candidate("a", "p", AMPLE_FOR_THE_CHILD);
    let standing = standing(&*store, &account).await;
    let counted = [standing.in_minute, standing.in_day, standing.in_flight].map(|calls| calls as usize);
    // Grants whose acknowledgement was still on its way when the child died may stand beside those told of.
    assert!(counted.iter().all(|calls| (acknowledged.len()..=acknowledged.len() + 8).contains(calls)));
    for (id, fence) in &acknowledged {
        let lease = granted(&*store, std::slice::from_ref(id), std::slice::from_ref(&account)).await;
        assert_eq!(lease[0].fence.0, *fence);
    }
    let newest = acknowledged.values().max().unwrap();
    assert!(one(&*store, "next", &account).await.fence.0 > *newest);
}

const AMPLE_FOR_THE_CHILD: domain::Limits = domain::Limits::new(1_000_000, 1_000_000, 1_000_000, 1_000_000);

/// Runs `spends_until_killed` of this very binary in a process of its own.
fn spend_elsewhere(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "ledger_file::spends_until_killed", "--ignored", "--nocapture"])
        .env(CHILD_LEDGER, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "the child process of `acknowledged_grants_survive_kill_9`"]
async fn spends_until_killed() {
    let Some(path) = env::var_os(CHILD_LEDGER) else { return };
    let store = ledger(Path::new(&path)).await.unwrap();
    let callers = (0..8).map(|caller| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let account = candidate("a", "p", AMPLE_FOR_THE_CHILD);
            for call in 0.. {
                let lease = one(&*store, format!("{caller}/{call}"), &account).await;
                println!("granted {} {}", lease.id, lease.fence.0);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn nothing_that_counts_is_forgotten_by_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let accounts = ["a", "b", "c"].map(|name| candidate(name, name, AMPLE));
    let store = ledger(&path).await.unwrap();
    let leases = granted(&*store, &ids("wish", 6), &accounts).await;
    settle(&*store, &leases[0], CallOutcome::Transient).await;
    settle(&*store, &leases[1], CallOutcome::CredentialRejected).await;
    store.release(&leases[2].id, leases[2].fence).await.unwrap();
    settle(&*store, &leases[3], throttled(None, None)).await;
    settle(&*store, &leases[4], CallOutcome::Forbidden).await;
    let before = store.standing(&accounts).await.unwrap();
    drop(store);

    let store = ledger(&path).await.unwrap();
    assert_eq!(store.standing(&accounts).await.unwrap(), before);
    assert_eq!(settle(&*store, &leases[0], CallOutcome::Transient).await, Closing::Duplicate);
    assert_eq!(settle(&*store, &leases[3], throttled(None, None)).await, Closing::Duplicate);
    assert_eq!(store.release(&leases[2].id, leases[2].fence).await, Ok(Closing::Duplicate));
    refused(&*store, &[id("next")], &accounts[1..2]).await;
    assert!(one(&*store, "next", &accounts[2]).await.fence > leases[5].fence);
}

#[tokio::test]
async fn a_clock_that_is_behind_the_file_reopens_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let account = candidate("a", "p", domain::Limits::new(1, 9, 9, 9));
    one(&*ledger(&path).await.unwrap(), "first", &account).await;
    let clock = Arc::new(ManualClock::at(NOON - seconds(3_600)));
    let store = open(&Location::Embedded(path), clock).await.unwrap();
    assert!(matches!(ask(&*store, &[id("second")], &[account]).await, Acquisition::Limited { .. }));
}

#[tokio::test]
async fn a_file_that_was_lost_grants_nothing_until_what_it_granted_has_left_the_windows() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("ledger.redb"), directory.path().join("copy.redb"));
    let account = candidate("a", "p", domain::Limits::new(2, 9, 9, 9));
    let first = one(&*ledger(&path).await.unwrap(), "first", &account).await;
    std::fs::copy(&path, &copy).unwrap();
    let second = one(&*ledger(&path).await.unwrap(), "second", &account).await;

    for file in [&directory.path().join("nothing.redb"), &copy] {
        let clock = Arc::new(ManualClock::at(NOON + seconds(1)));
        let store = open(&Location::Embedded(file.clone()), clock.clone()).await.unwrap();
        let known_fence = Some(second.fence);
        let told = Wish { known_fence, ..wish(&ids("told", 1), std::slice::from_ref(&account)) };
        let learning = Err(StoreError::Learning { retry_after: term::WINDOW });
        assert_eq!(store.acquire(&told).await, learning, "{}", file.display());
        let untold = wish(&ids("untold", 1), std::slice::from_ref(&account));
        assert_eq!(store.acquire(&untold).await, learning, "{}", file.display());
        clock.advance(term::WINDOW);
        let answer = store.acquire(&told).await;
        assert!(matches!(answer, Ok(Acquisition::Granted { .. })), "{answer:?}");
    }
    let whole = ledger(&path).await.unwrap();
    for known in [first.fence, second.fence] {
        let told = Wish { known_fence: Some(known), ..wish(&ids("more", 1), std::slice::from_ref(&account)) };
        assert!(matches!(whole.acquire(&told).await, Ok(Acquisition::Limited { .. })));
    }
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "milk, eggs, bread\n".repeat(1_000);
    std::fs::write(&path, &text).unwrap();
    let error = ledger(&path).await.err().unwrap();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
