//! How accounts stand, as those who watch are told.

use domain::{
    CallOutcome, LeaseId, Settlement,
    lease::{Acquired, Acquiring, Quota, Revealed, Window},
    standing::{Hindrance, StandingsEvent},
};
use proto::{
    transport::Channel,
    v1::{
        ListStandingsRequest, SettleRequest, StandingsEvent as Wire, WatchStandingsRequest,
        leases_client::LeasesClient, standings_client::StandingsClient,
    },
};
use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use crate::{
    grpc::{acquire, serve, service, wish},
    scene::{MIDNIGHT, NOON, millis, seconds},
};

async fn next(events: &mut Streaming<Wire>) -> StandingsEvent {
    let event = timeout(millis(100), events.message()).await.expect("told within a tenth of a second");
    event.unwrap().unwrap().try_into().unwrap()
}

async fn grant(leases: &mut LeasesClient<Channel>, name: &str) -> (LeaseId, domain::Fence) {
    match acquire(leases, wish(name, 1)).await.unwrap() {
        Acquired::Granted(grants) => (grants[0].id.clone(), grants[0].fence),
        Acquired::Refused(shortage) => panic!("{shortage:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_everything_and_then_at_once_what_changed_and_why() {
    let service = service().await;
    let channel = serve(&service.quota);
    let (mut leases, mut standings) = (LeasesClient::new(channel.clone()), StandingsClient::new(channel));
    let watching = async {
        let mut events = standings.watch(WatchStandingsRequest {}).await.unwrap().into_inner();
        let first = next(&mut events).await;
        assert!(first.whole);
        assert_eq!(first.standings.len(), 3, "one for each model");
        assert!(first.standings.iter().all(|standing| standing.hindrance.is_none()));

        let (id, fence) = grant(&mut leases, "r").await;
        let granted = next(&mut events).await;
        assert!(!granted.whole);
        assert_eq!(granted.standings.len(), 1);
        let standing = &granted.standings[0];
        assert_eq!((standing.in_flight, standing.windows[0].used, standing.windows[0].left()), (1, 1, 9));
        assert_eq!(standing.windows[2].resets_at, MIDNIGHT);

        let revealed = Some(Revealed { quota: Quota::RequestsPerMinute, limit: 4 });
        let outcome =
            CallOutcome::Throttled { window: Some(Window::Minute), retry_after: Some(seconds(7)), revealed };
        let settlement = Settlement { outcome, sent_after: None };
        leases.settle(SettleRequest::new(&id, fence, settlement)).await.unwrap();
        let refused = next(&mut events).await;
        let standing = &refused.standings[0];
        assert_eq!((standing.in_flight, standing.setbacks), (0, 1));
        assert_eq!((standing.windows[0].learned, standing.windows[0].left()), (Some(4), 3));
        assert_eq!(standing.hindrance, Some(Hindrance::Throttled));
        assert_eq!(standing.leasable_at, Some(NOON + seconds(7)));

        service.clock.advance(seconds(7));
        service.store.expire().await.unwrap();
        let recovered = next(&mut events).await;
        assert_eq!((recovered.standings[0].hindrance, recovered.standings[0].cooldown), (None, None));
    };
    tokio::select! {
        () = service.quota.work_until(std::future::pending()) => {}
        () = watching => {}
    }
}

#[tokio::test(start_paused = true)]
async fn who_looks_once_is_told_everything() {
    let service = service().await;
    let mut standings = StandingsClient::new(serve(&service.quota));
    let event: StandingsEvent =
        standings.list(ListStandingsRequest {}).await.unwrap().into_inner().try_into().unwrap();
    assert!(event.whole && event.now == NOON);
    assert_eq!(event.standings.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_hears_so_and_then_its_answer() {
    let service = service().await;
    let mut leases = LeasesClient::new(serve(&service.quota));
    let waiting = async {
        let (id, fence) = grant(&mut leases, "r").await;
        grant(&mut leases, "s").await;
        let patient = proto::v1::AcquireRequest { patience_ms: 60_000, ..wish("t", 1) };
        let mut steps = leases.acquire(patient).await.unwrap().into_inner();
        let step: Acquiring = steps.message().await.unwrap().unwrap().try_into().unwrap();
        assert_eq!(step, Acquiring::Waiting);
        sleep(seconds(1)).await;
        let before = Instant::now();
        let settlement: Settlement = CallOutcome::Empty.into();
        leases.settle(SettleRequest::new(&id, fence, settlement)).await.unwrap();
        let step: Acquiring = steps.message().await.unwrap().unwrap().try_into().unwrap();
        assert!(matches!(step, Acquiring::Answered(Acquired::Granted(_))), "{step:?}");
        assert!(before.elapsed() < millis(50), "{:?}", before.elapsed());
    };
    tokio::select! {
        () = service.quota.work_until(std::future::pending()) => {}
        () = waiting => {}
    }
}
