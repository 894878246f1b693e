//! What became of requests, as one is told who watches: everything once, then what changed. One who is slow is told
//! less often, and no more is held for them.

use std::time::Duration;

use domain::activity::ActivityEvent;
use futures_util::{Stream, stream};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep_until},
};

use super::Activity;

/// How long changes gather after some were told.
const PAUSE: Duration = Duration::from_millis(100);

struct Watcher {
    activity: Activity,
    revisions: Receiver<u64>,
    /// Up to which revision everything was told, if anything was.
    told: Option<u64>,
    /// Whether there was more to tell at once.
    more: bool,
    next: Instant,
}

/// Everything, and then what changes.
pub(super) fn watch(activity: &Activity) -> impl Stream<Item = ActivityEvent> + Send + use<> {
    let revisions = activity.revisions();
    let watcher =
        Watcher { activity: activity.clone(), revisions, told: None, more: false, next: Instant::now() };
    stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((event, watcher))
    })
}

impl Watcher {
    async fn next(&mut self) -> Option<ActivityEvent> {
        if self.told.is_some() && !self.more {
            self.revisions.changed().await.ok()?;
            sleep_until(self.next).await;
        }
        let (told, event) = self.activity.since(self.told);
        self.told = Some(told);
        self.more = told < *self.revisions.borrow_and_update();
        self.next = Instant::now() + PAUSE;
        Some(event)
    }
}
