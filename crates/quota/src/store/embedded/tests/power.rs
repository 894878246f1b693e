//! Power cuts: whatever they spare of what was not synced, what must last has lasted.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{media::Media, *};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    Grant,
    /// The latest grant that is open is settled.
    Settle,
    Expire,
    /// The power goes, and spares these sectors, and so on from the first.
    PowerCut(Vec<bool>),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => Just(Event::Grant),
        6 => Just(Event::Settle),
        1 => Just(Event::Expire),
        2 => vec(any::<bool>(), 1..24).prop_map(Event::PowerCut),
    ]
}

async fn live(events: Vec<Event>) {
    let mut media = Media::default();
    let mut store = media.store().await;
    let (mut granted, mut open) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Grant => {
                open.push(granted.len());
                granted.push(grant(&store, granted.len()).await.unwrap());
            }
            Event::Settle => {
                if let Some(number) = open.pop() {
                    let outcome = CallOutcome::Declined.into();
                    let closing = store.settle(&id(number), granted[number], &outcome).await;
                    assert_eq!(closing, Ok(Closing::Closed));
                }
            }
            Event::Expire => assert_eq!(store.expire().await, Ok(vec![])),
            Event::PowerCut(spared) => {
                let mut spared = spared.into_iter().cycle();
                media = media.after_power_cut(|| spared.next().unwrap_or_default());
                store = media.store().await;
                for (number, fence) in granted.iter().enumerate() {
                    check(&store, &id(number), *fence, open.contains(&number)).await;
                }
            }
        }
    }
}

/// An open lease is open still; one that was closed is remembered, if not as closed.
async fn check(store: &EmbeddedStore, id: &LeaseId, fence: Fence, open: bool) {
    if open {
        let renewal = store.renew(id, fence).await;
        assert!(matches!(renewal, Ok(Renewal::Active { .. })), "{id} is {renewal:?}");
    } else {
        let closing = store.settle(id, fence, &CallOutcome::Declined.into()).await;
        assert!(matches!(closing, Ok(Closing::Closed | Closing::Duplicate)), "{id} is {closing:?}");
    }
}

#[test]
fn acknowledged_grants_survive_whatever_a_power_cut_spares() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(event(), 1..80), |events| {
        runtime.block_on(live(events));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
