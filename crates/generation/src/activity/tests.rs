use std::time::Duration;

use domain::{
    ClientId, FailureKind, ImageCount, ManualClock, PersonGeneration, PictureSpec, RequestId,
    activity::RequestOutcome,
};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use super::{watch::watch, *};

fn activity(keeps_prompts: bool) -> Activity {
    Activity::new(Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000))), keeps_prompts)
}

fn begin(activity: &Activity, id: usize) -> Trail {
    let request = GenerationRequest {
        id: RequestId::new(format!("r{id}")).unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation: Conversation::prompt("a cat ".repeat(500)).unwrap(),
        spec: PictureSpec { aspect_ratio: "1:1".parse().unwrap(), resolution: "1K".parse().unwrap() },
        count: ImageCount::ONE,
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    };
    activity.begin(&request, None, None)
}

/// What is told now, if anything is.
fn told(events: &mut (impl Stream<Item = ActivityEvent> + Unpin)) -> Option<ActivityEvent> {
    events.next().now_or_never().flatten()
}

fn names(event: &ActivityEvent) -> Vec<&str> {
    event.requests.iter().map(|record| record.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_everything_once_and_then_what_changed_as_it_stands() {
    let activity = activity(false);
    let (first, second) = (begin(&activity, 1), begin(&activity, 2));
    let mut events = watch(&activity).boxed();
    let whole = told(&mut events).unwrap();
    assert!(whole.whole);
    assert_eq!(names(&whole), ["r1", "r2"]);
    assert_eq!(told(&mut events), None);

    first.end(RequestOutcome::Delivered);
    let waiting = second.waits();
    assert_eq!(told(&mut events), None, "changes gather for a while");
    tokio::time::advance(Duration::from_millis(100)).await;
    let changed = told(&mut events).unwrap();
    assert_eq!((changed.whole, changed.waiting, names(&changed)), (false, 1, vec!["r1"]));
    assert!(changed.requests[0].end.is_some());
    drop(waiting);
    assert_eq!(events.next().await.unwrap().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_slow_is_told_of_each_request_once_in_pieces_and_nothing_is_held_for_them() {
    let activity = activity(false);
    let mut events = watch(&activity).boxed();
    assert!(told(&mut events).unwrap().requests.is_empty());
    let trails: Vec<_> = (0..250).map(|id| begin(&activity, id)).collect();
    for trail in &trails {
        (0..10).for_each(|_| drop(trail.waits()));
        trail.end(RequestOutcome::Failed(FailureKind::NoAccount));
    }
    let mut heard = Vec::new();
    while heard.len() < 250 {
        let event = events.next().await.unwrap();
        assert!(event.requests.len() <= 100 && !event.whole);
        heard.extend(names(&event).into_iter().map(str::to_owned));
    }
    assert_eq!(heard, (0..250).map(|id| format!("r{id}")).collect::<Vec<_>>());
    assert_eq!(told(&mut events), None);
}

#[tokio::test]
async fn what_is_over_is_forgotten_beyond_a_thousand_and_what_is_in_flight_is_not() {
    let activity = activity(false);
    let in_flight = begin(&activity, 0);
    for id in 1..=1_500 {
        begin(&activity, id).end(RequestOutcome::Delivered);
    }
    let (mut remembered, mut told) = (Vec::new(), None);
    loop {
        let (revision, event) = activity.since(told);
        if event.requests.is_empty() {
            break;
        }
        remembered.extend(names(&event).into_iter().map(str::to_owned));
        told = Some(revision);
    }
    assert_eq!(remembered.len(), 1_001);
    assert_eq!((&*remembered[0], &*remembered[1]), ("r0", "r501"));
    in_flight.end(RequestOutcome::Abandoned);
}

#[test]
fn heavy_requests_are_forgotten_sooner() {
    let activity = activity(true);
    for id in 0..1_000 {
        let trail = begin(&activity, id);
        activity.note_of(trail.number(), |record, _| record.prompt = Some("x".repeat(100_000)));
        trail.end(RequestOutcome::Delivered);
    }
    assert_eq!(activity.since(None).1.requests.len(), 41);
}

#[test]
fn prompts_are_kept_where_the_operator_wants_them_and_cut_short() {
    for (keeps, kept) in [(false, None), (true, Some(PROMPT))] {
        let activity = activity(keeps);
        begin(&activity, 0);
        let record = &activity.since(None).1.requests[0];
        assert_eq!(record.prompt.as_ref().map(String::len), kept);
    }
}
