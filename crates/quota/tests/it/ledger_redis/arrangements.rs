//! Redis as a cluster, and behind sentinels.

use std::{path::Path, sync::Arc};

use domain::{CallOutcome, Limits, lease::Closing};
use quota::store::{Acquisition, Store};
use redis::{Cmd, FromRedisValue};
use tempfile::TempDir;

use super::ledger;
use crate::{
    redis_server::{Server, eventually, free_port},
    scene::{candidate, granted, id, ids, one, refused, settle, standing, wish},
};

#[tokio::test]
async fn a_cluster_of_three_keeps_ledgers_wherever_their_slots_are() {
    let home = tempfile::tempdir().unwrap();
    let nodes = ["0", "1", "2"].map(|name| cluster_node(&home.path().join(name)));
    for ((node, _), slots) in nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
        let () = tell(node, &format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
    }
    for (node, bus) in &nodes[1..] {
        let () = tell(&nodes[0].0, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port)).await;
    }
    for (node, _) in &nodes {
        eventually("the cluster's agreement", async || {
            let info: String = tell(node, "CLUSTER INFO").await;
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    // The slots of these prefixes are on three different nodes.
    for prefix in ["a", "b", "c"] {
        let by = async |node: &Server| {
            let place = format!("redis+cluster://127.0.0.1:{}?prefix={prefix}", node.port);
            ledger(&place.parse().unwrap()).await.unwrap()
        };
        let (store, other) = (by(&nodes[0].0).await, by(&nodes[1].0).await);
        let mut changes = other.changes();
        works(&*store).await;
        assert!(changes.recv().await.is_ok(), "nothing was told of through another node");
    }
    for (node, _) in &nodes {
        assert!(tell::<u32>(node, "DBSIZE").await > 0, "no ledger is on the node at {}", node.port);
    }
}

/// A node, and the port at which it meets others.
fn cluster_node(home: &Path) -> (Server, u16) {
    std::fs::create_dir(home).unwrap();
    let bus = free_port();
    let arguments = ["--save", "", "--cluster-enabled", "yes", "--cluster-port", &bus.to_string()];
    (Server::start(home, &arguments), bus)
}

/// A primary, its replica, and two sentinels that watch them.
struct Watched {
    primary: Server,
    replica: Server,
    sentinels: [Server; 2],
    _home: TempDir,
}

impl Watched {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let primary = Server::passing(home.path());
        let port = primary.port.to_string();
        let follow = ["--save", "", "--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"];
        let replica = Server::start(home.path(), &follow);
        eventually("replication", async || {
            let info: String = tell(&replica, "INFO replication").await;
            info.contains("master_link_status:up").then_some(())
        })
        .await;
        let sentinels = ["first", "second"].map(|name| sentinel(&home.path().join(name), &primary));
        for sentinel in &sentinels {
            eventually("the sentinels' acquaintance", async || {
                let info: String = tell(sentinel, "INFO sentinel").await;
                info.contains("slaves=1,sentinels=2").then_some(())
            })
            .await;
        }
        Self { primary, replica, sentinels, _home: home }
    }

    async fn ledger(&self) -> Arc<dyn Store> {
        let [first, second] =
            self.sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port));
        ledger(&format!("redis+sentinel://{first},{second}/ledger").parse().unwrap()).await.unwrap()
    }

    /// Waits until the replica has all that the primary has.
    async fn is_level(&self) {
        eventually("the replica's acknowledgement", async || {
            let keys: (u32, u32) = (tell(&self.primary, "DBSIZE").await, tell(&self.replica, "DBSIZE").await);
            (keys.0 == keys.1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn behind_sentinels_the_ledger_goes_on_with_the_promoted_replica() {
    let watched = Watched::new().await;
    let store = watched.ledger().await;
    let account = candidate("a", "p", Limits::new(2, 9, 9, 9));
    let lease = one(&*store, "first", &account).await;
    watched.is_level().await;

    watched.primary.signal("KILL");
    eventually("the promotion of the replica", async || {
        store.acquire(&wish(&[id("first")], std::slice::from_ref(&account))).await.ok()
    })
    .await;
    assert_eq!(one(&*store, "first", &account).await.fence, lease.fence);
    assert_eq!(standing(&*store, &account).await.in_minute, 1);
    one(&*store, "second", &account).await;
    refused(&*store, &[id("third")], &[account]).await;
}

#[tokio::test]
async fn a_replica_that_lagged_behind_is_told_what_it_lacks() {
    let watched = Watched::new().await;
    let (store, other) = (watched.ledger().await, watched.ledger().await);
    let account = candidate("a", "p", Limits::new(4, 9, 9, 9));
    one(&*store, "first", &account).await;
    watched.is_level().await;
    watched.replica.signal("STOP");
    let () = tell(&watched.primary, "CLIENT KILL TYPE replica").await;
    let lost = [one(&*store, "second", &account).await, one(&*other, "third", &account).await];

    watched.primary.signal("KILL");
    watched.replica.signal("CONT");
    let again = eventually("the promotion of the replica", async || {
        let _answers_in_turn = other.expire().await;
        match store.acquire(&wish(&[id("second")], std::slice::from_ref(&account))).await {
            Ok(Acquisition::Granted { leases, .. }) => Some(leases),
            _ => None,
        }
    })
    .await;
    assert_eq!(again[0].fence, lost[0].fence);
    assert_eq!(one(&*store, "third", &account).await.fence, lost[1].fence);
    one(&*other, "fourth", &account).await;
    refused(&*store, &[id("fifth")], &[account]).await;
}

/// A sentinel that takes the primary for dead after half a second, if another does too.
fn sentinel(home: &Path, primary: &Server) -> Server {
    std::fs::create_dir(home).unwrap();
    let rules = format!(
        "sentinel monitor ledger 127.0.0.1 {} 2\nsentinel down-after-milliseconds ledger 500\n\
         sentinel failover-timeout ledger 4000\n",
        primary.port
    );
    Server::sentinel(home, &rules)
}

/// A few of everything, whatever the arrangement.
async fn works(store: &dyn Store) {
    let both = [candidate("a", "p", Limits::new(9, 9, 9, 2)), candidate("b", "q", Limits::new(9, 9, 9, 1))];
    let leases = granted(store, &ids("wish", 3), &both).await;
    assert_eq!(granted(store, &ids("wish", 3), &both).await, leases);
    refused(store, &ids("more", 1), &both).await;
    assert_eq!(settle(store, &leases[0], CallOutcome::CredentialRejected).await, Closing::Closed);
    assert_eq!(store.release(&leases[1].id, leases[1].fence).await, Ok(Closing::Closed));
    assert_eq!(one(store, "again", &both[1]).await.account, both[1].account);
    assert!(standing(store, &both[0]).await.cooling.is_some());
    assert_eq!(store.expire().await, Ok(vec![]));
}

/// Sends a server a command of these words.
async fn tell<T: FromRedisValue>(server: &Server, words: &str) -> T {
    let mut command = Cmd::new();
    command.arg(words.split(' ').collect::<Vec<_>>());
    command.query_async(&mut server.connection().await).await.unwrap()
}
