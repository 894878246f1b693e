//! Last words that the ledger does not hear at once.

use std::path::Path;

use domain::{CallOutcome, Fence, LeaseId, Settlement, lease::Closing};

use super::*;
use crate::outbox::LastWord;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A word that an earlier run left in an outbox, so long ago.
fn left_behind(directory: &Path, age: Duration) -> Outbox {
    let outbox = Outbox::open(directory).unwrap();
    let settlement = Some(Settlement::from(CallOutcome::Transient));
    outbox.put(&LastWord {
        lease: LeaseId::new("old/0/0").unwrap(),
        fence: Fence(3),
        settlement,
        at: NOW - age,
    });
    drop(outbox);
    Outbox::open(directory).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_settlement_outlasts_a_ledger_that_is_away_and_the_picture_does_not_wait_for_it() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(1))]));
    let generator = generator(&world);
    let mut events = generator.generate(request("r", 1), Manner::default()).unwrap();
    events.next().await.unwrap().unwrap();
    sleep(Duration::from_millis(500)).await;
    world.unavailable.store(10, Ordering::SeqCst);
    while events.next().await.is_some() {}
    assert_eq!(world.count("delivered"), 0);
    generator.drain().await;
    assert_eq!(world.count("settle r/0/0 delivered"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_picture_leaves_while_its_lease_is_settled_and_the_answer_ends_after() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(1))]));
    let settled = || world.count("settle r/0/0 delivered") == 1;
    for gather in [false, true] {
        let generator = generator(&world);
        let request = GenerationRequest { gather, ..request("r", 1) };
        let mut events = generator.generate(request, Manner::default()).unwrap();
        events.next().await.unwrap().unwrap();
        sleep(Duration::from_millis(500)).await;
        world.unavailable.store(1, Ordering::SeqCst);
        while !matches!(events.next().await.unwrap().unwrap(), GenerationEvent::ImageFinished { .. }) {}
        assert!(!settled());
        assert!(matches!(events.next().await.unwrap().unwrap(), GenerationEvent::Finished { .. }));
        assert!(settled());
        world.log.lock().unwrap().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_is_said_once_and_then_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let world = Arc::new(World::new(&[]));
    let outbox = left_behind(home.path(), Duration::from_mins(1));
    generator_with(&world, outbox, ManualClock::at(NOW)).drain().await;
    assert_eq!(world.log(), ["settle old/0/0 transient"]);
    assert!(Outbox::open(home.path()).unwrap().words().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_any_ledger_remembers_is_given_up() {
    let home = tempfile::tempdir().unwrap();
    let world = Arc::new(World::new(&[]));
    let outbox = left_behind(home.path(), Duration::from_mins(121));
    generator_with(&world, outbox, ManualClock::at(NOW)).drain().await;
    assert!(world.log().is_empty());
    assert!(Outbox::open(home.path()).unwrap().words().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_the_ledger_does_not_know_is_repeated_while_it_may_be_learning() {
    for (learns_after, repeated) in [(Duration::from_mins(1), true), (Duration::from_hours(1), false)] {
        let home = tempfile::tempdir().unwrap();
        let world = Arc::new(World::new(&[]));
        *world.closing.lock().unwrap() = Closing::Unknown;
        let outbox = left_behind(home.path(), Duration::ZERO);
        let generator = generator_with(&world, outbox, ManualClock::at(NOW));
        let learning = async {
            sleep(learns_after).await;
            *world.closing.lock().unwrap() = Closing::Closed;
        };
        let began = tokio::time::Instant::now();
        tokio::join!(learning, async {
            generator.drain().await;
            let limit = if repeated { Duration::from_secs(66) } else { Duration::from_secs(306) };
            assert!(began.elapsed() < limit, "{:?}", began.elapsed());
        });
        let said = world.count("settle old/0/0 transient");
        assert!((10..80).contains(&said), "it was said {said} times");
        drop(generator);
        assert!(Outbox::open(home.path()).unwrap().words().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn while_nothing_can_be_written_down_no_lease_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(home.path()).unwrap();
    outbox.fill();
    // No other file can take its place while something of that name is in the way.
    let obstacle = home.path().join("closings.new");
    std::fs::create_dir(&obstacle).unwrap();
    let world = Arc::new(World::new(&[("a", Act::Draw)]));
    let generator = generator_with(&world, outbox, ManualClock::at(NOW));
    let told = async |id| listen(generator.generate(request(id, 1), Manner::default()).unwrap()).await;
    // Nobody knows of the disk before something is written.
    assert_eq!(told("first").await.pictures, 1);
    let refused = Told { retry_after: Some(Duration::from_secs(5)), ..failed(FailureKind::Unavailable) };
    assert_eq!(told("second").await, refused);
    std::fs::remove_dir(&obstacle).unwrap();
    while told("later").await.pictures == 0 {
        sleep(Duration::from_secs(1)).await;
    }
    generator.drain().await;
    assert_eq!(world.count("delivered"), 2);
}
