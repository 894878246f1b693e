mod activity;
mod closings;
mod hang_ups;
mod retries;
mod waiting;
mod world;

use std::sync::atomic::Ordering;

use domain::{
    ClientId, Clock, Conversation, FailureKind, GenerationEvent, ImageCount, ManualClock, PersonGeneration,
    PictureSpec, Provider, RequestId, Timestamp,
};
use tokio::time::sleep;

use self::world::{Act, Books, Provided, World};
use super::*;
use crate::{outbox::Outbox, upstream::Upstream};

fn request(id: &str, count: u64) -> GenerationRequest {
    GenerationRequest {
        id: RequestId::new(id).unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation: Conversation::prompt("a cat").unwrap(),
        spec: PictureSpec { aspect_ratio: "1:1".parse().unwrap(), resolution: "1K".parse().unwrap() },
        count: ImageCount::new(count).unwrap(),
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    }
}

fn generator(world: &Arc<World>) -> Generator {
    generator_with(world, Outbox::in_memory(), ManualClock::at(Timestamp::from_millis(1_800_000_000_000)))
}

fn generator_with(world: &Arc<World>, outbox: Outbox, clock: ManualClock) -> Generator {
    let upstream: Arc<dyn Upstream> = Arc::new(Provided(Arc::clone(world)));
    let upstreams = Upstreams::new([(Provider::Gemini, upstream)]);
    let tasks = TaskTracker::new();
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let ledger = Ledger::new(Arc::new(Books(Arc::clone(world))), outbox, Arc::clone(&clock), tasks.clone());
    let deadline = Duration::from_mins(3);
    let activity = Activity::new(clock, false);
    Generator::new(3, deadline, Arc::new(Catalog::builtin()), upstreams, ledger, activity, tasks)
}

fn within(patience: Duration) -> Manner {
    Manner { patience: Some(patience), dialect: None }
}

/// What came of a request.
#[derive(Debug, Default, PartialEq)]
struct Told {
    pictures: usize,
    queued: usize,
    failures: Vec<FailureKind>,
    /// When the last failure says that asking again can succeed.
    retry_after: Option<Duration>,
}

/// What is told of a request for so many pictures, once everything is settled.
async fn answer(world: &Arc<World>, count: u64) -> Told {
    let generator = generator(world);
    let events = generator.generate(request("r", count), Manner::default()).unwrap();
    let told = listen(events).await;
    generator.drain().await;
    told
}

async fn listen(events: impl Stream<Item = Event>) -> Told {
    let mut events = std::pin::pin!(events);
    let mut told = Told::default();
    let mut started = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(GenerationEvent::Started) => started = true,
            Ok(GenerationEvent::Queued) => told.queued += 1,
            Ok(GenerationEvent::ImageFinished { .. }) => told.pictures += 1,
            Ok(GenerationEvent::ImageFailed { failure, .. }) | Err(failure) => {
                told.retry_after = failure.retry_after;
                told.failures.push(failure.kind);
            }
            Ok(_) => {}
        }
        assert!(started || !told.failures.is_empty(), "an answer starts or fails");
    }
    told
}

/// So many pictures and nothing else.
fn drawn(pictures: usize) -> Told {
    Told { pictures, ..Told::default() }
}

/// Nothing but this failure.
fn failed(kind: FailureKind) -> Told {
    Told { failures: vec![kind], ..Told::default() }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_while_its_call_lasts_and_settled_after() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(40))]));
    assert_eq!(answer(&world, 1).await, drawn(1));
    assert_eq!(world.log(), ["grant r/0/0 a", "renew r/0/0", "renew r/0/0", "settle r/0/0 delivered"]);
}

#[tokio::test(start_paused = true)]
async fn no_account_at_all_is_a_failure_of_the_request() {
    assert_eq!(answer(&Arc::new(World::new(&[])), 3).await, failed(FailureKind::NoAccount));
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_between_ledger_and_us_is_asked_for_again() {
    for (losses, told) in [(1, drawn(1)), (2, failed(FailureKind::Unavailable))] {
        let world = Arc::new(World::new(&[("a", Act::Draw)]));
        world.unavailable.store(losses, Ordering::SeqCst);
        assert_eq!(answer(&world, 1).await, told);
    }
}
