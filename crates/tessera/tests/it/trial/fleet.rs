//! All the processes of a trial, and the wires between them.
//!
//! ```text
//! client ─ gateway ─ generation ─ wire ─ tap ─ quota ─ wire ─ redis
//!                        └──────── provider
//! ```

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use domain::{Clock as _, SystemClock, Timestamp};
use futures_util::TryStreamExt as _;
use proto::v1::{ListUsageRequest, UsageTotalsRequest, usage_log_client::UsageLogClient};
use tempfile::TempDir;

use super::{
    chance::Chance,
    journal::Journal,
    meddler::Meddler,
    post::Post,
    provider::{self, Owned, Provider},
    record::{Answer, Record, Used},
    redis::{Fsync, Redis},
    tap::Tap,
    wire::Wire,
};
use crate::process::tessera;

/// The key that every client has.
pub(crate) const CLIENT_KEY: &str = "tsr_trial";
/// What it opens.
pub(crate) const CLIENT: &str = "trial";

/// How long a request may take in all.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much longer a client may wait for the end of the answer: for the longest that a process is stopped, and a moment.
const LATER: Duration = Duration::from_secs(7);

/// What a fleet is made of.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) owned: Vec<Owned>,
    /// The provider's latency and rules.
    pub(crate) manners: String,
    pub(crate) fsync: Fsync,
    pub(crate) quotas: usize,
    pub(crate) generations: usize,
    /// Of a hundred exchanges with the ledger, how many are repeated, contradicted, or meddled with by strangers.
    pub(crate) meddling: u32,
}

/// A fleet that runs.
pub(crate) struct Fleet {
    pub(crate) provider: Provider,
    pub(crate) redis: Redis,
    pub(crate) quotas: Vec<Post>,
    pub(crate) generations: Vec<Post>,
    pub(crate) gateway: Post,
    /// From each generation process to its quota process.
    pub(crate) straits: Vec<Wire>,
    journal: Arc<Journal>,
    _taps: Vec<Tap>,
    home: TempDir,
}

impl Fleet {
    /// Starts everything, from Redis to the gateway, which asks the first generation process.
    pub(crate) async fn start(plan: &Plan) -> Self {
        let home = tempfile::tempdir().unwrap();
        let provider = Provider::start(home.path(), &plan.owned, &plan.manners);
        write_configuration(home.path(), &plan.owned);
        let redis = Redis::start(home.path(), plan.fsync).await;
        let journal = Arc::<Journal>::default();
        let (mut quotas, mut generations) = (Vec::new(), Vec::new());
        let (mut straits, mut taps) = (Vec::new(), Vec::new());
        for index in 0..plan.quotas {
            let store = ("TESSERA_QUOTA__STORE", redis.url());
            quotas.push(Post::start(role("quota", index, home.path(), [store].to_vec())).await);
        }
        for index in 0..plan.generations {
            let meddler = Meddler::new(Chance::of(plan.seed, &format!("meddler {index}")), plan.meddling);
            let tap = Tap::new(&quotas[index % plan.quotas].url(), Arc::clone(&journal), meddler).await;
            let strait = Wire::new().await;
            strait.lead_to(tap.address());
            let settings = vec![
                ("TESSERA_GENERATION__QUOTA_URL", strait.url()),
                ("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url().to_owned()),
            ];
            generations.push(Post::start(role("generation", index, home.path(), settings)).await);
            straits.push(strait);
            taps.push(tap);
        }
        let last = plan.quotas - 1;
        let settings = vec![
            ("TESSERA_GATEWAY__GENERATION_URL", generations[0].url()),
            ("TESSERA_GATEWAY__QUOTA_URL", quotas[last].url()),
        ];
        let gateway = Post::start(role("gateway", 0, home.path(), settings)).await;
        Self { provider, redis, quotas, generations, gateway, straits, journal, _taps: taps, home }
    }

    /// A directory for what outlives its processes.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// All that was seen, with the answers that the clients got.
    pub(crate) fn record(&self, plan: &Plan, answers: Vec<Answer>, forgotten: Vec<Timestamp>) -> Record {
        Record {
            projects: provider::projects(&plan.owned),
            deadline: DEADLINE + LATER,
            throttling: provider::THROTTLING,
            generation_lives: self.generations.iter().map(Post::lives).sum(),
            forgotten,
            calls: self.provider.calls(),
            exchanges: self.journal.exchanges(),
            answers,
            used: None,
        }
    }

    /// What the ledger says that was used.
    pub(crate) async fn used(&self) -> Used {
        let mut log = UsageLogClient::new(proto::transport::connect(&self.quotas[0].url()).unwrap());
        let at = SystemClock.now();
        let records = log.list(ListUsageRequest::default()).await.unwrap().into_inner();
        let records: Vec<_> = records.try_collect().await.unwrap();
        let totals = log.totals(UsageTotalsRequest::default()).await.unwrap().into_inner().totals;
        Used {
            at,
            records: records.into_iter().map(|record| record.try_into().unwrap()).collect(),
            totals: totals.into_iter().map(|total| total.try_into().unwrap()).collect(),
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if thread::panicking() {
            self.home.disable_cleanup(true);
            eprintln!("what the processes of this trial logged is in {}", self.home.path().display());
        }
    }
}

/// A command that runs a role, with these settings beside the common configuration.
fn role(
    name: &'static str,
    index: usize,
    home: &Path,
    settings: Vec<(&'static str, String)>,
) -> impl Fn() -> Command + Send + Sync + 'static {
    let home = home.to_owned();
    move || {
        let log = File::options().create(true).append(true).open(home.join(format!("{name}-{index}.log")));
        let mut command = tessera([name, "--config"]);
        command
            .arg(home.join("tessera.toml"))
            .env("TESSERA_DATA_DIR", home.join(format!("{name}-{index}")))
            .env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0")
            .envs(settings.clone())
            .stderr(log.unwrap());
        command
    }
}

fn write_configuration(home: &Path, owned: &[Owned]) {
    let mut text = format!(
        "[generation]\ndeadline_seconds = {}\n[generation.gemini]\nfirst_byte_timeout_seconds = 8\n\
         [quota]\nkey_pepper = 'the pepper of the trial'\n\
         [[clients]]\nname = '{CLIENT}'\nkey = '{CLIENT_KEY}'\n",
        DEADLINE.as_secs()
    );
    for owned in owned {
        text.write_str(&owned.configured()).expect("text grows");
    }
    fs::write(home.join("tessera.toml"), text).unwrap();
}
