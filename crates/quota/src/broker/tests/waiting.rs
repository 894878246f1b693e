//! How wishes wait for their turn.

use domain::lease::term;
use tokio::{
    task::JoinHandle,
    time::{advance, sleep},
};

use super::*;

/// A wish of a client that waits for two minutes.
fn patient(client: &str, name: &str, count: u32) -> LeaseRequest {
    let client = ClientId::new(client).unwrap();
    LeaseRequest { client, patience: Duration::from_mins(2), ..wish(name, count) }
}

/// One that waits for an hour.
fn very_patient(client: &str, name: &str, count: u32) -> LeaseRequest {
    LeaseRequest { patience: Duration::from_hours(1), ..patient(client, name, count) }
}

/// Has a wish wait, and answers with where its answer comes.
async fn wait(broker: &Arc<Broker>, request: LeaseRequest) -> JoinHandle<Result<Acquired, Failure>> {
    match broker.acquire(request).await.unwrap() {
        Begun::Waiting(turn) => tokio::spawn(turn.answer()),
        Begun::Answered(acquired) => panic!("answered at once: {acquired:?}"),
    }
}

/// Lets everything be done that can be done at this moment.
async fn settle_down() {
    sleep(Duration::from_millis(100)).await;
}

/// One account on which so many calls can be made at once, all of them taken.
async fn full(concurrent: u32, limits: QueueLimits) -> (Arc<Broker>, Vec<Grant>) {
    let wide = Account { limits: Limits::new(1_000, 1_000, 10_000, concurrent), ..account("a", "p", 1) };
    let store = store::open(&Location::Memory, Arc::new(Passing(Instant::now()))).await.unwrap();
    let broker = attended(broker(vec![wide], store, limits));
    let grants = granted(ask(&broker, wish("first", concurrent)).await.unwrap());
    settle_down().await;
    (broker, grants)
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_is_served_as_soon_as_a_call_ends_and_without_looking_again_and_again() {
    let (broker, grants) = full(1, QueueLimits::default()).await;
    let waiting = wait(&broker, patient("a", "r", 1)).await;
    sleep(Duration::from_secs(5)).await;
    assert!(!waiting.is_finished());
    let before = Instant::now();
    settle(&broker, &grants[0], delivered()).await;
    let grant = granted(waiting.await.unwrap().unwrap()).remove(0);
    assert_eq!(grant.id.as_str(), "r/0/0");
    assert!(before.elapsed() <= Duration::from_millis(20), "{:?}", before.elapsed());
    // Whoever asked counts from then: the wait is in the times, and never more than the wait.
    let since_asking = Duration::from_secs(5)..=Duration::from_secs(5) + before.elapsed();
    assert!(
        since_asking.contains(&grant.start_within.saturating_sub(term::START)),
        "{:?}",
        grant.start_within
    );
}

#[tokio::test(start_paused = true)]
async fn released_expired_and_rested_capacity_wakes_too() {
    let (broker, grants) = full(1, QueueLimits::default()).await;
    let released = wait(&broker, patient("a", "r", 1)).await;
    broker.release(&grants[0].id, grants[0].fence).await.unwrap();
    let after_release = granted(released.await.unwrap().unwrap()).remove(0);

    let before = Instant::now();
    let expired = wait(&broker, patient("a", "s", 1)).await;
    let after_expiry = granted(expired.await.unwrap().unwrap()).remove(0);
    assert!(before.elapsed() <= term::LEASE + Duration::from_millis(20), "{:?}", before.elapsed());
    assert_ne!(after_expiry.fence, after_release.fence);

    let throttled =
        CallOutcome::Throttled { window: None, retry_after: Some(Duration::from_secs(7)), revealed: None };
    settle(&broker, &after_expiry, throttled).await;
    settle_down().await;
    let before = Instant::now();
    let rested = wait(&broker, patient("a", "t", 1)).await;
    granted(rested.await.unwrap().unwrap());
    assert!(before.elapsed() <= Duration::from_secs(7), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_to_one_that_hangs_up_at_that_moment_is_given_back() {
    let (broker, grants) = full(1, QueueLimits::default()).await;
    let Begun::Waiting(turn) = broker.acquire(patient("a", "r", 1)).await.unwrap() else {
        panic!("there was room");
    };
    settle(&broker, &grants[0], delivered()).await;
    settle_down().await;
    assert!(matches!(ask(&broker, wish("s", 1)).await, Ok(Acquired::Refused(_))), "nothing was granted");
    drop(turn);
    settle_down().await;
    granted(ask(&broker, wish("t", 1)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_minute_that_ends_wakes_at_its_moment() {
    let broker = attended(over_memory(vec![account("a", "p", 10)]).await);
    for grant in granted(ask(&broker, wish("first", 10)).await.unwrap()) {
        settle(&broker, &grant, delivered()).await;
    }
    settle_down().await;
    let before = Instant::now();
    let waiting = wait(&broker, patient("a", "r", 1)).await;
    granted(waiting.await.unwrap().unwrap());
    assert!(before.elapsed() <= term::WINDOW, "{:?}", before.elapsed());
    assert!(before.elapsed() + Duration::from_secs(1) >= term::MINUTE, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn clients_with_equal_demand_get_equal_shares() {
    let (broker, mut grants) = full(4, QueueLimits::default()).await;
    let (mut waiting, mut served) = (vec![], std::collections::HashMap::<String, u32>::new());
    // All of one client's wishes come before any of the other's.
    for n in 0..50 {
        waiting.push(wait(&broker, very_patient("crowd", &format!("crowd-{n}"), 1)).await);
    }
    for n in 0..50 {
        waiting.push(wait(&broker, very_patient("steady", &format!("steady-{n}"), 1)).await);
    }
    for _ in 0..40 {
        let grant = grants.remove(0);
        settle(&broker, &grant, delivered()).await;
        settle_down().await;
        let done: Vec<_> = waiting.extract_if(.., |one| one.is_finished()).collect();
        for one in done {
            for grant in granted(one.await.unwrap().unwrap()) {
                *served.entry(grant.id.as_str().split('-').next().unwrap().to_owned()).or_default() += 1;
                grants.push(grant);
            }
        }
    }
    assert_eq!(served.values().sum::<u32>(), 40);
    assert!(served.values().all(|share| (16..=24).contains(share)), "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_those_that_wait() {
    let (broker, mut grants) = full(2, QueueLimits::default()).await;
    let both = wait(&broker, patient("a", "both", 2)).await;
    settle(&broker, &grants.remove(0), delivered()).await;
    settle_down().await;
    // One place is free, and the first in line wants two.
    let Acquired::Refused(Shortage::Limited { .. }) = ask(&broker, wish("impatient", 1)).await.unwrap()
    else {
        panic!("it overtook")
    };
    let behind = wait(&broker, patient("b", "behind", 1)).await;
    settle_down().await;
    assert!(!both.is_finished() && !behind.is_finished());
    settle(&broker, &grants.remove(0), delivered()).await;
    assert_eq!(granted(both.await.unwrap().unwrap()).len(), 2);
    assert!(!behind.is_finished());
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_other_accounts_than_are_free_holds_nobody_up() {
    let broker = attended(over_memory(vec![account("a", "p1", 1), account("b", "p2", 1)]).await);
    let mut held = granted(ask(&broker, wish("first", 2)).await.unwrap());
    settle_down().await;
    let picky = wait(&broker, without(patient("a", "picky", 1), &["a"])).await;
    let any = wait(&broker, patient("a", "any", 1)).await;
    let on_a = held.iter().position(|grant| grant.account.as_str() == "a").unwrap();
    settle(&broker, &held.remove(on_a), delivered()).await;
    assert_eq!(accounts_of(any.await.unwrap().unwrap()), ["a"]);
    assert!(!picky.is_finished());
    settle(&broker, &held.remove(0), delivered()).await;
    assert_eq!(accounts_of(picky.await.unwrap().unwrap()), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_up_gives_up_its_place_at_once() {
    let (broker, grants) = full(1, QueueLimits { waiting: 1, waiting_per_client: 1 }).await;
    let Begun::Waiting(turn) = broker.acquire(patient("a", "r", 1)).await.unwrap() else {
        panic!("answered")
    };
    assert!(matches!(ask(&broker, patient("b", "s", 1)).await.unwrap(), Acquired::Refused(_)));
    drop(turn);
    let waiting = wait(&broker, patient("b", "s", 1)).await;
    settle(&broker, &grants[0], delivered()).await;
    granted(waiting.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_granted_to_one_that_hung_up_is_given_back() {
    let (broker, grants) = full(1, QueueLimits::default()).await;
    let Begun::Waiting(turn) = broker.acquire(patient("a", "r", 1)).await.unwrap() else {
        panic!("answered")
    };
    let queue = Arc::clone(&broker.queues[MODEL]);
    let (ticket, request, _) = queue.next(&std::collections::HashSet::new()).unwrap();
    settle(&broker, &grants[0], delivered()).await;
    let answer = broker.attempt(&request).await;
    drop(turn);
    let unheard = queue.answer(ticket, answer).unwrap_err();
    broker.take_back(unheard).await;
    granted(ask(&broker, wish("s", 1)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_served_in_time_is_refused_at_once_with_the_true_wait() {
    let broker = attended(over_memory(vec![account("a", "p", 10)]).await);
    for grant in granted(ask(&broker, wish("first", 10)).await.unwrap()) {
        advance(Duration::from_millis(500)).await;
        settle(&broker, &grant, delivered()).await;
    }
    settle_down().await;
    let usual = broker.usual.of(MODEL);
    let asked_for = |patience| LeaseRequest { patience, ..wish("r", 1) };
    let Acquired::Refused(Shortage::Limited { retry_after, .. }) =
        ask(&broker, asked_for(Duration::from_secs(10))).await.unwrap()
    else {
        panic!("there is no room")
    };
    let too_short = asked_for((retry_after + usual).saturating_sub(Duration::from_millis(1)));
    assert!(matches!(ask(&broker, too_short).await.unwrap(), Acquired::Refused(_)));
    let long_enough = wait(&broker, asked_for(retry_after + usual + Duration::from_millis(1))).await;
    granted(long_enough.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_when_the_picture_can_no_longer_come_in_time() {
    let (broker, grants) = full(1, QueueLimits::default()).await;
    let before = Instant::now();
    let waiting = wait(&broker, LeaseRequest { patience: Duration::from_secs(30), ..wish("r", 1) }).await;
    let refused = waiting.await.unwrap().unwrap();
    assert!(matches!(refused, Acquired::Refused(Shortage::Limited { .. })), "{refused:?}");
    assert_eq!(before.elapsed() + broker.usual.of(MODEL), Duration::from_secs(30));
    settle(&broker, &grants[0], delivered()).await;
    granted(ask(&broker, wish("s", 1)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_says_when_to_ask_again() {
    let (broker, _grants) = full(1, QueueLimits { waiting: 3, waiting_per_client: 2 }).await;
    let mut waiting = vec![wait(&broker, patient("a", "a1", 1)).await];
    let refused = async |client: &str| match ask(&broker, patient(client, "late", 1)).await.unwrap() {
        Acquired::Refused(Shortage::Limited { retry_after, .. }) => retry_after,
        other => panic!("{other:?}"),
    };
    waiting.push(wait(&broker, patient("a", "a2", 1)).await);
    assert!(refused("a").await >= Duration::from_secs(1));
    waiting.push(wait(&broker, patient("b", "b1", 1)).await);
    assert!(refused("c").await >= Duration::from_secs(1));
}
