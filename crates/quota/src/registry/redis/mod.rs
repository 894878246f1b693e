//! The registry in Redis, which any number of services share.
//!
//! Each service holds the latest document that it saw. It hears of changes as they are made, and looks for itself
//! twice a second, whether or not it heard anything. Where Redis comes back with an older document than one that is
//! known here, that one is put back: nothing that was revoked or removed comes to life again.

mod document;

use std::{sync::Arc, time::Duration};

use ::redis::aio::PubSub;
use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::{
    sync::{Mutex, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use self::document::{Document, Place};
use super::{Change, Contents, Registry, RegistryError};
use crate::store::redis::{RedisLocation, subscribe};

/// How often a service looks for itself.
const LOOK: Duration = Duration::from_millis(500);

/// How often it tries anew to put back what Redis lost, while others do the same.
const ATTEMPTS: usize = 4;

/// A document in Redis.
pub(super) struct RedisRegistry {
    location: RedisLocation,
    place: Place,
    /// The latest document; held while another is looked for or written, so that none is taken for newer than it is.
    known: Mutex<Document>,
    contents: watch::Sender<Arc<Contents>>,
}

impl RedisRegistry {
    /// Reads the registry at this location; where there is none, one begins with the first change.
    pub(super) async fn open(location: &RedisLocation) -> Result<Self, RegistryError> {
        let place = Place::open(location).await?;
        let known = place.read().await?;
        let contents = watch::Sender::new(Arc::new(known.contents.clone()));
        Ok(Self { location: location.clone(), place, known: Mutex::new(known), contents })
    }

    fn learn(&self, known: &mut Document, latest: Document) -> Arc<Contents> {
        *known = latest;
        let contents = Arc::new(known.contents.clone());
        self.contents.send_replace(Arc::clone(&contents));
        contents
    }

    /// Learns of the document that is there, or puts back the one that is known where that is newer.
    async fn catch_up(&self, known: &mut Document) -> Result<(), RegistryError> {
        for _ in 0..ATTEMPTS {
            let found = self.place.head().await?;
            if found.digest == known.digest {
                return Ok(());
            }
            if found.revision >= known.contents.revision {
                let latest = self.place.read().await?;
                if latest.contents.revision >= known.contents.revision {
                    self.learn(known, latest);
                }
            } else if self.place.replace(&found.digest, known).await? {
                let (lost, revision) = (found.revision, known.contents.revision);
                tracing::warn!(lost, revision, "Redis had an older registry; the latest was put back");
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks again and again, and whenever something is heard, until something fails.
    async fn keep_up(&self, heard: PubSub, was_lost: &mut bool) -> Result<(), RegistryError> {
        let (_voice, mut messages) = heard.split();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                message = messages.next() => {
                    message.ok_or_else(|| RegistryError::failed("be listened to", &"the connection ended"))?;
                }
            }
            self.refresh().await?;
            if std::mem::take(was_lost) {
                tracing::info!("the registry is followed again");
            }
        }
    }
}

#[async_trait]
impl Registry for RedisRegistry {
    fn contents(&self) -> watch::Receiver<Arc<Contents>> {
        self.contents.subscribe()
    }

    async fn change(&self, revision: u64, change: Change) -> Result<Arc<Contents>, RegistryError> {
        let mut known = self.known.lock().await;
        if known.contents.revision != revision {
            return Err(RegistryError::Outdated(known.contents.revision));
        }
        let next = Document::of(known.contents.after(change));
        if self.place.replace(&known.digest, &next).await? {
            return Ok(self.learn(&mut known, next));
        }
        self.catch_up(&mut known).await?;
        Err(RegistryError::Outdated(known.contents.revision))
    }

    async fn refresh(&self) -> Result<(), RegistryError> {
        let mut known = self.known.lock().await;
        self.catch_up(&mut known).await
    }

    async fn follow(&self) {
        let mut was_lost = false;
        loop {
            let lost = match subscribe(&self.location, &self.place.channel()).await {
                Ok(heard) => self.keep_up(heard, &mut was_lost).await.err(),
                Err(error) => Some(error.into()),
            };
            if let Some(error) = lost.filter(|_| !was_lost) {
                tracing::warn!(%error, "the registry cannot be followed; what is known of it stays in force");
            }
            was_lost = true;
            sleep(LOOK).await;
            // Even where nothing can be heard, something may be read.
            if let Err(error) = self.refresh().await {
                tracing::debug!(%error, "the registry cannot be read");
            }
        }
    }
}
