//! Every process of a cluster is replaced while pictures are made, and nobody notices.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use tokio::{
    task::{JoinSet, block_in_place},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    certificates::Authority,
    process::{Server, tessera},
    provider::Provider,
    trial::redis::{Fsync, Redis},
};

/// How long the provider draws, unless the environment says otherwise.
const CALL_SECONDS: &str = "3";
const MODEL: &str = "gemini-3.1-flash-image-512";
/// Clients that ask one picture after the other.
const CLIENTS: usize = 8;
/// How long a process may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

const OPERATOR: &str = r#"
[operations]
drain_seconds = 1

[generation]
deadline_seconds = 90

[quota]
key_pepper = "the pepper of the cluster"

[[accounts]]
id = "a"
provider = "gemini"
project = "p"
tier = "ultra"
api_key = "AIza-a"
limits = { requests_per_minute = 9000, images_per_minute = 9000, requests_per_day = 900000, concurrent = 500 }

[[clients]]
name = "website"
key = "tsr_website"
"#;

/// A place in the cluster that one process holds after the other, always at the same address.
struct Post {
    role: &'static str,
    index: usize,
    home: PathBuf,
    settings: Vec<(&'static str, String)>,
    address: SocketAddr,
    operations: SocketAddr,
    server: Option<Server>,
}

/// Everything that a cluster is made of.
struct Cluster {
    gateways: Vec<Post>,
    generations: Vec<Post>,
    quotas: Vec<Post>,
}

impl Post {
    fn new(role: &'static str, index: usize, home: &Path, settings: &[(&'static str, String)]) -> Self {
        let (home, settings) = (home.to_owned(), settings.to_vec());
        Self { role, index, home, settings, address: free(), operations: free(), server: None }
    }

    fn command(&self) -> Command {
        let Self { role, index, home, settings, address, operations, .. } = self;
        let log =
            fs::File::options().create(true).append(true).open(home.join(format!("{role}-{index}.log")));
        let mut command = tessera([role, "--config"]);
        command
            .arg(home.join("tessera.toml"))
            .env("TESSERA_DATA_DIR", home.join(format!("{role}-{index}")))
            .env(format!("TESSERA_{}__LISTEN", role.to_uppercase()), address.to_string())
            .env("TESSERA_OPERATIONS__LISTEN", operations.to_string())
            .env("TESSERA_LOG", "info")
            .envs(settings.clone())
            .stderr(log.unwrap());
        command
    }

    /// Starts a process and waits until it is ready.
    async fn start(&mut self, client: &Client) {
        self.server = Some(block_in_place(|| Server::start(self.command())));
        let url = format!("http://{}/readyz", self.operations);
        let began = Instant::now();
        while !is_ok(client, &url).await {
            assert!(began.elapsed() < PATIENCE, "{}-{} does not become ready", self.role, self.index);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks the process to stop, and sees to it that it does so in peace.
    fn stop(&mut self) {
        let server = self.server.take().expect("it runs");
        let status = block_in_place(|| server.terminate());
        assert_eq!(status.code(), Some(0), "{}-{}", self.role, self.index);
    }
}

impl Cluster {
    async fn start(home: &Path, provider: &Provider, redis: &Redis, client: &Client) -> Self {
        fs::write(home.join("tessera.toml"), OPERATOR).unwrap();
        let certificates = Authority::new(home.join("tls"));
        let two = |role, settings: &[_]| -> Vec<_> {
            (0..2).map(|index| Post::new(role, index, home, settings)).collect()
        };
        let known = |role, settings: &[_]| two(role, &[settings, &certificates.variables(role)].concat());
        // Both ways to be called: quota by everybody, generation by those who have a certificate.
        let quotas = two("quota", &[("TESSERA_QUOTA__STORE", redis.url())]);
        let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url().to_owned());
        let quota_url = url("http", &quotas);
        let settings = [provider, ("TESSERA_GENERATION__QUOTA_URL", quota_url.clone())];
        let generations = known("generation", &settings);
        let gateways = known(
            "gateway",
            &[
                ("TESSERA_GATEWAY__GENERATION_URL", url("https", &generations)),
                ("TESSERA_GATEWAY__QUOTA_URL", quota_url),
                ("TESSERA_GATEWAY__CONSOLE_LISTEN", "off".to_owned()),
            ],
        );
        let mut cluster = Self { gateways, generations, quotas };
        for post in cluster.posts() {
            post.start(client).await;
        }
        cluster
    }

    /// From the ledger outwards.
    fn posts(&mut self) -> impl Iterator<Item = &mut Post> {
        self.quotas.iter_mut().chain(&mut self.generations).chain(&mut self.gateways)
    }
}

