//! The changes that any service makes, as Redis tells them.

use ::redis::{Msg, aio::PubSub};
use futures_util::StreamExt as _;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    link::{CALL, PAUSE, subscribe},
    location::RedisLocation,
};
use crate::store::{Change, StoreError, feed::Feed, key};

/// Whoever listens is told what scripts publish, until this is dropped. A connection that is lost is made again, and
/// as some changes were missed meanwhile, everything is then said to have changed.
pub(super) struct Listener {
    _task: JoinSet<()>,
}

impl Listener {
    /// Listens from now on.
    pub(super) async fn open(location: &RedisLocation, feed: Feed) -> Result<Self, StoreError> {
        let channel = channel(&location.root());
        let heard = subscribe(location, &channel).await?;
        let mut task = JoinSet::new();
        task.spawn(listen(location.clone(), channel, heard, feed));
        Ok(Self { _task: task })
    }
}

/// Where scripts publish what they changed.
fn channel(root: &str) -> String {
    format!("{root}:changes")
}

async fn listen(location: RedisLocation, channel: String, mut heard: PubSub, feed: Feed) {
    loop {
        tell_until_lost(heard, &feed).await;
        heard = loop {
            sleep(PAUSE).await;
            if let Ok(heard) = subscribe(&location, &channel).await {
                break heard;
            }
        };
        feed.send(Change::Everything);
    }
}

/// Tells what is heard until nothing can be. The server is asked for a sign of life again and again: a peer that is
/// gone may never say so.
async fn tell_until_lost(heard: PubSub, feed: &Feed) {
    let (mut voice, mut messages) = heard.split();
    let mut asking = interval(CALL * 2);
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(message) => tell(&message, feed),
                None => return,
            },
            _ = asking.tick() => {
                let sign = timeout(CALL, voice.ping::<::redis::Value>()).await;
                if !matches!(sign, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// A message lists what changed, one scope in a line. What a later version says beyond that may be anything.
fn tell(message: &Msg, feed: &Feed) {
    let Ok(text) = message.get_payload::<String>() else { return feed.send(Change::Everything) };
    for words in text.lines() {
        feed.send(key::read_scope(words).map_or(Change::Everything, Change::Scope));
    }
}
