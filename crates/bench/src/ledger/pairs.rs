//! Leases that are granted and settled, one pair after another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use domain::{
    Account, AccountId, CallOutcome, Catalog, LeaseId, Limits, ProjectId, Provider, Settlement, SystemClock,
    Tier, Usage,
    lease::{Acquired, Acquiring},
};
use proto::{
    transport::Channel,
    v1::{AcquireRequest, SettleRequest, leases_client::LeasesClient},
};
use quota::{
    QueueLimits, Quota, Settings, registry,
    store::{self, Location},
};
use tokio::task::JoinHandle;

use super::redis_server::RedisServer;

/// Limits that nothing here reaches, but that the minute's counters fill under.
const LIMITS: Limits = Limits::new(1_000_000, 1_000_000, 1_000_000_000, 1_000);

/// Names every lease of the process.
static LEASES: AtomicU64 = AtomicU64::new(0);

/// A quota service over a ledger of its own.
pub(crate) struct Bench {
    leases: LeasesClient<Channel>,
    working: JoinHandle<()>,
    serving: JoinHandle<()>,
}

/// What was seen.
pub(crate) struct Figures {
    /// Pairs a second.
    pub(crate) a_second: f64,
    pub(crate) acquire: Times,
    pub(crate) settle: Times,
}

/// How long each took.
pub(crate) struct Times {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Bench {
    /// A service with so many accounts, each of its own project.
    pub(crate) async fn open(server: &RedisServer, accounts: usize) -> Result<Self> {
        let name = format!("bench{}", LEASES.fetch_add(1, Ordering::Relaxed));
        let location: Location = server.url(&name).parse()?;
        let clock = Arc::new(SystemClock);
        let store = store::open(&location, clock.clone()).await?;
        let settings = Settings {
            accounts: (0..accounts).map(account).collect::<Result<_>>()?,
            clients: vec![],
            pepper: "nobody has a key here".into(),
            queue: QueueLimits::default(),
        };
        let registry = registry::open(&Location::Memory).await?;
        let quota = Arc::new(Quota::new(settings, Arc::new(Catalog::builtin()), store, registry, clock)?);
        let (channel, incoming) = proto::transport::pipe();
        let routes = quota.routes();
        let serving = tokio::spawn(async move {
            // It ends with the measurement.
            let _ = proto::transport::server().add_routes(routes).serve_with_incoming(incoming).await;
        });
        let working = tokio::spawn(async move { quota.work_until(std::future::pending()).await });
        let bench = Self { leases: LeasesClient::new(channel), working, serving };
        // The first acquire asks how all accounts stand; it is not counted.
        bench.clone_client().pair().await?;
        Ok(bench)
    }

    /// Grants and settles with so many at once, for so long.
    pub(crate) async fn pairs(&self, at_once: usize, lasting: Duration) -> Result<Figures> {
        let began = Instant::now();
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let mut client = self.clone_client();
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while began.elapsed() < lasting {
                        times.push(client.pair().await?);
                    }
                    anyhow::Ok(times)
                })
            })
            .collect();
        let mut times = Vec::new();
        for worker in workers {
            times.extend(worker.await??);
        }
        ensure!(!times.is_empty(), "nothing was granted");
        let a_second = times.len() as f64 / began.elapsed().as_secs_f64();
        let (acquires, settles) = times.into_iter().unzip();
        Ok(Figures { a_second, acquire: Times::of(acquires), settle: Times::of(settles) })
    }

    fn clone_client(&self) -> Client {
        Client(self.leases.clone())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.working.abort();
        self.serving.abort();
    }
}

struct Client(LeasesClient<Channel>);

impl Client {
    /// One lease, granted and settled; how long each took.
    async fn pair(&mut self) -> Result<(Duration, Duration)> {
        let name = format!("bench/{}", LEASES.fetch_add(1, Ordering::Relaxed));
        let wish = AcquireRequest {
            lease_ids: vec![name.clone()],
            client: "bench".into(),
            model: "gemini-3-pro-image".into(),
            resolution: "1K".into(),
            request_id: name,
            ..AcquireRequest::default()
        };
        let asked = Instant::now();
        let mut steps = self.0.acquire(wish).await?.into_inner();
        let step = steps.message().await?.context("no answer to a wish")?;
        let acquired = asked.elapsed();
        let Ok(Acquiring::Answered(Acquired::Granted(grants))) = Acquiring::try_from(step) else {
            anyhow::bail!("a lease was refused")
        };
        let grant = grants.into_iter().next().context("no lease")?;
        let outcome = CallOutcome::Delivered { images: 1, usage: Usage::default() };
        let settlement = Settlement { outcome, sent_after: Some(Duration::from_millis(1)) };
        let id: &LeaseId = &grant.id;
        let asked = Instant::now();
        self.0.settle(SettleRequest::new(id, grant.fence, settlement)).await?;
        Ok((acquired, asked.elapsed()))
    }
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { p50: times[times.len() / 2], p99: times[(times.len() * 99 / 100).min(times.len() - 1)] }
    }
}

fn account(number: usize) -> Result<Account> {
    Ok(Account {
        id: AccountId::new(format!("account{number}"))?,
        provider: Provider::Gemini,
        project: ProjectId::new(format!("project{number}"))?,
        tier: Tier::Pro,
        models: vec![],
        limits: LIMITS,
        enabled: true,
    })
}
