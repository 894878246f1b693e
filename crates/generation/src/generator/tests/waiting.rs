//! Leases that are not there at once.

use std::sync::atomic::AtomicU32;

use super::{world::CONNECTING, *};

const MINUTE: Duration = Duration::from_mins(1);

/// A world whose minute is used up.
fn dry(acts: &[(&'static str, Act)]) -> Arc<World> {
    Arc::new(World { grants_left: AtomicU32::new(0), ..World::new(acts) })
}

#[tokio::test(start_paused = true)]
async fn who_must_wait_for_a_lease_is_told_and_gets_it() {
    let world = dry(&[("a", Act::Draw)]);
    assert_eq!(answer(&world, 1).await, Told { queued: 1, ..drawn(1) });
    assert_eq!(world.log(), ["wait 1", "grant r/0/0 a", "settle r/0/0 delivered"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_time_to_wait_learns_at_once_when_to_come_back() {
    let world = dry(&[("a", Act::Draw)]);
    let generator = generator(&world);
    let events = generator.generate(request("r", 1), within(Duration::from_secs(65))).unwrap();
    let told = listen(events).await;
    assert_eq!(told, Told { retry_after: Some(MINUTE), ..failed(FailureKind::QuotaExhausted) });
    assert_eq!(world.log(), ["limited 1"]);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_while_waiting_leaves_the_queue_at_once_and_no_lease_behind() {
    for (cross, log) in [
        (false, vec!["wait 1", "leave", "limited 1"]),
        (true, vec!["wait 1", "leave", "grant r/0/0 a", "release r/0/0"]),
    ] {
        let world = dry(&[("a", Act::Draw)]);
        world.grants_cross.store(cross, Ordering::SeqCst);
        let generator = generator(&world);
        let events = generator.generate(request("r", 1), Manner::default()).unwrap();
        sleep(Duration::from_secs(1)).await;
        drop(events);
        let hung_up = tokio::time::Instant::now();
        generator.drain().await;
        assert_eq!(world.log(), log);
        assert!(hung_up.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn another_attempt_waits_for_its_lease_too() {
    let acts = [("a", Act::Fail(world::Fault::Refused)), ("b", Act::Draw)];
    let world = Arc::new(World { grants_left: AtomicU32::new(1), ..World::new(&acts) });
    assert_eq!(answer(&world, 1).await, drawn(1));
    assert_eq!(world.count("wait 1"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_more_than_there_can_be_is_split_into_batches() {
    let world = Arc::new(World { at_most: 2, ..World::new(&[("a", Act::Draw)]) });
    assert_eq!(answer(&world, 5).await, drawn(5));
    let log = world.log();
    assert_eq!(log[0], "limited 5");
    let third = log.iter().position(|line| line.starts_with("grant r/2/0")).unwrap();
    assert!(log[..third].contains(&"settle r/0/0 delivered".to_owned()));
    assert!(log[..third].contains(&"settle r/1/0 delivered".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_later_batch_waits_for_its_turn_while_the_deadline_allows() {
    let two_a_minute =
        || Arc::new(World { at_most: 2, grants_left: AtomicU32::new(2), ..World::new(&[("a", Act::Draw)]) });
    assert_eq!(answer(&two_a_minute(), 4).await, Told { queued: 1, ..drawn(4) });
    let generator = generator(&two_a_minute());
    let events = generator.generate(request("r", 4), within(Duration::from_secs(50))).unwrap();
    let failures = vec![FailureKind::QuotaExhausted; 2];
    assert_eq!(listen(events).await, Told { failures, retry_after: Some(MINUTE), ..drawn(2) });
}

#[tokio::test(start_paused = true)]
async fn a_settlement_tells_how_long_after_its_grant_the_call_was_sent_at_the_most() {
    for world in [Arc::new(World::new(&[("a", Act::Draw)])), dry(&[("a", Act::Draw)])] {
        answer(&world, 1).await;
        // The ledger's answer takes 10 ms, and a fraction of a millisecond counts as one.
        let most = (CONNECTING + Duration::from_millis(10)).as_micros().div_ceil(1_000);
        let told = world.sent_after.lock().unwrap()[0].unwrap();
        assert_eq!(told.as_millis(), most, "{:?}", world.log());
    }
}
