//! Says to the ledger again what was said before, contradicts it, and speaks of leases that are another's.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    CallOutcome, Fence,
    lease::{Acquired, Acquiring, Closing, LeaseRequest},
};
use proto::{
    transport::Channel,
    v1::{self, leases_client::LeasesClient},
};
use tokio::time::sleep;
use tonic::Request;

use super::{
    chance::Chance,
    journal::Journal,
    record::{Asker, Question, Told},
};

/// Meddles with some of what it hears; what it says is in the journal, by its own name.
#[derive(Clone)]
pub(crate) struct Meddler {
    chance: Arc<Mutex<Chance>>,
    /// Of a hundred exchanges, how many it meddles with in each of its ways.
    percent: u32,
}

/// Something to say after a pause, and in whose name.
type Saying = (Duration, Asker, Question);

/// How long it waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much later something may be said again.
const LATER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

impl Meddler {
    /// One that meddles with so many of a hundred exchanges.
    pub(crate) fn new(chance: Chance, percent: u32) -> Self {
        Self { chance: Arc::new(Mutex::new(chance)), percent }
    }

    /// Perhaps closes the lease that somebody is about to close, with a fence that is not its own.
    pub(crate) async fn before(&self, ledger: &Channel, journal: &Journal, question: &Question) {
        let forged = match question {
            Question::Settle(id, fence, outcome) => {
                Question::Settle(id.clone(), other(*fence), outcome.clone())
            }
            Question::Release(id, fence) => Question::Release(id.clone(), other(*fence)),
            Question::Acquire(_) | Question::Renew(..) => return,
        };
        if self.strikes() {
            ask(ledger, journal, Asker::Stranger, forged).await;
        }
    }

    /// Perhaps says again what was just said, now or later, or contradicts it; nobody waits for that.
    pub(crate) fn after(&self, ledger: &Channel, journal: &Arc<Journal>, question: &Question, told: &Told) {
        let sayings = match (question, told) {
            (Question::Acquire(_), Told::Acquired(Acquired::Granted(_))) => self.again(question),
            (Question::Settle(..) | Question::Release(..), Told::Closed(closing)) if was_closed(*closing) => {
                [self.again(question), self.against(question), self.later(question)].concat()
            }
            _ => return,
        };
        let (ledger, journal) = (ledger.clone(), Arc::clone(journal));
        tokio::spawn(async move {
            for (pause, by, saying) in sayings {
                sleep(pause).await;
                ask(&ledger, &journal, by, saying).await;
            }
        });
    }

    fn again(&self, question: &Question) -> Vec<Saying> {
        let said = || (Duration::ZERO, Asker::Repeater, question.clone());
        self.strikes().then(said).into_iter().collect()
    }

    fn against(&self, question: &Question) -> Vec<Saying> {
        let said = || Some((Duration::ZERO, Asker::Contradictor, contrary(question)?));
        self.strikes().then(said).flatten().into_iter().collect()
    }

    fn later(&self, question: &Question) -> Vec<Saying> {
        let pause = self.chance.lock().unwrap_or_else(PoisonError::into_inner).pause(LATER.0, LATER.1);
        let said = || (pause, Asker::Repeater, question.clone());
        self.strikes().then(said).into_iter().collect()
    }

    fn strikes(&self) -> bool {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).hits(self.percent)
    }
}

/// The fence of another lease, or of none.
const fn other(fence: Fence) -> Fence {
    Fence(fence.0 + 1)
}

/// Whether the lease is closed now, and in the way that was asked for.
const fn was_closed(closing: Closing) -> bool {
    matches!(closing, Closing::Closed | Closing::Duplicate | Closing::Late)
}

/// Another way to close the same lease.
fn contrary(question: &Question) -> Option<Question> {
    match question {
        Question::Settle(id, fence, _) => Some(Question::Release(id.clone(), *fence)),
        Question::Release(id, fence) => {
            Some(Question::Settle(id.clone(), *fence, CallOutcome::Cancelled.into()))
        }
        Question::Acquire(_) | Question::Renew(..) => None,
    }
}

async fn ask(ledger: &Channel, journal: &Journal, by: Asker, question: Question) {
    let place = journal.asked(by, question.clone());
    if let Some(told) = say(&mut LeasesClient::new(ledger.clone()), question).await {
        journal.told(place, told);
    }
}

async fn say(ledger: &mut LeasesClient<Channel>, question: Question) -> Option<Told> {
    match question {
        Question::Acquire(wish) => {
            let wish = LeaseRequest { patience: Duration::ZERO, ..wish };
            let mut steps = ledger.acquire(timed(wish.into())).await.ok()?.into_inner();
            match steps.message().await.ok()??.try_into().ok()? {
                Acquiring::Answered(acquired) => Some(Told::Acquired(acquired)),
                Acquiring::Waiting => None,
            }
        }
        Question::Renew(..) => None,
        Question::Settle(id, fence, settlement) => {
            let request = v1::SettleRequest::new(&id, fence, settlement);
            let answer = ledger.settle(timed(request)).await.ok()?;
            answer.into_inner().try_into().ok().map(Told::Closed)
        }
        Question::Release(id, fence) => {
            let request = v1::ReleaseRequest { lease_id: id.to_string(), fence: fence.0 };
            let answer = ledger.release(timed(request)).await.ok()?;
            answer.into_inner().try_into().ok().map(Told::Closed)
        }
    }
}

fn timed<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
