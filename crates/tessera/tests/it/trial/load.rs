//! Clients that ask for pictures, and remember what they were answered.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use domain::{Clock as _, FailureKind, SystemClock};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    asking::{Direct, Http},
    chance::Chance,
    fleet::Fleet,
    record::{Answer, End},
};

/// A model that is asked for, and the smallest picture that it draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) size: &'static str,
}

/// The models that are asked for; each has windows of its own.
pub(crate) const MODELS: [Model; 2] = [
    Model { name: "gemini-3.1-flash-image", size: "512" },
    Model { name: "gemini-nano-banana-2.1", size: "1K" },
];

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Its prompt, different for each.
    pub(crate) prompt: String,
    pub(crate) model: Model,
    pub(crate) count: u32,
}

/// A way to ask.
#[derive(Clone)]
pub(crate) enum Way {
    /// A generation process, over gRPC.
    Direct(Direct),
    /// The gateway, in the dialect of OpenAI Images.
    Http(Http),
}

/// What all clients share: the numbers of their requests, and their answers.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    asked: AtomicU32,
    answers: Mutex<Vec<Answer>>,
}

/// How a client behaves.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    /// The most pictures it asks for at once.
    pub(crate) most: u32,
    /// How many of the models it asks for.
    pub(crate) models: usize,
    /// How long it rests after an answer, from and to.
    pub(crate) rest: (Duration, Duration),
    /// The longest it waits where it is told to come back later.
    pub(crate) patience: Duration,
}

/// Clients at work.
pub(crate) struct Crowd {
    stop: CancellationToken,
    clients: JoinSet<()>,
}

impl Way {
    /// Every way into a fleet: its gateway, and each of its generation processes.
    pub(crate) fn all(fleet: &Fleet) -> Vec<Self> {
        let direct = fleet.generations.iter().map(|post| Self::Direct(Direct::new(&post.url())));
        [Self::Http(Http::new(&fleet.gateway.url()))].into_iter().chain(direct).collect()
    }

    async fn ask(&self, wish: &Wish) -> (Option<String>, u32, End) {
        match self {
            Self::Direct(direct) => direct.ask(wish).await,
            Self::Http(http) => http.ask(wish).await,
        }
    }
}

impl Desk {
    /// Asks for pictures, and notes the answer.
    pub(crate) async fn ask(&self, way: &Way, model: Model, count: u32) -> Answer {
        let number = self.0.asked.fetch_add(1, Ordering::SeqCst);
        let wish = Wish { prompt: format!("picture-{number}"), model, count };
        let asked = SystemClock.now();
        let (request, delivered, end) = way.ask(&wish).await;
        let ended = SystemClock.now();
        let answer = Answer { prompt: wish.prompt, request, asked, ended, wanted: count, delivered, end };
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer.clone());
        answer
    }

    /// Every answer so far.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.answers_from(0)
    }

    /// The answers so far without so many of the first.
    pub(crate) fn answers_from(&self, first: usize) -> Vec<Answer> {
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner)[first..].to_vec()
    }
}

impl Crowd {
    /// Sends so many clients, each by one of these ways and with these habits, until it is told to stop.
    pub(crate) fn send(size: usize, seed: u64, desk: &Desk, ways: &[Way], habits: Habits) -> Self {
        let stop = CancellationToken::new();
        let mut clients = JoinSet::new();
        for index in 0..size {
            let chance = Chance::of(seed, &format!("client {index}"));
            let way = ways[index % ways.len()].clone();
            clients.spawn(work(desk.clone(), way, chance, habits, stop.clone()));
        }
        Self { stop, clients }
    }

    /// Tells them to stop, and waits until the last is answered.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.clients.join_all().await;
    }
}

async fn work(desk: Desk, way: Way, mut chance: Chance, habits: Habits, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let model = *chance.pick(&MODELS[..habits.models]);
        let answer = desk.ask(&way, model, chance.between(1, habits.most)).await;
        let rest = chance.pause(habits.rest.0, habits.rest.1);
        let rest = rest.max(told_to_wait(&answer).min(habits.patience));
        tokio::select! { () = sleep(rest) => {}, () = stop.cancelled() => {} }
    }
}

fn told_to_wait(answer: &Answer) -> Duration {
    match &answer.end {
        End::Refused(refusal) => refusal.retry_after.unwrap_or_default(),
        End::Finished(kinds) if kinds.contains(&FailureKind::QuotaExhausted) => Duration::from_secs(1),
        End::Finished(_) | End::Broken => Duration::ZERO,
    }
}
