//! What every store must do, stated once and proved of each. A store that is added here has proved the same.

/// Makes one test of each behaviour for each store.
macro_rules! every_store {
    ($($behaviour:ident,)*) => {
        mod memory {
            use std::sync::Arc;

            use domain::ManualClock;
            use quota::store::{Location, open};

            use crate::scene::NOON;

            $(#[tokio::test]
            async fn $behaviour() {
                let clock = Arc::new(ManualClock::at(NOON));
                let store = open(&Location::Memory, clock.clone()).await.unwrap();
                super::$behaviour(&*store, &clock).await;
            })*
        }

        mod embedded {
            use std::sync::Arc;

            use domain::ManualClock;
            use quota::store::{Location, open};

            use crate::scene::NOON;

            $(#[tokio::test]
            async fn $behaviour() {
                let directory = tempfile::tempdir().unwrap();
                let location = Location::Embedded(directory.path().join("ledger.redb"));
                let clock = Arc::new(ManualClock::at(NOON));
                let store = open(&location, clock.clone()).await.unwrap();
                super::$behaviour(&*store, &clock).await;
            })*
        }

        mod redis {
            use std::sync::Arc;

            use domain::ManualClock;
            use quota::store::{Location, open};

            use crate::{redis_server, scene::NOON};

            $(#[tokio::test]
            async fn $behaviour() {
                let location = Location::Redis(redis_server::place());
                let clock = Arc::new(ManualClock::at(NOON));
                let store = open(&location, clock.clone()).await.unwrap();
                super::$behaviour(&*store, &clock).await;
            })*
        }
    };
}

mod admission;
mod clients;
mod cooldowns;
mod endings;
mod learned;
mod probation;
mod refusals;
mod usage;
mod windows;