/// Clients behind a load balancer that knows these gateways.
#[derive(Clone)]
struct Customers {
    client: Client,
    gateways: Arc<Vec<SocketAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Customers {
    /// Asks for pictures until it is told to stop; what went wrong.
    async fn shop(self, stop: CancellationToken) -> Vec<String> {
        let mut wrong = Vec::new();
        while !stop.is_cancelled() && wrong.is_empty() {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            if let Err(what) = self.buy(number).await {
                wrong.push(format!("picture-{number}: {what}"));
            }
        }
        wrong
    }

    async fn buy(&self, number: usize) -> Result<(), String> {
        for round in 0..100 {
            let gateway = self.gateways[(number + round) % self.gateways.len()];
            if !is_ok(&self.client, &format!("http://{gateway}/readyz")).await {
                sleep(Duration::from_millis(20)).await;
                continue;
            }
            let body = format!(r#"{{"prompt":"picture-{number}","model":"{MODEL}"}}"#);
            let asked = self.client.post(format!("http://{gateway}/v1/images/generations"));
            let asked = asked.bearer_auth("tsr_website").header("content-type", "application/json");
            let answer = match asked.body(body).send().await {
                Err(error) if error.is_connect() => continue,
                answer => answer.map_err(|error| format!("{error:?}"))?,
            };
            let (status, billed) =
                (answer.status(), answer.headers().contains_key("x-tessera-possibly-billed"));
            let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
            let made = status == StatusCode::OK && !billed && !text.contains("\"errors\"");
            return if made { Ok(()) } else { Err(format!("{status}, {billed}: {text:.300}")) };
        }
        Err("no gateway was ready".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_is_replaced_under_load_and_no_request_is_lost_or_paid_for_twice() {
    let home = tempfile::tempdir().unwrap();
    let seconds = env::var("TESSERA_ROLLING_CALL_SECONDS").unwrap_or_else(|_| CALL_SECONDS.to_owned());
    let provider = Provider::start(home.path(), &format!("latency.default = '{seconds}s'"));
    let redis = Redis::start(home.path(), Fsync::EverySecond).await;
    let client = client();
    let mut cluster = Cluster::start(home.path(), &provider, &redis, &client).await;

    let gateways = Arc::new(cluster.gateways.iter().map(|post| post.address).collect());
    let customers = Customers { client: client.clone(), gateways, asked: Arc::default() };
    let (stop, mut shopping) = (CancellationToken::new(), JoinSet::new());
    for _ in 0..CLIENTS {
        shopping.spawn(customers.clone().shop(stop.clone()));
    }
    for post in cluster.posts() {
        post.stop();
        post.start(&client).await;
    }
    stop.cancel();
    let wrong = shopping.join_all().await.concat();

    let mut bought: Vec<_> = block_in_place(|| provider.arrivals()).into_iter().map(|it| it.prompt).collect();
    let (calls, asked) = (bought.len(), customers.asked.load(Ordering::SeqCst));
    bought.sort();
    bought.dedup();
    if !wrong.is_empty() || calls != asked {
        let kept = home.keep();
        panic!("{asked} asked, {calls} calls, logs in {}: {wrong:#?}", kept.display());
    }
    assert_eq!(bought.len(), asked, "each picture is bought once");
    println!("{asked} pictures while six processes were replaced");
    assert!(asked >= 2 * CLIENTS);
}

fn url(scheme: &str, posts: &[Post]) -> String {
    let addresses: Vec<_> = posts.iter().map(|post| format!("localhost:{}", post.address.port())).collect();
    format!("{scheme}://{}", addresses.join(","))
}

/// An address that nobody listens on.
fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

async fn is_ok(client: &Client, url: &str) -> bool {
    client.get(url).send().await.is_ok_and(|answer| answer.status() == StatusCode::OK)
}

/// A client for plain HTTP.
pub(crate) fn client() -> Client {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
