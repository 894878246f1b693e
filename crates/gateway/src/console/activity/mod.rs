//! What becomes of requests, for every browser that looks: one subscription at each generation service, however many
//! browsers there are, and what all of them told as one.

mod gauge;
mod recent;
mod replica;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::response::Response;
use bytes::Bytes;
use domain::{
    Clock, Timestamp,
    activity::{ActivityEvent, Refusal},
};
use futures_util::StreamExt as _;
use proto::{
    failure_of,
    transport::{Channel, Replicas},
    v1::{self, WatchActivityRequest, activity_client::ActivityClient},
};
use serde::Serialize;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval, sleep},
};
use tonic::Streaming;

use self::{recent::Recent, replica::Replica};
use super::{
    feed::{self, Feed},
    refusals::Refusals,
    requests::{Entry, Row},
    traffic::Hour,
};

pub(crate) use self::{gauge::Gauge, recent::MOST};

/// How long to wait before a service that went away is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long what is new of requests gathers before browsers are told.
const ROWS: Duration = Duration::from_millis(250);
/// How long what is new of the traffic does.
const TRAFFIC: Duration = Duration::from_secs(1);

/// What the services told, and who is to be told of it.
pub(crate) struct Hub {
    known: Mutex<Known>,
    requests: Feed,
    traffic: Feed,
    clock: Arc<dyn Clock>,
}

/// What the services told.
struct Known {
    recent: Recent,
    hour: Hour,
    waiting: Gauge,
    refusals: Arc<Refusals>,
    replicas: BTreeMap<Arc<str>, Replica>,
}

/// Everything, to a browser that shows requests.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    now: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<String>,
    rows: Vec<&'a Row>,
}

/// What is new.
#[derive(Debug, Serialize)]
struct News<'a> {
    now: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<&'a Row>,
    /// Those whose rows are the same, but of which more is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    gone: &'a [String],
}

/// That a browser which shows the traffic may ask anew.
#[derive(Debug, Serialize)]
struct Beat {
    now: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<String>,
}

impl Hub {
    /// A hub that was told nothing yet; what providers say goes there.
    pub(crate) fn new(clock: Arc<dyn Clock>, refusals: Arc<Refusals>) -> Self {
        let known = Known {
            recent: Recent::default(),
            hour: Hour::since(clock.now()),
            waiting: Gauge::default(),
            refusals,
            replicas: BTreeMap::new(),
        };
        Self { known: Mutex::new(known), requests: Feed::new(), traffic: Feed::new(), clock }
    }

