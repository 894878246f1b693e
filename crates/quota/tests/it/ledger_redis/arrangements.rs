//! Redis behind sentinels.

use std::{path::Path, sync::Arc};

use domain::Limits;
use quota::store::{Acquisition, Store};
use redis::{Cmd, FromRedisValue};
use tempfile::TempDir;

use super::ledger;
use crate::{
    redis_server::{Server, eventually},
    scene::{candidate, id, one, refused, standing, wish},
};

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

/// Sends a server a command of these words.
pub(super) async fn tell<T: FromRedisValue>(server: &Server, words: &str) -> T {
    let mut command = Cmd::new();
    command.arg(words.split(' ').collect::<Vec<_>>());
    command.query_async(&mut server.connection().await).await.unwrap()
}
