//! Callers who go away.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_during_the_call_pays_for_it() {
    let world = Arc::new(World::new(&[("a", Act::DrawAfter(100))]));
    let generator = generator(&world);
    let events = generator.generate(request("r", 2), Manner::default()).unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(events);
    generator.drain().await;
    let mut log = world.log();
    log.sort();
    assert_eq!(log, ["grant r/0/0 a", "grant r/1/0 a", "settle r/0/0 cancelled", "settle r/1/0 cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_before_anything_is_sent_pays_nothing() {
    let world = Arc::new(World::new(&[("a", Act::NeverConnect)]));
    for millis in [1, 1_000] {
        let generator = generator(&world);
        let events = generator.generate(request("r", 1), Manner::default()).unwrap();
        sleep(Duration::from_millis(millis)).await;
        drop(events);
        generator.drain().await;
        let log = std::mem::take(&mut *world.log.lock().unwrap());
        assert_eq!(log, ["grant r/0/0 a", "release r/0/0"], "hung up after {millis} ms");
    }
}
