//! What is left in Redis.

use std::{collections::BTreeMap, sync::Arc};

use domain::{CallOutcome, Limits, ManualClock};
use quota::store::{Location, open};
use redis::aio::MultiplexedConnection;

use super::ledger;
use crate::{
    redis_server::{Server, shared},
    scene::{AMPLE, NOON, candidate, granted, ids, refused, seconds, settle, throttled},
};

async fn keys(connection: &mut MultiplexedConnection) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query_async(connection).await.unwrap()
}

#[tokio::test]
async fn everything_ends_by_itself_and_is_in_one_slot() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let store = ledger(&format!("{}?prefix=mine", server.url()).parse().unwrap()).await.unwrap();
    let both = [candidate("a", "p", AMPLE), candidate("b", "q", AMPLE)];
    let leases = granted(&*store, &ids("wish", 5), &both).await;
    settle(&*store, &leases[0], throttled(None, None)).await;
    settle(&*store, &leases[1], CallOutcome::Transient).await;
    store.release(&leases[2].id, leases[2].fence).await.unwrap();
    store.renew(&leases[3].id, leases[3].fence).await.unwrap();

    let mut connection = server.connection().await;
    let keys = keys(&mut connection).await;
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("{mine}:1"), "{key} is in another slot");
        let ttl: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await.unwrap();
        let longest = match key.split(':').nth(2) {
            Some("usage") => 30 * 24 * 3_600,
            Some("totals") => 400 * 24 * 3_600,
            _ => 48 * 3_600,
        };
        assert!((1..=longest).contains(&ttl), "{key} stays for {ttl} seconds");
    }
}

#[tokio::test]
async fn a_refusal_and_a_look_write_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let clock = Arc::new(ManualClock::at(NOON));
    let place = Location::Redis(server.place().with_handed_clock());
    let store = open(&place, clock.clone()).await.unwrap();
    let account = [candidate("a", "p", Limits::new(1, 9, 9, 9))];
    granted(&*store, &ids("first", 1), &account).await;
    let mut connection = server.connection().await;
    clock.advance(seconds(10));
    store.expire().await.unwrap();
    let before = contents(&mut connection).await;
    refused(&*store, &ids("second", 2), &account).await;
    store.standing(&account).await.unwrap();
    assert_eq!(contents(&mut connection).await, before);
}

/// Every key with its serialized value.
async fn contents(connection: &mut MultiplexedConnection) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for key in keys(connection).await {
        let value = redis::cmd("DUMP").arg(&key).query_async(connection).await.unwrap();
        contents.insert(key, value);
    }
    contents
}

#[tokio::test]
async fn ledgers_of_different_prefixes_share_nothing() {
    let (one, other) = (shared().place(), shared().place());
    let account = [candidate("a", "p", Limits::new(1, 1, 1, 1))];
    granted(&*ledger(&one).await.unwrap(), &ids("wish", 1), &account).await;
    granted(&*ledger(&other).await.unwrap(), &ids("wish", 1), &account).await;
}
