//! What operators change is in force on every replica within a second, and no secret of it is kept anywhere.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    operators::{ADD, CANARY},
    process::{Server, printed, tessera},
    provider::Provider,
    trial::redis::{Fsync, Redis},
};

/// How long a change may take to be in force everywhere.
const SOON: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// However often is asked until a change is in force, no wish must wait for quota.
const AMPLE: [&str; 4] = ["--requests-per-minute", "100000", "--images-per-minute", "100000"];

const REPLICAS: usize = 2;
const WEBSITE: &str = "tsr_website";

/// Two of each role on one Redis, each with a log that tells much.
struct Replicas {
    quotas: Vec<Server>,
    generations: Vec<Server>,
    gateways: Vec<Server>,
}

fn role(home: &Path, name: &str, index: usize, settings: &[(&str, &str)]) -> Server {
    let place = home.join(format!("{name}-{index}"));
    fs::create_dir(&place).unwrap();
    let mut command = tessera([name]);
    command
        .env("TESSERA_LOG", "debug")
        .env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0")
        .env("TESSERA_DATA_DIR", &place)
        .env("TESSERA_CLIENTS", format!("[{{ name = 'website', key = '{WEBSITE}' }}]"))
        .envs(settings.iter().copied())
        .stderr(File::create(place.join("log")).unwrap());
    Server::start(command)
}

impl Replicas {
    fn start(home: &Path, redis: &str, provider: &str) -> Self {
        let key = "5".repeat(64);
        let quota = [("TESSERA_QUOTA__STORE", redis), ("TESSERA_QUOTA__KEY_PEPPER", "sixteen bytes or more")];
        let quotas: Vec<_> = (0..REPLICAS).map(|index| role(home, "quota", index, &quota)).collect();
        let generation = |(index, quota): (usize, &Server)| {
            let settings = [
                ("TESSERA_GENERATION__QUOTA_URL", quota.url()),
                ("TESSERA_GENERATION__SEALING_KEY", &key),
                ("TESSERA_GENERATION__GEMINI__BASE_URL", provider),
            ];
            role(home, "generation", index, &settings)
        };
        let generations: Vec<_> = quotas.iter().enumerate().map(generation).collect();
        let gateway = |index: usize| {
            let settings = [
                ("TESSERA_GATEWAY__GENERATION_URL", generations[index].url()),
                ("TESSERA_GATEWAY__QUOTA_URL", quotas[index].url()),
            ];
            role(home, "gateway", index, &settings)
        };
        let gateways = (0..REPLICAS).map(gateway).collect();
        Self { quotas, generations, gateways }
    }

    /// What a command of the operator prints, who speaks to the first replica.
    fn operate(&self, arguments: &[&str]) -> String {
        let mut command = tessera(arguments);
        command
            .env("TESSERA_QUOTA_URL", self.quotas[0].url())
            .env("TESSERA_GENERATION_URL", self.generations[0].url())
            .env("STUDIO_KEY", CANARY);
        printed(command).join("\n")
    }

    /// Asks every gateway again and again with this key, until each answers with this status: whatever is asked a second
    /// after a change is answered so.
    fn answer_soon(&self, key: &str, status: u16, what: &str) {
        let changed = Instant::now();
        let expected = format!("HTTP/1.1 {status} ");
        for (index, gateway) in self.gateways.iter().enumerate() {
            loop {
                let asked = changed.elapsed();
                let answer = ask(gateway, key);
                if answer.starts_with(&expected) {
                    println!("{what}: asked after {} ms, gateway {index} knows", asked.as_millis());
                    break;
                }
                assert!(asked < SOON, "{what}: asked after {asked:?}, gateway {index} answers {answer}");
            }
        }
    }
}

/// The answer to a request for one small picture, its head included.
fn ask(gateway: &Server, key: &str) -> String {
    let body = r#"{"model":"gemini-3.1-flash-image","prompt":"a lighthouse","image_size":"512"}"#;
    let host = gateway.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_operators_change_is_in_force_on_every_replica_within_a_second_and_no_secret_is_kept() {
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let redis = Redis::start(home.path(), Fsync::Always).await;
    let script = format!("latency.default = '1ms'\n[[keys]]\nkey = '{CANARY}'\nproject = 'studio'");
    let provider = Provider::start(elsewhere.path(), &script);
    let replicas = Replicas::start(home.path(), &redis.url(), provider.url());
    replicas.answer_soon(WEBSITE, 503, "without an account");

    replicas.operate(&[&ADD[..], &AMPLE].concat());
    replicas.answer_soon(WEBSITE, 200, "an account is added");
    let told = replicas.operate(&["clients", "create", "shop", "--images-per-day", "500"]);
    let key = told.strip_prefix("The key of shop, shown only now: ").unwrap();
    replicas.answer_soon(key, 200, "a client is created");
    replicas.operate(&["accounts", "disable", "studio-a"]);
    replicas.answer_soon(key, 503, "the account is disabled");
    replicas.operate(&["accounts", "enable", "studio-a"]);
    replicas.answer_soon(key, 200, "the account is enabled");
    replicas.operate(&["clients", "revoke", "shop"]);
    replicas.answer_soon(key, 401, "the client is revoked");

    redis.snapshot();
    let Replicas { quotas, generations, gateways } = replicas;
    for server in gateways.into_iter().chain(generations).chain(quotas) {
        assert_eq!(server.terminate().code(), Some(0));
    }
    let kept = files_below(home.path());
    for expected in ["appendonlydir", "dump.rdb", "quota-0/log", "generation-1/log", "gateway-0/log"] {
        assert!(
            kept.iter().any(|file| file.to_string_lossy().contains(expected)),
            "{expected} is not in {kept:?}"
        );
    }
    for file in kept {
        let content = fs::read(&file).unwrap();
        for (secret, what) in [(CANARY, "the provider's key"), (key, "the client's key")] {
            let part = part_in(&content, secret);
            assert_eq!(part, None, "a part of {what} is kept in {}", file.display());
        }
    }
}

/// A part of a secret, long enough to be no accident, that is in a file.
fn part_in<'a>(content: &[u8], secret: &'a str) -> Option<&'a str> {
    const LENGTH: usize = 10;
    let parts = (0..=secret.len() - LENGTH).map(|start| &secret[start..start + LENGTH]);
    parts.into_iter().find(|part| content.windows(LENGTH).any(|found| found == part.as_bytes()))
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_part_of_a_secret_is_found_wherever_it_stands() {
    assert_eq!(part_in(b"key=za-canary-5c", CANARY), Some("za-canary-"));
    assert_eq!(part_in(b"AIza-cana and ry-5c1e9b", CANARY), None);
}
