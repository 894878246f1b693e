//! Three processes that show each other certificates, and everybody who has none or the wrong one.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use domain::Resolution;
use futures_util::{StreamExt as _, stream};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    picture,
    process::{Server, printed, tessera},
    provider::Provider,
    rolling::client,
};

const OPERATOR: &str = r#"
[[accounts]]
id = "a"
provider = "gemini"
project = "p"
tier = "ultra"
api_key = "AIza-a"
limits = { requests_per_minute = 900, images_per_minute = 900, concurrent = 50 }

[[clients]]
name = "website"
key = "tsr_website"
"#;

/// How long a renewed certificate may take to be taken up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of certificates, made as the README says.
pub(crate) struct Authority(PathBuf);

impl Authority {
    /// Makes one, and certificates for every role on this machine.
    pub(crate) fn new(directory: PathBuf) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/certificates.sh");
        let mut make = Command::new("sh");
        make.arg(script).arg(&directory).arg("localhost");
        printed(make);
        Self(directory)
    }

    /// What has a process be known as this role, and believe the others.
    pub(crate) fn variables(&self, role: &str) -> [(&'static str, String); 3] {
        let file = |name: &str| self.pem(role, name).display().to_string();
        [
            ("TESSERA_TLS__CA_FILE", file("ca.crt")),
            ("TESSERA_TLS__CERT_FILE", file("tls.crt")),
            ("TESSERA_TLS__KEY_FILE", file("tls.key")),
        ]
    }

    fn pem(&self, role: &str, name: &str) -> PathBuf {
        self.0.join(role).join(name)
    }
}

/// A directory of processes that one authority vouches for.
struct House {
    home: tempfile::TempDir,
    ca: Authority,
}

impl House {
    fn build() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("tessera.toml"), OPERATOR).unwrap();
        let ca = Authority::new(home.path().join("tls"));
        Self { home, ca }
    }

    /// Another authority, of which nobody here knows.
    fn other(&self) -> Authority {
        Authority::new(self.path("other"))
    }

    /// Starts a role, which is known and writes its log to a file.
    fn role(&self, name: &str, settings: &[(&str, &str)]) -> Server {
        self.role_of(name, name, settings)
    }

    /// The same with the certificate of whoever bears this name.
    fn role_of(&self, bearer: &str, name: &str, settings: &[(&str, &str)]) -> Server {
        let mut command = tessera([name, "--config"]);
        command
            .arg(self.path("tessera.toml"))
            .env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0")
            .env("TESSERA_DATA_DIR", self.path(bearer))
            .envs(settings.iter().copied())
            .stderr(File::create(self.path(&format!("{bearer}.log"))).unwrap());
        Server::start(self.known_as(bearer, command))
    }

    /// Has a command be known by a certificate for this role.
    fn known_as(&self, role: &str, command: Command) -> Command {
        known_by(&self.ca, &self.ca, role, command)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Waits until a role's log has a line with all these words.
    #[track_caller]
    fn logged(&self, role: &str, words: &[&str]) {
        let log = || fs::read_to_string(self.path(&format!("{role}.log"))).unwrap();
        let is_there = || log().lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(soon(is_there), "no line with {words:?} in {}", log());
    }
}

/// Has a command be known by what one authority issued, and believe another.
fn known_by(issuer: &Authority, believed: &Authority, role: &str, mut command: Command) -> Command {
    command.envs(issuer.variables(role)).env("TESSERA_TLS__CA_FILE", believed.pem(role, "ca.crt"));
    command
}

/// Where a server is by the name that its certificate has.
fn by_name(server: &Server) -> String {
    server.url().replace("127.0.0.1", "localhost")
}

/// Whether something comes about.
fn soon(is_so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    true
}

/// An operator's question to quota.
fn list(quota: &Server) -> Command {
    let mut command = tessera(["accounts", "list"]);
    command.env("TESSERA_QUOTA_URL", by_name(quota));
    command
}

