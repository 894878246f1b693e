//! What it costs to watch.

use futures_util::StreamExt as _;
use prost::Message as _;
use proto::v1;
use tokio::time::{sleep, timeout_at};

use super::*;
use crate::standings;

const ACCOUNTS: usize = 200;
/// Between two requests.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a call takes.
const CALL: Duration = Duration::from_secs(5);
/// From then on as many units leave the minutes as enter them.
const STEADY: Duration = Duration::from_secs(66);
const MEASURED: Duration = Duration::from_secs(5);
/// What one who watches may be told a second, in bytes.
const MOST: u64 = 100_000;
/// gRPC's prefix and HTTP/2's frame.
const FRAMING: u64 = 5 + 9;

#[tokio::test(start_paused = true)]
async fn one_who_watches_200_accounts_at_50_requests_a_second_is_told_less_than_100_kb_a_second() {
    let account = |n| Account {
        limits: Limits::new(60, 60, 10_000, 8),
        ..account(&format!("account-{n:03}"), &format!("project-{n:03}"), 8)
    };
    let broker = attended(over_memory((0..ACCOUNTS).map(account).collect()).await);
    let asking = tokio::spawn(ask_on_and_on(Arc::clone(&broker)));
    sleep(STEADY).await;

    let mut events = Box::pin(standings::watch(Arc::clone(&broker.view)));
    let size = |event: Result<_, _>| v1::StandingsEvent::from(event.unwrap()).encoded_len() as u64 + FRAMING;
    let whole = size(events.next().await.unwrap());
    let end = Instant::now() + MEASURED;
    let (mut told, mut times) = (0, 0);
    while let Ok(event) = timeout_at(end, events.next()).await {
        told += size(event.unwrap());
        times += 1;
    }
    let a_second = told / MEASURED.as_secs();
    println!("{whole} bytes at first, then {a_second} a second in {} events", times / MEASURED.as_secs());
    assert!(!asking.is_finished() && times > 50, "{times} events");
    assert!(a_second < MOST, "{a_second} bytes a second");
}

async fn ask_on_and_on(broker: Arc<Broker>) {
    for n in 0.. {
        let grant = granted(ask(&broker, wish(&format!("r{n}"), 1)).await.unwrap()).remove(0);
        let broker = Arc::clone(&broker);
        tokio::spawn(async move {
            sleep(CALL).await;
            settle(&broker, &grant, delivered()).await;
        });
        sleep(PAUSE).await;
    }
}
