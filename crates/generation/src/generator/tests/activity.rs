//! What is noted of requests while they are answered.

use domain::activity::{AttemptOutcome, RequestOutcome, RequestRecord};

use super::{
    world::{DRY, Fault},
    *,
};

/// What is remembered of the only request there was.
fn noted(generator: &Generator) -> RequestRecord {
    let (_, mut event) = generator.activity.since(None);
    assert_eq!((event.requests.len(), event.waiting), (1, 0));
    event.requests.remove(0)
}

fn outcomes(record: &RequestRecord, picture: usize) -> Vec<&'static str> {
    let attempts = record.pictures[picture].attempts.iter();
    attempts.map(|attempt| attempt.outcome.map_or("open", AttemptOutcome::as_str)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_attempt_stands_on_the_time_line_of_its_picture() {
    let world = Arc::new(World::new(&[("a", Act::Fail(Fault::Throttled)), ("b", Act::Draw)]));
    let generator = generator(&world);
    let alias = GenerationRequest { model: "gemini-3-pro-image-preview".into(), ..request("r", 2) };
    listen(generator.generate(alias, Manner::default()).unwrap()).await;
    let record = noted(&generator);
    assert_eq!(record.model, "gemini-3-pro-image");
    assert_eq!(record.end.unwrap().outcome, RequestOutcome::Delivered);
    assert_eq!(
        (outcomes(&record, 0), outcomes(&record, 1)),
        (vec!["throttled", "delivered"], vec!["delivered"])
    );
    assert!(record.pictures.iter().all(|picture| picture.image.is_some() && picture.failure.is_none()));
    let [refused, drawn] = &record.pictures[0].attempts[..] else { panic!("{record:?}") };
    assert_eq!(refused.failure, Some(FailureKind::QuotaExhausted));
    let [last] = &generator.activity.since(None).1.refusals[..] else { panic!("one account was refused") };
    assert_eq!((last.account.as_str(), last.model.as_str()), ("a", "gemini-3-pro-image"));
    assert_eq!((Some(&last.words), last.outcome.as_str()), (refused.words.as_ref(), "throttled"));
    assert_eq!(drawn.words, None);
    assert_eq!((refused.cost_micro_usd, drawn.cost_micro_usd), (0, 134_000));
    let lease = drawn.lease.as_ref().unwrap();
    assert_eq!((lease.id.as_str(), lease.account.as_str(), lease.project.as_str()), ("r/0/1", "b", "p"));
    for attempt in [refused, drawn] {
        assert!(attempt.answered_at.is_some() && attempt.settled_at.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_seen_while_it_lasts_and_ends_without_a_lease_where_there_is_none() {
    let world = Arc::new(World::new(&[("a", Act::Draw)]));
    world.grants_left.store(0, Ordering::SeqCst);
    let generator = generator(&world);
    let events = generator.generate(request("r", 1), Manner::default()).unwrap();
    let watching = async {
        sleep(Duration::from_secs(1)).await;
        let event = generator.activity.since(None).1;
        assert_eq!((event.waiting, outcomes(&event.requests[0], 0)), (1, vec!["open"]));
    };
    tokio::join!(listen(events), watching);
    assert_eq!(outcomes(&noted(&generator), 0), ["delivered"]);

    world.throttled.lock().unwrap().push(domain::AccountId::new("a").unwrap());
    let generator = super::generator(&world);
    listen(generator.generate(request("s", 1), Manner::default()).unwrap()).await;
    let record = noted(&generator);
    assert_eq!(record.end.unwrap().outcome, RequestOutcome::Failed(FailureKind::QuotaExhausted), "{DRY:?}");
    assert_eq!(outcomes(&record, 0), ["no_lease"]);
    assert_eq!(record.pictures[0].failure, Some(FailureKind::QuotaExhausted));
}

#[tokio::test(start_paused = true)]
async fn one_who_hangs_up_has_abandoned_the_request_and_its_call_counts_as_billed() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(40))]));
    let generator = generator(&world);
    let events = generator.generate(request("r", 1), Manner::default()).unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(events);
    generator.drain().await;
    let record = noted(&generator);
    assert_eq!(record.end.unwrap().outcome, RequestOutcome::Abandoned);
    assert_eq!(outcomes(&record, 0), ["cancelled"]);
    assert_eq!(record.pictures[0].attempts[0].cost_micro_usd, 134_000);
}

#[tokio::test]
async fn a_request_that_the_catalog_refuses_is_seen_too() {
    let generator = generator(&Arc::new(World::new(&[])));
    let unknown = GenerationRequest { model: "dall-e-3".into(), ..request("r", 1) };
    assert!(generator.generate(unknown, Manner::default()).is_err());
    let record = noted(&generator);
    assert_eq!(record.end.unwrap().outcome, RequestOutcome::Failed(FailureKind::UnknownModel));
    assert_eq!((record.model.as_str(), record.pictures.len()), ("dall-e-3", 0));
}