/// What somebody is told who gets no answer.
#[track_caller]
fn refused(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn roles_that_know_each_other_make_a_picture_together() {
    let house = House::build();
    let simulator = Server::start(tessera(["simulator", "--listen", "127.0.0.1:0"]));
    let quota = house.role("quota", &[]);
    assert!(quota.url().starts_with("https://"), "{}", quota.url());
    let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", simulator.url());
    let generation =
        house.role("generation", &[("TESSERA_GENERATION__QUOTA_URL", &by_name(&quota)), provider]);
    let gateway = house.role(
        "gateway",
        &[
            ("TESSERA_GATEWAY__GENERATION_URL", &by_name(&generation)),
            ("TESSERA_GATEWAY__QUOTA_URL", &by_name(&quota)),
            ("TESSERA_GATEWAY__CONSOLE_LISTEN", "off"),
        ],
    );

    let file = house.path("picture.png");
    let mut generate = tessera(["generate", "a lighthouse", "-o"]);
    generate.arg(&file).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", "tsr_website");
    printed(generate);
    assert!(picture::is_png(&file, "1:1", Resolution::K1));
    let listed = printed(house.known_as("operator", list(&quota))).join("\n");
    assert!(listed.contains("ultra"), "{listed}");
    let probe = tessera(["health", "--grpc", &by_name(&quota)]);
    assert_eq!(printed(house.known_as("operator", probe)), ["ready"]);
    let mut doctor = tessera(["doctor", "--role", "generation", "--config"]);
    doctor.arg(house.path("tessera.toml")).env("TESSERA_DATA_DIR", house.path("doctor"));
    doctor.envs([("TESSERA_GENERATION__QUOTA_URL", by_name(&quota).as_str()), provider]);
    let told = printed(house.known_as("generation", doctor)).join("\n");
    assert!(told.contains("opens the Gemini API") && !told.contains("cannot be looked at"), "{told}");
    for role in [gateway, generation, quota] {
        assert_eq!(role.terminate().code(), Some(0));
    }
}

#[test]
fn whoever_has_no_certificate_or_the_wrong_one_is_refused_and_both_ends_say_what_to_do() {
    let house = House::build();
    let quota = house.role("quota", &[]);
    assert!(refused(list(&quota)).contains("asks for certificates; name them in [tls]"));
    let mut plain = list(&quota);
    plain.env("TESSERA_QUOTA_URL", by_name(&quota).replace("https://", "http://"));
    refused(plain);
    house.logged("quota", &["WARN", "it speaks no TLS; have it call by https://"]);
    nameless(&quota, &house.ca);
    house.logged("quota", &["WARN", "it shows no certificate; have it name one in its [tls]"]);

    let other = house.other();
    let said = refused(known_by(&other, &house.ca, "operator", list(&quota)));
    assert!(said.contains("have one authority sign those of both ends"), "{said}");
    house.logged("quota", &["WARN", "is of no authority in our ca_file; have one authority sign"]);
    let said = refused(known_by(&other, &other, "operator", list(&quota)));
    assert!(said.contains("is of no authority in our ca_file"), "{said}");

    let said = refused(house.known_as("client", list(&quota)));
    assert!(said.contains("takes one with the DNS name gateway or operator"), "{said}");
    house.logged("quota", &["WARN", "the certificate is for client", "gateway or operator"]);
    let mut astray = list(&quota);
    astray.env("TESSERA_QUOTA_URL", quota.url());
    let said = refused(house.known_as("operator", astray));
    assert!(said.contains("is not for 127.0.0.1; issue it with that name too"), "{said}");
    printed(house.known_as("operator", list(&quota)));
}

#[test]
fn a_renewed_certificate_is_taken_up_by_a_running_process_and_a_broken_one_is_not() {
    let house = House::build();
    let quota = house.role("quota", &[]);
    let next = house.other();
    let renewed = || known_by(&next, &next, "operator", list(&quota));
    refused(renewed());
    let both = [&house.ca, &next].map(|authority| fs::read(authority.pem("quota", "ca.crt")).unwrap());
    fs::write(house.ca.pem("quota", "ca.crt"), both.concat()).unwrap();
    for name in ["tls.crt", "tls.key"] {
        fs::copy(next.pem("quota", name), house.ca.pem("quota", name)).unwrap();
    }
    assert!(soon(|| renewed().output().unwrap().status.success()), "it goes by the old one still");

    fs::write(house.ca.pem("quota", "tls.crt"), "nonsense").unwrap();
    house.logged("quota", &["ERROR", "quota/tls.crt holds no certificate in PEM", "the old one holds"]);
    printed(renewed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_the_ledger_refuses_draws_few_requests() {
    const ASKED: usize = 80;
    let house = House::build();
    let provider = Provider::start(house.home.path(), "latency.default = '50ms'");
    let quota = house.role("quota", &[]);
    let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url());
    let settings = [("TESSERA_GENERATION__QUOTA_URL", &*by_name(&quota)), provider];
    let good = house.role("generation", &settings);
    let bad = house.role_of("client", "generation", &settings);
    let both = format!("{},{}", by_name(&good), by_name(&bad).trim_start_matches("https://"));
    let gateway = house.role(
        "gateway",
        &[
            ("TESSERA_GATEWAY__GENERATION_URL", &both),
            ("TESSERA_GATEWAY__QUOTA_URL", &by_name(&quota)),
            ("TESSERA_GATEWAY__CONSOLE_LISTEN", "off"),
        ],
    );
    let (client, url) = (client(), format!("{}/v1/images/generations", gateway.url()));
    let asked = stream::iter(0..ASKED).map(|_| {
        let body = r#"{"prompt":"a lighthouse","model":"gemini-3.1-flash-image-512"}"#;
        let asked = client.post(&url).bearer_auth("tsr_website").header("content-type", "application/json");
        asked.body(body).send()
    });
    let answers: Vec<_> =
        asked.buffer_unordered(4).map(|answer| answer.unwrap().status().as_u16()).collect().await;
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    let failed = answers.iter().filter(|status| **status == 503).count();
    house.logged(
        "quota",
        &["WARN", "the certificate is for client; this takes one with the DNS name generation"],
    );
    println!("{failed} of {ASKED} requests met the replica that cannot serve");
    assert!((1..=ASKED / 5).contains(&failed), "{failed} of {ASKED} failed");
}

#[test]
fn the_doctor_says_what_is_wrong_with_a_certificate() {
    let house = House::build();
    let told = |mut command: Command| {
        let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
        told.lines().filter(|line| line.contains("certificate")).map(str::to_owned).collect::<Vec<_>>()
    };
    let doctor = || {
        let mut command = tessera(["doctor", "--role", "quota", "--config"]);
        command.arg(house.path("tessera.toml")).env("TESSERA_DATA_DIR", house.path("doctor"));
        command
    };
    assert_eq!(told(doctor()), Vec::<String>::new(), "none is asked for");
    for (command, words) in [
        (house.known_as("quota", doctor()), ["ok", "holds for", "says that its bearer is quota"]),
        (house.known_as("client", doctor()), ["FAILURE", "its bearer is quota", "quota among its DNS names"]),
        (
            known_by(&house.other(), &house.ca, "quota", doctor()),
            ["FAILURE", "is of no authority in", "have ca_file hold the authority that signed it"],
        ),
    ] {
        let told = told(command).join("\n");
        assert!(words.iter().all(|words| told.contains(words)), "no {words:?} in {told}");
    }
    let keyless = house.known_as("quota", doctor());
    fs::remove_file(house.ca.pem("quota", "tls.key")).unwrap();
    let told = told(keyless).join("\n");
    assert!(
        told.contains("quota/tls.key cannot be read") && told.contains("readable for the user"),
        "{told}"
    );
}

/// Calls with TLS and no certificate, and hears the other end hang up.
fn nameless(quota: &Server, ca: &Authority) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca.pem("quota", "ca.crt")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let socket = TcpStream::connect(quota.url().trim_start_matches("https://")).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket);
    let heard = std::io::copy(&mut stream, &mut std::io::sink());
    let why = heard.unwrap_err().to_string();
    assert!(why.contains("CertificateRequired"), "{why}");
}
