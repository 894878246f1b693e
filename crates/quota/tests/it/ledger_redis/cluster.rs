//! Redis as a cluster.

use std::path::Path;

use domain::{CallOutcome, Limits, lease::Closing};
use quota::store::Store;

use super::{arrangements::tell, ledger};
use crate::{
    redis_server::{Server, eventually, free_port},
    scene::{candidate, granted, id, ids, one, refused, settle, standing, wish},
};

const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];

/// Three primaries, which share the slots, and perhaps a replica of each after them.
struct Cluster(Vec<Server>);

impl Cluster {
    async fn start(home: &Path, nodes: usize) -> Self {
        let nodes: Vec<_> = (0..nodes).map(|node| cluster_node(&home.join(node.to_string()))).collect();
        for ((node, _), slots) in nodes.iter().zip(SLOTS) {
            let () = tell(node, &format!("CLUSTER ADDSLOTSRANGE {slots}")).await;
        }
        for (node, bus) in &nodes[1..] {
            let () = tell(&nodes[0].0, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port)).await;
        }
        let cluster = Self(nodes.into_iter().map(|(node, _)| node).collect());
        cluster.agrees().await;
        let (primaries, replicas) = cluster.0.split_at(SLOTS.len());
        for (primary, replica) in primaries.iter().zip(replicas) {
            let name: String = tell(primary, "CLUSTER MYID").await;
            let () = tell(replica, &format!("CLUSTER REPLICATE {name}")).await;
            eventually("replication", async || {
                let info: String = tell(replica, "INFO replication").await;
                info.contains("master_link_status:up").then_some(())
            })
            .await;
        }
        cluster
    }

    /// Waits until each node knows all others.
    async fn agrees(&self) {
        let known = format!("cluster_known_nodes:{}", self.0.len());
        for node in &self.0 {
            eventually("the cluster's agreement", async || {
                let info: String = tell(node, "CLUSTER INFO").await;
                (info.contains("cluster_state:ok") && info.contains(&known)).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_cluster_of_three_keeps_ledgers_wherever_their_slots_are() {
    let home = tempfile::tempdir().unwrap();
    let Cluster(nodes) = Cluster::start(home.path(), 3).await;
    // The slots of these prefixes are on three different nodes.
    for prefix in ["a", "b", "c"] {
        let by = async |node: &Server| {
            let place = format!("redis+cluster://127.0.0.1:{}?prefix={prefix}", node.port);
            ledger(&place.parse().unwrap()).await.unwrap()
        };
        let (store, other) = (by(&nodes[0]).await, by(&nodes[1]).await);
        let mut changes = other.changes();
        works(&*store).await;
        assert!(changes.recv().await.is_ok(), "nothing was told of through another node");
    }
    for node in &nodes {
        assert!(tell::<u32>(node, "DBSIZE").await > 0, "no ledger is on the node at {}", node.port);
    }
}

#[tokio::test]
async fn in_a_cluster_the_ledger_goes_on_with_the_replica_of_a_primary_that_died() {
    let home = tempfile::tempdir().unwrap();
    let Cluster(nodes) = Cluster::start(home.path(), 6).await;
    let [first, second, third] = [0, 1, 2].map(|node| format!("127.0.0.1:{}", nodes[node].port));
    let place = format!("redis+cluster://{first},{second},{third}?prefix=a").parse().unwrap();
    let (store, other) = (ledger(&place).await.unwrap(), ledger(&place).await.unwrap());
    let account = candidate("a", "p", Limits::new(3, 9, 9, 9));
    let leases = [one(&*store, "first", &account).await, one(&*other, "second", &account).await];

    let mut keeper = None;
    for (primary, replica) in nodes.iter().zip(&nodes[SLOTS.len()..]) {
        let keys: u32 = tell(primary, "DBSIZE").await;
        if keys > 0 {
            eventually("the replica's acknowledgement", async || {
                (tell::<u32>(replica, "DBSIZE").await == keys).then_some(())
            })
            .await;
            keeper = Some(primary);
        }
    }
    keeper.expect("a primary has the ledger").signal("KILL");
    eventually("the promotion of the replica", async || {
        // Services answer in turn for what they remember.
        let _heard = other.expire().await;
        store.acquire(&wish(&[id("first")], std::slice::from_ref(&account))).await.ok()
    })
    .await;
    assert_eq!(one(&*store, "first", &account).await.fence, leases[0].fence);
    assert_eq!(one(&*other, "second", &account).await.fence, leases[1].fence);
    assert_eq!(standing(&*store, &account).await.in_minute, 2);
    one(&*other, "third", &account).await;
    refused(&*store, &[id("fourth")], &[account]).await;
}

/// A node, and the port at which it meets others. It is taken for dead after a second.
fn cluster_node(home: &Path) -> (Server, u16) {
    std::fs::create_dir(home).unwrap();
    let bus = free_port();
    let arguments = ["--save", "", "--cluster-enabled", "yes", "--cluster-port", &bus.to_string()];
    let patience = ["--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"];
    (Server::start(home, &[&arguments[..], &patience].concat()), bus)
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
