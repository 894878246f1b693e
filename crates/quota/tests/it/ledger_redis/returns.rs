//! Redis that goes and comes back while services spend: processes that are killed, files that are lost.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use domain::{Limits, ManualClock, SystemClock};
use quota::store::{Acquisition, Candidate, Location, RedisLocation, Store, StoreError, open};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    redis_server::{Server, eventually},
    scene::{NOON, candidate, id, millis, seconds, wish},
};

/// How much a minute or a day holds, where nothing else is in the way.
const ALLOWED: u32 = 300;
/// Grants that were on their way when Redis died: nobody was told of them, but they may count.
const UNTOLD: u32 = 8;

/// A project of which the minute is short, and one of which the day is.
fn everyone() -> [Candidate; 2] {
    [
        candidate("minute", "p", Limits::new(ALLOWED, ALLOWED, 9_999, 9_999)),
        candidate("day", "q", Limits::new(9_999, 9_999, ALLOWED, 9_999)),
    ]
}

/// Services that spend all they can, until this is dropped.
struct Spree {
    ledger: Arc<Ledger>,
}

#[derive(Default)]
struct Ledger {
    is_over: AtomicBool,
    /// The calls that callers were told they may make, by account.
    granted: Mutex<HashMap<String, u32>>,
    /// How each store answered last.
    last: Mutex<HashMap<usize, &'static str>>,
}

impl Spree {
    /// Two services at this place, as production runs them.
    async fn begin(place: &RedisLocation) -> Self {
        let ledger = Arc::new(Ledger::default());
        for number in 0..2 {
            let store = open(&Location::Redis(place.clone()), Arc::new(SystemClock)).await.unwrap();
            tokio::spawn(attend(Arc::clone(&store), Arc::clone(&ledger)));
            for caller in 0..2 {
                tokio::spawn(spend(Arc::clone(&store), number, caller, Arc::clone(&ledger)));
            }
        }
        Self { ledger }
    }

    fn granted(&self, account: &str) -> u32 {
        self.ledger.granted.lock().unwrap().get(account).copied().unwrap_or_default()
    }

    async fn has_spent(&self, calls: u32) {
        eventually("the calls", async || (self.granted("minute") >= calls).then_some(())).await;
    }

    /// Waits until every service grants or says that there is no room, and tells how long that took.
    async fn is_served(&self) -> std::time::Duration {
        let since = Instant::now();
        self.ledger.last.lock().unwrap().clear();
        eventually("the service", async || {
            let last = self.ledger.last.lock().unwrap();
            (last.len() == 2 && last.values().all(|word| *word != "failed")).then_some(())
        })
        .await;
        since.elapsed()
    }

    /// Waits until nothing is left, and checks that nothing was spent twice or kept back.
    async fn spends_what_is_allowed(&self) {
        eventually("the end of the quota", async || {
            let last = self.ledger.last.lock().unwrap();
            (last.len() == 2 && last.values().all(|word| *word == "limited")).then_some(())
        })
        .await;
        for account in ["minute", "day"] {
            let granted = self.granted(account);
            assert!(granted <= ALLOWED, "{granted} calls were granted by {account}");
            assert!(granted + UNTOLD >= ALLOWED, "only {granted} calls were granted by {account}");
        }
    }
}

impl Drop for Spree {
    fn drop(&mut self) {
        self.ledger.is_over.store(true, Ordering::SeqCst);
    }
}

async fn attend(store: Arc<dyn Store>, ledger: Arc<Ledger>) {
    let mut rounds = interval(seconds(1));
    while !ledger.is_over.load(Ordering::SeqCst) {
        rounds.tick().await;
        let _down = store.expire().await;
    }
}

async fn spend(store: Arc<dyn Store>, number: usize, caller: u32, ledger: Arc<Ledger>) {
    let mut pace = interval(millis(10));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for call in 0.. {
        pace.tick().await;
        if ledger.is_over.load(Ordering::SeqCst) {
            return;
        }
        let mut words = vec![];
        for account in everyone() {
            let ids = [id(format!("{number}/{caller}/{call}/{}", account.account))];
            let answer = store.acquire(&wish(&ids, std::slice::from_ref(&account))).await;
            words.push(match &answer {
                Ok(Acquisition::Granted { .. }) => "granted",
                Ok(_) => "limited",
                Err(StoreError::Learning { .. } | StoreError::Failed { .. }) => "failed",
                Err(other) => panic!("{other}"),
            });
            if matches!(answer, Ok(Acquisition::Granted { .. })) {
                *ledger.granted.lock().unwrap().entry(account.account.to_string()).or_default() += 1;
            }
        }
        let first = words.iter().find(|word| **word != "limited").copied();
        ledger.last.lock().unwrap().insert(number, first.unwrap_or("limited"));
    }
}

/// Keeps what it acknowledged.
const DURABLE: [&str; 6] = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"];

fn place(server: &Server) -> RedisLocation {
    format!("{}?prefix=returns", server.url()).parse().unwrap()
}

fn restart(port: u16, directory: &Path) -> Server {
    Server::try_start(port, directory, &DURABLE).expect("its port was taken meanwhile")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_service_is_back_within_five_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &DURABLE);
    let port = server.port;
    let spree = Spree::begin(&place(&server)).await;
    spree.has_spent(100).await;
    server.signal("KILL");
    drop(server);
    let _server = restart(port, directory.path());
    let away = spree.is_served().await;
    assert!(away < seconds(5), "it was away for {away:?}");
    spree.spends_what_is_allowed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_server_is_told_all_that_counts() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &DURABLE);
    let port = server.port;
    let spree = Spree::begin(&place(&server)).await;
    spree.has_spent(100).await;
    server.signal("KILL");
    drop(server);
    let empty = tempfile::tempdir().unwrap();
    let server = restart(port, empty.path());
    // One that knows nothing comes first, as far as it can.
    let _stranger = open(&Location::Redis(place(&server)), Arc::new(ManualClock::at(NOON))).await.unwrap();
    spree.spends_what_is_allowed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_is_told_what_it_lacks() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &DURABLE);
    let port = server.port;
    let spree = Spree::begin(&place(&server)).await;
    spree.has_spent(50).await;
    let older = tempfile::tempdir().unwrap();
    copy(directory.path(), older.path());
    spree.has_spent(150).await;
    server.signal("KILL");
    drop(server);
    let _server = restart(port, older.path());
    spree.spends_what_is_allowed().await;
}

/// Copies a directory as it is, whoever writes in it.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
