//! A server that dies, halts or refuses.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Fence, LeaseId, Limits, ManualClock};
use quota::store::{Acquisition, Location, RedisLocation, Store, open};
use tokio::sync::mpsc;

use super::ledger;
use crate::{
    redis_server::{Server, eventually},
    scene::{AMPLE, NOON, candidate, granted, id, ids, one, seconds, standing, wish},
};

const BOUNDLESS: Limits = Limits::new(1_000_000, 1_000_000, 1_000_000, 1_000_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_grants_survive_kill_9_of_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    let server = Server::start(directory.path(), &durable);
    let (place, port) = (server.place(), server.port);
    let store = ledger(&place).await.unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let callers: Vec<_> =
        (0..8).map(|caller| tokio::spawn(spend(Arc::clone(&store), caller, tell.clone()))).collect();
    drop(tell);
    let mut acknowledged: HashMap<LeaseId, Fence> = HashMap::new();
    while acknowledged.len() < 200 {
        acknowledged.extend(told.recv().await);
    }
    server.signal("KILL");
    while let Some(grant) = told.recv().await {
        acknowledged.extend([grant]);
    }
    for caller in callers {
        caller.await.unwrap();
    }
    drop(server);

    let _server = Server::try_start(port, directory.path(), &durable).expect("its port was taken meanwhile");
    let account = candidate("a", "p", BOUNDLESS);
    let back = async || store.standing(std::slice::from_ref(&account)).await.ok();
    let counted = eventually("the server's return", back).await.standings[0];
    for counted in [counted.in_minute, counted.in_day, counted.in_flight].map(|calls| calls as usize) {
        // Grants whose acknowledgement was still on its way may stand beside those told of.
        assert!((acknowledged.len()..=acknowledged.len() + 8).contains(&counted), "{counted} are counted");
    }
    for (id, fence) in &acknowledged {
        let again = granted(&*store, std::slice::from_ref(id), std::slice::from_ref(&account)).await;
        assert_eq!(again[0].fence, *fence);
    }
    assert!(one(&*store, "next", &account).await.fence > *acknowledged.values().max().unwrap());
}

/// Acquires until Redis is gone.
async fn spend(store: Arc<dyn Store>, caller: u32, tell: mpsc::UnboundedSender<(LeaseId, Fence)>) {
    let account = candidate("a", "p", BOUNDLESS);
    for call in 0.. {
        let ids = [id(format!("{caller}/{call}"))];
        match store.acquire(&wish(&ids, std::slice::from_ref(&account))).await {
            Ok(Acquisition::Granted { leases, .. }) => {
                tell.send((leases[0].id.clone(), leases[0].fence)).unwrap();
            }
            Ok(other) => panic!("expected a grant, got {other:?}"),
            Err(_) => return,
        }
    }
}

#[tokio::test]
async fn a_halted_server_fails_calls_in_time_and_grants_nothing_that_nobody_waits_for() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let store = ledger(&server.place()).await.unwrap();
    let account = candidate("a", "p", AMPLE);
    one(&*store, "before", &account).await;

    server.signal("STOP");
    let asked = Instant::now();
    let wishes = [id("1"), id("2"), id("3"), id("4")].map(|id| {
        let (store, account) = (Arc::clone(&store), account.clone());
        tokio::spawn(async move { store.acquire(&wish(&[id], &[account])).await })
    });
    for wish in wishes {
        let error = wish.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("Redis did not answer in time"), "{error}");
    }
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    eventually("a refusal at once", async || {
        let asked = Instant::now();
        store.acquire(&wish(&[id("5")], std::slice::from_ref(&account))).await.unwrap_err();
        (asked.elapsed() < Duration::from_millis(50)).then_some(())
    })
    .await;
    server.signal("CONT");

    // What was sent is read before what is sent now.
    let back = async || store.standing(std::slice::from_ref(&account)).await.ok();
    let after = eventually("the server's return", back).await.standings[0];
    assert_eq!((after.in_minute, after.in_day, after.in_flight), (1, 1, 1));
    one(&*store, "1", &account).await;
}

#[tokio::test]
async fn a_server_that_lost_everything_repeats_no_fence() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let clock = Arc::new(ManualClock::at(NOON));
    let place = Location::Redis(server.place().with_handed_clock());
    let store = open(&place, clock.clone()).await.unwrap();
    let account = candidate("a", "p", AMPLE);
    let before = granted(&*store, &ids("wish", 9), std::slice::from_ref(&account)).await;
    let mut connection = server.connection().await;
    let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    clock.advance(seconds(1));
    assert!(one(&*store, "first", &account).await.fence > before[8].fence);
}

#[tokio::test]
async fn a_server_that_takes_no_writes_refuses_grants_and_counts_none() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let store = ledger(&server.place()).await.unwrap();
    let account = candidate("a", "p", AMPLE);
    let mut connection = server.connection().await;
    let mut limit = async |bytes: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(bytes);
        let () = command.query_async(&mut connection).await.unwrap();
    };
    limit("1").await;
    assert!(store.acquire(&wish(&[id("first")], std::slice::from_ref(&account))).await.is_err());
    limit("0").await;
    assert_eq!(standing(&*store, &account).await.in_flight, 0);
    one(&*store, "first", &account).await;
}

#[tokio::test]
async fn a_password_opens_the_ledger_and_is_in_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let user =
        ["user", "tessera", "on", ">hunter2", "~{vault}:*", "&{vault}:*", "+@all", "-@dangerous", "+info"]
            .join(" ");
    let rules = directory.path().join("users.acl");
    std::fs::write(&rules, format!("user default off\n{user}\n")).unwrap();
    let server = Server::start(directory.path(), &["--save", "", "--aclfile", rules.to_str().unwrap()]);
    let place = |user: &str, prefix: &str| -> RedisLocation {
        let host = format!("127.0.0.1:{}", server.port);
        format!("redis://{user}@{host}?prefix={prefix}").parse().unwrap()
    };
    let store = ledger(&place("tessera:hunter2", "vault")).await.unwrap();
    one(&*store, "first", &candidate("a", "p", AMPLE)).await;
    for place in [place("tessera:hunter3", "vault"), place("tessera:hunter2", "elsewhere")] {
        let error = ledger(&place).await.err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    }
}
