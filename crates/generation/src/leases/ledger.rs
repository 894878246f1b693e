//! Asking for leases.

use std::{sync::Arc, time::Duration};

use domain::{
    Clock, Failure, FailureKind, Fence, LeaseId,
    lease::{Acquired, Acquiring, LeaseRequest, Shortage},
};
use futures_util::StreamExt as _;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::{Held, Leases, closings::Closings, held::Asked};
use crate::outbox::Outbox;

/// The ledger as a request uses it: what it grants comes back as [`Held`].
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(super) leases: Arc<dyn Leases>,
    pub(super) closings: Closings,
    tasks: TaskTracker,
}

/// Why there is no lease.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The ledger says no.
    Short(Shortage),
    /// The ledger cannot be asked.
    Failed(Failure),
}

/// A lease for each id, in order, or none.
pub(crate) type Answer = Result<Vec<Held>, Refused>;

/// What one who asked for leases hears.
pub(crate) enum Heard {
    /// The wish waits for its turn.
    Waiting,
    /// This is the answer, and the last that is heard.
    Answered(Answer),
}

/// A wish on its way. Whoever drops it leaves no lease behind: a wish that waits is given up at once, and what was
/// granted too late is given back.
pub(crate) struct Asking(mpsc::Receiver<Heard>);

/// When to ask again while closings cannot be kept safe.
const UNSAFE_FOR: Duration = Duration::from_secs(5);

impl Ledger {
    /// A ledger whose open ends are tracked by `tasks`, and whose last words are kept in this outbox until they are
    /// heard. Those that are in it already are said first.
    pub(crate) fn new(
        leases: Arc<dyn Leases>,
        outbox: Outbox,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        let closings = Closings::new(Arc::clone(&leases), outbox, clock, tasks.clone());
        Self { leases, closings, tasks }
    }

    /// Asks for a lease for each id. Nothing is asked while it is uncertain whether the leases could be closed.
    pub(crate) fn ask(&self, request: LeaseRequest) -> Asking {
        let (tell, heard) = mpsc::channel(1);
        if self.closings.are_safe() {
            let wish = Wish { ledger: self.clone(), request, tell };
            self.tasks.spawn(wish.pursue().in_current_span());
        } else {
            let _ = tell.try_send(Heard::Answered(Err(Refused::Failed(unsafe_to_ask()))));
        }
        Asking(heard)
    }

    /// Whether the ledger can be asked: what it says of a lease that nobody holds is no matter.
    pub(crate) async fn answers(&self) -> bool {
        let nobody = LeaseId::new("readiness").expect("is visible ASCII");
        self.leases.renew(&nobody, Fence(0)).await.is_ok()
    }
}

impl Asking {
    /// The next word.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.0.recv().await.unwrap_or_else(|| Heard::Answered(Err(Refused::Failed(nonsense()))))
    }

    /// The answer, however long it takes.
    pub(crate) async fn answer(mut self) -> Answer {
        loop {
            if let Heard::Answered(answer) = self.hear().await {
                return answer;
            }
        }
    }
}

/// A wish while it is pursued.
struct Wish {
    ledger: Ledger,
    request: LeaseRequest,
    tell: mpsc::Sender<Heard>,
}

impl Wish {
    /// Asks. An answer may be lost after the leases were granted: the same ids are then asked for once more, which
    /// answers with the same grants.
    async fn pursue(self) {
        let first = Instant::now();
        let answer = match self.attempt(first).await {
            Some(Err(Refused::Failed(failure))) if failure.kind == FailureKind::Unavailable => {
                self.attempt(first).await
            }
            answer => answer,
        };
        if let Some(answer) = answer {
            // Leases that nobody takes any more give themselves back.
            let _ = self.tell.send(Heard::Answered(answer)).await;
        }
    }

    /// Asks once; no answer where the caller went away from a wait.
    async fn attempt(&self, first: Instant) -> Option<Answer> {
        let last = Instant::now();
        let patience = self.request.patience.saturating_sub(last - first);
        let mut hearing = self.ledger.leases.acquire(self.question(patience));
        let mut waits = false;
        loop {
            let step = tokio::select! {
                biased;
                () = self.tell.closed(), if waits => {
                    drop(hearing);
                    self.take_back(first).await;
                    return None;
                }
                step = hearing.next() => step,
            };
            match step {
                Some(Ok(Acquiring::Waiting)) => {
                    waits = true;
                    // Where the word before was not even heard yet, one will do.
                    let _ = self.tell.try_send(Heard::Waiting);
                }
                Some(Ok(Acquiring::Answered(answer))) => {
                    return Some(self.take(answer, Asked { first, last }));
                }
                Some(Err(failure)) => return Some(Err(Refused::Failed(failure))),
                None => return Some(Err(Refused::Failed(nonsense()))),
            }
        }
    }

    /// The grant may have crossed with the caller's leaving: whoever asks for the same ids hears of it.
    async fn take_back(&self, first: Instant) {
        let last = Instant::now();
        let mut hearing = self.ledger.leases.acquire(self.question(Duration::ZERO));
        while let Some(Ok(step)) = hearing.next().await {
            if let Acquiring::Answered(answer) = step {
                drop(self.take(answer, Asked { first, last }));
            }
        }
    }

    /// The wish as it is told: so patient, and with what would prove that the ledger has forgotten.
    fn question(&self, patience: Duration) -> LeaseRequest {
        let known_fence = self.ledger.closings.known_fence();
        LeaseRequest { patience, known_fence, ..self.request.clone() }
    }

    fn take(&self, answer: Acquired, asked: Asked) -> Answer {
        let grants = match answer {
            Acquired::Refused(shortage) => return Err(Refused::Short(shortage)),
            Acquired::Granted(grants) => grants,
        };
        if let Some(highest) = grants.iter().map(|grant| grant.fence).max() {
            self.ledger.closings.note_fence(highest);
        }
        let held = grants.into_iter().map(|grant| Held::new(self.ledger.clone(), grant, asked));
        let held: Vec<_> = held.collect();
        let complete = held.iter().map(|lease| &lease.grant().id).eq(&self.request.ids);
        if complete { Ok(held) } else { Err(Refused::Failed(nonsense())) }
    }
}

fn nonsense() -> Failure {
    Failure::new(FailureKind::Internal, "the ledger's answer makes no sense")
}

fn unsafe_to_ask() -> Failure {
    let message = "what calls spend cannot be written down at the moment; try again shortly";
    Failure::new(FailureKind::Unavailable, message).retry_after(UNSAFE_FOR)
}
