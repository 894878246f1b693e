//! The last word on each lease, said until it is heard.
//!
//! A word goes into the outbox first, then to the ledger. One that the ledger does not hear is said again, and so are
//! those that an earlier process left in the outbox.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{Clock, FailureKind, Fence, LeaseId, Settlement, lease::Closing};
use opentelemetry::global;
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, info, warn};

use super::{
    Leases, Settling,
    repeats::{Repeats, Unheard},
};
use crate::{
    activity::Track,
    outbox::{LastWord, Outbox},
};

/// After how long without an answer a word is brought to the disk.
const UNSYNCED: Duration = Duration::from_millis(10);
/// The pause between attempts to write an outbox that cannot be written.
const MENDING: Duration = Duration::from_secs(1);

/// Closes leases. Clones share everything.
#[derive(Clone)]
pub(super) struct Closings(pub(super) Arc<Inner>);

pub(super) struct Inner {
    leases: Arc<dyn Leases>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    pub(super) repeats: Repeats,
    /// Whether the ledger did not answer when it was last asked, and the news that it does.
    away: AtomicBool,
    pub(super) back: Notify,
    syncing: AtomicBool,
    mending: AtomicBool,
}

/// What became of a word that was said.
pub(super) enum Reception {
    Heard,
    Disputed,
    Away,
}

impl Closings {
    /// Closes leases at this ledger, by way of this outbox; what is in it already is said now.
    pub(super) fn new(
        leases: Arc<dyn Leases>,
        outbox: Outbox,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        let (words, outbox) = (outbox.words(), Arc::new(outbox));
        observe(&outbox);
        let closings = Self(Arc::new(Inner {
            leases,
            outbox,
            clock,
            tasks,
            repeats: Repeats::default(),
            away: AtomicBool::new(false),
            back: Notify::new(),
            syncing: AtomicBool::new(false),
            mending: AtomicBool::new(false),
        }));
        if !words.is_empty() {
            info!(words = words.len(), "leases of an earlier run are still to be closed");
            for (ticket, word) in words {
                closings.leave(Unheard::new(ticket, word, None).0);
            }
        }
        closings
    }

    /// Whether what is said now would outlive this process.
    pub(super) fn are_safe(&self) -> bool {
        self.0.outbox.is_safe()
    }

    /// The highest fence that was ever given here.
    pub(super) fn known_fence(&self) -> Option<Fence> {
        self.0.outbox.known_fence()
    }

    /// Notes that a lease was given with this fence.
    pub(super) fn note_fence(&self, fence: Fence) {
        self.0.outbox.note_fence(fence);
    }

    /// Settles, or without a settlement releases, behind the caller's back; the track notes when it is done.
    pub(super) fn close(
        &self,
        lease: LeaseId,
        fence: Fence,
        settlement: Option<Settlement>,
        track: Option<Track>,
    ) -> Settling {
        let word = LastWord { lease, fence, settlement, at: self.0.clock.now() };
        let (unheard, heard) = Unheard::new(self.0.outbox.put(&word), word, track);
        if !self.are_safe() {
            self.mend();
        }
        let closings = self.clone();
        let saying = async move { closings.say(unheard).await };
        self.spawn(saying.in_current_span());
        Settling(Some(heard))
    }

    /// Has the outbox written anew, for as long as it takes.
    pub(super) fn mend(&self) {
        if self.0.mending.swap(true, Ordering::SeqCst) {
            return;
        }
        let closings = self.clone();
        self.spawn(async move {
            while !closings.blocking(Outbox::mend).await.unwrap_or(false) {
                sleep(MENDING).await;
            }
            closings.0.mending.store(false, Ordering::SeqCst);
        });
    }

    /// Says a word for the first time.
    async fn say(&self, unheard: Unheard) {
        let reception = {
            let mut saying = std::pin::pin!(self.attempt(&unheard.word));
            if let Ok(reception) = timeout(UNSYNCED, &mut saying).await {
                reception
            } else {
                self.sync();
                saying.await
            }
        };
        match reception {
            Reception::Heard => {
                self.0.outbox.strike(unheard.ticket);
                unheard.heard();
            }
            Reception::Disputed => self.leave(unheard.disputed()),
            Reception::Away => self.leave(unheard),
        }
    }

    /// Says a word once.
    pub(super) async fn attempt(&self, word: &LastWord) -> Reception {
        let LastWord { lease, fence, settlement, .. } = word;
        let answer = match settlement.clone() {
            Some(settlement) => self.0.leases.settle(lease, *fence, settlement).await,
            None => self.0.leases.release(lease, *fence).await,
        };
        if let Err(failure) = &answer
            && failure.kind == FailureKind::Unavailable
        {
            self.0.away.store(true, Ordering::SeqCst);
            return Reception::Away;
        }
        if self.0.away.swap(false, Ordering::SeqCst) {
            self.0.back.notify_one();
        }
        match answer {
            Ok(Closing::Closed | Closing::Duplicate) => Reception::Heard,
            Ok(closing @ (Closing::Late | Closing::Conflict | Closing::Fenced)) => {
                warn!(%lease, ?settlement, ?closing, "the lease was not open any more");
                Reception::Heard
            }
            Ok(Closing::Unknown) => Reception::Disputed,
            Err(failure) => {
                warn!(%lease, %failure, "the lease cannot be closed yet");
                Reception::Disputed
            }
        }
    }

    /// Brings the outbox to the disk, once for all who ask meanwhile.
    fn sync(&self) {
        if !self.0.syncing.swap(true, Ordering::SeqCst) {
            let closings = self.clone();
            self.spawn(async move {
                closings.0.syncing.store(false, Ordering::SeqCst);
                closings.blocking(Outbox::sync).await;
            });
        }
    }

    async fn blocking<T: Send + 'static>(&self, work: fn(&Outbox) -> T) -> Option<T> {
        let outbox = Arc::clone(&self.0.outbox);
        tokio::task::spawn_blocking(move || work(&outbox)).await.ok()
    }

    /// Without a runtime nothing more can be said: it stays in the outbox.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.0.tasks.spawn_on(task, &runtime);
        } else {
            error!("the runtime is gone: leases are closed when the service starts again");
        }
    }
}

/// Has it told, whenever metrics are read, how much the ledger has not heard.
fn observe(outbox: &Arc<Outbox>) {
    let outbox = Arc::downgrade(outbox);
    global::meter("tessera.generation")
        .u64_observable_gauge("tessera.outbox.depth")
        .with_unit("{lease}")
        .with_description("Leases that ended and of which the ledger has not heard yet")
        .with_callback(move |gauge| {
            if let Some(outbox) = outbox.upgrade() {
                gauge.observe(outbox.depth() as u64, &[]);
            }
        })
        .build();
}