    /// The answer to a browser that follows requests until `over`.
    pub(crate) fn follow_requests(
        self: &Arc<Self>,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Response {
        let hub = Arc::clone(self);
        self.requests.follow(move || hub.whole(), over)
    }

    /// The answer to a browser that follows the traffic until `over`.
    pub(crate) fn follow_traffic(
        self: &Arc<Self>,
        over: impl Future<Output = ()> + Send + 'static,
    ) -> Response {
        let hub = Arc::clone(self);
        self.traffic.follow(move || feed::event("beat", &hub.beat(&hub.known())), over)
    }

    /// A request that is remembered, and the present moment.
    pub(crate) fn request<T>(&self, id: &str, show: impl FnOnce(&Entry, Timestamp) -> T) -> Option<T> {
        self.known().recent.get(id).map(|entry| show(entry, self.clock.now()))
    }

    /// Something of the last hour, at the present moment; beside it how many wishes wait.
    pub(crate) fn hour<T>(&self, show: impl FnOnce(&Hour, &Gauge, Timestamp) -> T) -> T {
        let known = self.known();
        show(&known.hour, &known.waiting, self.clock.now())
    }

    /// Keeps up with these services, for ever.
    pub(crate) async fn keep_up(self: Arc<Self>, replicas: Replicas) {
        let mut there = pin!(replicas.watch());
        let mut ears = Ears::default();
        let (mut rows, mut traffic) = (interval(ROWS), interval(TRAFFIC));
        rows.set_missed_tick_behavior(MissedTickBehavior::Delay);
        traffic.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(there) = there.next() => self.attend(there, &mut ears),
                _ = rows.tick() => self.tell_requests(),
                _ = traffic.tick() => self.tell_traffic(),
            }
        }
    }

    /// Listens to those that are there, and no more to others.
    fn attend(self: &Arc<Self>, there: BTreeMap<String, Channel>, ears: &mut Ears) {
        let mut known = self.known();
        for (name, ear) in ears.of.extract_if(|name, _| !there.contains_key(&**name)) {
            ear.abort();
            known.replicas.remove(&name);
            known.waiting.forget(&name, self.clock.now());
            known.recent.drop_unfinished_of(&name);
        }
        for (name, channel) in there {
            let name: Arc<str> = name.into();
            if !ears.of.contains_key(&name) {
                known.replicas.insert(Arc::clone(&name), Replica::default());
                let listening = listen(Arc::clone(self), Arc::clone(&name), channel);
                ears.of.insert(name, ears.tasks.spawn(listening));
            }
        }
    }

    async fn hear(&self, name: &Arc<str>, mut events: Streaming<v1::ActivityEvent>) -> String {
        loop {
            match events.message().await {
                Ok(Some(event)) => match ActivityEvent::try_from(event) {
                    Ok(event) => self.take(name, event),
                    Err(failure) => {
                        tracing::warn!(%failure, "a service told of requests what makes no sense");
                    }
                },
                Ok(None) => return "it went away".to_owned(),
                Err(status) => return failure_of(&status).message,
            }
        }
    }

    fn take(&self, name: &Arc<str>, event: ActivityEvent) {
        self.known().take(name, event, self.clock.now());
    }

    fn lose(&self, name: &str, why: &str) {
        let mut known = self.known();
        known.waiting.forget(name, self.clock.now());
        if known.replicas.get_mut(name).is_some_and(|replica| replica.lose(why)) {
            tracing::warn!(service = name, why, "the console is told nothing of requests");
        }
    }

    fn whole(&self) -> Bytes {
        let known = self.known();
        let away = known.away();
        feed::event("whole", &Whole { now: self.clock.now().as_millis(), away, rows: known.recent.rows() })
    }

    fn tell_requests(&self) {
        let mut known = self.known();
        let away = known.away();
        let Some(news) = known.recent.news() else { return };
        let now = self.clock.now().as_millis();
        let recent = &known.recent;
        let told =
            News { now, away, rows: recent.those(&news.rows), others: news.others(), gone: &news.gone };
        self.requests.tell("change", &told);
    }

    fn tell_traffic(&self) {
        let known = self.known();
        self.traffic.tell("beat", &self.beat(&known));
    }

    fn beat(&self, known: &Known) -> Beat {
        Beat { now: self.clock.now().as_millis(), away: known.away() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take(&mut self, name: &Arc<str>, event: ActivityEvent, here: Timestamp) {
        let Some(replica) = self.replicas.get_mut(name) else { return };
        if event.whole {
            replica.begin(event.now, here);
            self.recent.drop_unfinished_of(name);
        }
        self.waiting.set(name, event.waiting, here);
        for mut request in event.requests {
            replica.translate(&mut request);
            let Some(over) = self.recent.take(name, request) else { continue };
            let untold = !replica.told_before(over.at) && self.hour.began() <= over.at;
            if over.was_known || untold {
                self.hour.note(over.record);
            }
        }
        for refusal in event.refusals {
            self.refusals.note(Refusal { at: replica.here(refusal.at), ..refusal });
        }
        replica.heard(event.now);
    }

    /// Why not everything is told at present; none where it is.
    fn away(&self) -> Option<String> {
        let silent: Vec<_> =
            self.replicas.iter().filter_map(|(name, replica)| Some((name, replica.away()?))).collect();
        match &silent[..] {
            [] if self.replicas.is_empty() => Some("no generation service is known yet".to_owned()),
            [] => None,
            [(_, why), ..] if silent.len() == self.replicas.len() => {
                Some(format!("the generation service tells nothing of requests: {why}"))
            }
            [(name, why), others @ ..] => {
                let count = others.len() + 1;
                Some(format!(
                    "{count} of {} generation services tell nothing: {name}: {why}",
                    self.replicas.len()
                ))
            }
        }
    }
}

/// The tasks that listen, by the service that they listen to. They end with this.
#[derive(Default)]
struct Ears {
    tasks: JoinSet<()>,
    of: HashMap<Arc<str>, AbortHandle>,
}

async fn listen(hub: Arc<Hub>, name: Arc<str>, channel: Channel) {
    let mut service = ActivityClient::new(channel).max_decoding_message_size(proto::limits::MESSAGE);
    loop {
        let why = match service.watch(WatchActivityRequest {}).await {
            Ok(events) => hub.hear(&name, events.into_inner()).await,
            Err(status) => failure_of(&status).message,
        };
        hub.lose(&name, &why);
        sleep(AGAIN).await;
    }
}
