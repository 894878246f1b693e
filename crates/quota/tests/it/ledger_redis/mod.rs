//! The ledger in Redis: what it shares, what it survives, and the arrangements that it runs in.

mod arrangements;
mod cluster;
mod encrypted;
mod faults;
mod keys;
mod losses;
mod orphans;
mod returns;
mod sharing;
mod waits;

use std::sync::Arc;

use domain::SystemClock;
use quota::store::{Location, RedisLocation, Store, StoreError, open};

/// A store as production opens it, told the time by its server; but it waits for nobody.
async fn ledger(place: &RedisLocation) -> Result<Arc<dyn Store>, StoreError> {
    open(&Location::Redis(place.clone().among_friends()), Arc::new(SystemClock)).await
}
