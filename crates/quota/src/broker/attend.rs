//! How those that wait are attended to: when there may be room, and in turn.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use domain::{
    ClientLimit,
    lease::{Acquired, Shortage},
};
use tokio::{sync::watch, time::sleep};

use super::{Broker, may_pass};
use crate::queue::{Answer, Queue};

/// How soon a moment that has come by our clock is looked at again: the store's may be a little behind.
const BEAT: Duration = Duration::from_millis(1);

impl Broker {
    /// Attends to every queue, for as long as this is polled.
    pub(crate) async fn attend(&self) {
        let queues = self.queues.values().map(|queue| self.attend_to(queue));
        futures_util::future::join_all(queues).await;
    }

    async fn attend_to(&self, queue: &Arc<Queue>) -> Infallible {
        let mut revisions = self.view.revisions();
        loop {
            for unheard in queue.unheard() {
                self.take_back(unheard).await;
            }
            if queue.is_empty() {
                queue.stirred().await;
                continue;
            }
            revisions.mark_unchanged();
            self.serve(queue).await;
            self.until_there_may_be_room(queue, &mut revisions).await;
        }
    }

    /// Serves those whose turn it is, until there is no room. One is passed over, and keeps its place, where what it
    /// lacks is no matter to those behind it: accounts other than those it excludes, or an end of its client's calls.
    async fn serve(&self, queue: &Queue) {
        let mut passed = HashSet::new();
        while let Some((ticket, request, asked)) = queue.next(&passed) {
            let waited = asked.elapsed();
            match self.attempt(&request).await {
                Ok(Acquired::Refused(shortage)) if may_pass(&shortage, &request) => {
                    if matches!(shortage, Shortage::ClientLimited { limit: ClientLimit::Concurrent, .. }) {
                        passed.extend(queue.siblings(ticket));
                    } else if request.excluded.is_empty() {
                        return queue.attended(passed, Some(shortage));
                    } else {
                        passed.insert(ticket);
                    }
                }
                Err(failure) => {
                    queue.dismiss(&failure);
                }
                answer => {
                    let answer = answer.map(|acquired| counted_from_asking(acquired, waited));
                    if let Err(unheard) = queue.answer(ticket, answer) {
                        self.take_back(unheard).await;
                    }
                }
            }
        }
        queue.attended(passed, None);
    }

    /// Gives back what was granted to one that waits no longer.
    pub(super) async fn take_back(&self, unheard: Answer) {
        let Ok(Acquired::Granted(grants)) = unheard else { return };
        for grant in grants {
            if let Err(failure) = self.release(&grant.id, grant.fence).await {
                tracing::warn!(lease = %grant.id, %failure, "a lease that nobody waits for any more expires by itself");
            }
        }
    }

    /// Waits until the store told of something that may let somebody be served, or until the moment at which a place
    /// has room again, or until somebody comes or goes who makes a difference.
    async fn until_there_may_be_room(&self, queue: &Queue, revisions: &mut watch::Receiver<u64>) {
        while !queue.is_empty() {
            let opening = async {
                match self.view.opens_in(&queue.model) {
                    Some(wait) => sleep(wait.max(BEAT)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = opening => return,
                () = queue.stirred() => return,
                Ok(()) = revisions.changed() => {
                    let worth = |leases| self.view.has_room(&queue.model, leases);
                    if queue.wanted().is_none_or(worth) {
                        return;
                    }
                }
            }
        }
    }
}

/// The same grants with their times counted from when they were asked for, after a wait of at least this long: whoever
/// asked cannot tell when its turn came.
fn counted_from_asking(acquired: Acquired, waited: Duration) -> Acquired {
    let Acquired::Granted(mut grants) = acquired else { return acquired };
    for grant in &mut grants {
        grant.start_within += waited;
        grant.expires_in += waited;
    }
    Acquired::Granted(grants)
}
