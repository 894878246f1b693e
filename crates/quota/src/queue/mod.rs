//! Where wishes wait for their turn: a bounded, fair queue for each model.
//!
//! The queue keeps the order and hands out the answers; the broker attends to it, whenever there may be room. Who
//! stops waiting is out of it at once, and what was granted too late for them is given back.

mod line;
mod usual;

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    Failure,
    lease::{Acquired, LeaseRequest, Shortage},
};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

use self::line::Line;
pub use self::line::QueueLimits;
pub(crate) use self::{
    line::{Full, Ticket},
    usual::Usual,
};

/// What one who wished for leases is told in the end.
pub(crate) type Answer = Result<Acquired, Failure>;

/// The queue of one model.
pub(crate) struct Queue {
    pub(crate) model: String,
    lane: Mutex<Lane>,
    /// Somebody came or went whom it may be worth to attend to.
    stirred: Notify,
}

struct Lane {
    line: Line<Wisher>,
    /// What the one whose turn it is was told last, and when: nobody behind it would be told anything better.
    shortage: Option<(Instant, Shortage)>,
    /// Those that were passed over last, for reasons that hold for them alone.
    passed: HashSet<Ticket>,
    /// What was granted to those that left before they heard of it.
    unheard: Vec<Answer>,
}

struct Wisher {
    request: Arc<LeaseRequest>,
    /// When it was asked.
    asked: Instant,
    answer: oneshot::Sender<Answer>,
}

/// One wish that waits. Dropping it gives up its place.
pub(crate) struct Waiting {
    queue: Arc<Queue>,
    ticket: Ticket,
    answer: oneshot::Receiver<Answer>,
    latest: Instant,
}

impl Queue {
    /// A queue in which nobody waits.
    pub(crate) fn new(model: String, limits: QueueLimits) -> Self {
        let lane =
            Lane { line: Line::new(limits), shortage: None, passed: HashSet::new(), unheard: Vec::new() };
        Self { model, lane: Mutex::new(lane), stirred: Notify::new() }
    }

    /// Takes a place for what was asked at `asked`, to wait in until `latest`. `shortage` is why it must wait.
    pub(crate) fn enter(
        self: &Arc<Self>,
        request: Arc<LeaseRequest>,
        shortage: Shortage,
        asked: Instant,
        latest: Instant,
    ) -> Result<Waiting, Full> {
        let (sender, answer) = oneshot::channel();
        let leases = u32::try_from(request.ids.len()).unwrap_or(u32::MAX);
        let client = request.client.clone();
        let mut lane = self.lane();
        let behind_others = lane.is_held();
        let ticket = lane.line.enter(&client, leases, Wisher { request, asked, answer: sender })?;
        if !behind_others {
            lane.shortage = Some((Instant::now(), shortage));
            self.stirred.notify_one();
        }
        drop(lane);
        Ok(Waiting { queue: Arc::clone(self), ticket, answer, latest })
    }

    /// Whether somebody waits for whatever becomes free, so that one who comes now would overtake them.
    pub(crate) fn is_held(&self) -> bool {
        self.lane().is_held()
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lane().line.is_empty()
    }

    /// How many leases are waited for.
    pub(crate) fn leases(&self) -> u64 {
        self.lane().line.leases()
    }

    /// Why those that wait must wait, and how much of the time that was told is over.
    pub(crate) fn shortage(&self) -> Option<(Shortage, Duration)> {
        let told = self.lane().shortage.clone();
        told.map(|(when, shortage)| (shortage, when.elapsed()))
    }

    /// Whose turn it is, apart from those that were passed over: what is wished for, and when it was asked.
    pub(crate) fn next(&self, passed: &HashSet<Ticket>) -> Option<(Ticket, Arc<LeaseRequest>, Instant)> {
        let lane = self.lane();
        let waiter = lane.line.next(passed)?;
        Some((waiter.ticket, Arc::clone(&waiter.item.request), waiter.item.asked))
    }

    /// Every wish of the client that has this one.
    pub(crate) fn siblings(&self, ticket: Ticket) -> Vec<Ticket> {
        self.lane().line.siblings(ticket).collect()
    }

    /// How many leases the one wishes for whose turn it is, unless all that wait were passed over.
    pub(crate) fn wanted(&self) -> Option<u32> {
        let lane = self.lane();
        lane.line.next(&lane.passed).map(|waiter| waiter.leases)
    }

    /// Notes how a round of attending ended: who was passed over, and why the one whose turn it is must wait.
    pub(crate) fn attended(&self, passed: HashSet<Ticket>, shortage: Option<Shortage>) {
        let mut lane = self.lane();
        lane.passed = passed;
        if let Some(shortage) = shortage {
            lane.shortage = Some((Instant::now(), shortage));
        }
    }

    /// Gives one its answer; what was granted comes back where nobody waits for it any more.
    pub(crate) fn answer(&self, ticket: Ticket, answer: Answer) -> Result<(), Answer> {
        let mut lane = self.lane();
        let granted = matches!(answer, Ok(Acquired::Granted(_)));
        let wisher = if granted { lane.line.serve(ticket) } else { lane.line.leave(ticket) };
        drop(lane);
        match wisher {
            Some(wisher) => wisher.answer.send(answer),
            None => Err(answer),
        }
    }

    /// Gives everybody this answer.
    pub(crate) fn dismiss(&self, failure: &Failure) {
        for wisher in self.lane().line.clear() {
            // One that is just leaving does not hear it.
            let _ = wisher.answer.send(Err(failure.clone()));
        }
    }

    /// What was granted to those that left at that moment, for it to be given back; each once.
    pub(crate) fn unheard(&self) -> Vec<Answer> {
        mem::take(&mut self.lane().unheard)
    }

    /// Waits until somebody came or went whom it may be worth to attend to.
    pub(crate) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn is_held(&self) -> bool {
        self.line.next(&self.passed).is_some()
    }
}

impl Waiting {
    /// The answer, once the turn has come; none if it does not come in time.
    pub(crate) async fn answer(mut self) -> Option<Answer> {
        tokio::select! {
            biased;
            answer = &mut self.answer => answer.ok(),
            () = sleep_until(self.latest) => None,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.answer.close();
        let mut lane = self.queue.lane();
        let held = lane.is_held();
        lane.line.leave(self.ticket);
        lane.unheard.extend(self.answer.try_recv());
        // Whoever stood behind may be served with less than this one wished for.
        let next_turn = held && lane.is_held();
        let is_stirred = next_turn || !lane.unheard.is_empty();
        drop(lane);
        if is_stirred {
            self.queue.stirred.notify_one();
        }
    }
}
