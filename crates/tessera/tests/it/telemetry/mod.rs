//! What three processes tell of what they do: traces as a collector receives them, metrics as Prometheus reads them.

mod exposition;
mod metrics;
mod promtool;
mod traces;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    process::Command,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::{
    certificates::Authority,
    process::{Server, printed, tessera},
};

const OPERATOR: &str = r#"
[operations]
listen = "127.0.0.1:0"

[[clients]]
name = "website"
key = "tsr_website"
"#;

/// The configuration with so many accounts, each of a project of its own.
fn operator(accounts: usize) -> String {
    (0..accounts).fold(OPERATOR.to_owned(), |mut text, number| {
        let _ = write!(
            text,
            "[[accounts]]\nid = 'a{number}'\nprovider = 'gemini'\nproject = 'p{number}'\ntier = 'ultra'\n\
             api_key = 'AIza-{number}'\n"
        );
        text
    })
}

/// A span as it arrived.
#[derive(Debug, Clone)]
struct Told {
    service: String,
    name: String,
    trace: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
}

/// The end of a collector that takes spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Told>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_process in request.into_inner().resource_spans {
            let resource = of_process.resource.unwrap_or_default();
            let service = texts(resource.attributes).remove("service.name").unwrap_or_default();
            for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.0.lock().unwrap().push(Told {
                    service: service.clone(),
                    name: span.name,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: texts(span.attributes),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        url
    }

    fn trace(&self, id: &str) -> Vec<Told> {
        self.0.lock().unwrap().iter().filter(|span| span.trace == id).cloned().collect()
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        other => format!("{other:?}"),
    };
    let pair = |it: KeyValue| Some((it.key, text(it.value?.value?)));
    attributes.into_iter().filter_map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// The three roles, which tell the collector, and the simulator, which does not.
struct Cluster {
    home: tempfile::TempDir,
    /// Gateway, generation and quota.
    roles: Vec<Server>,
    /// Where each tells of itself.
    operations: Vec<String>,
    _simulator: Server,
}

impl Cluster {
    fn start(collector: &str, accounts: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("tessera.toml");
        fs::write(&config, operator(accounts)).unwrap();
        let simulator = Server::start(tessera(["simulator", "--listen", "127.0.0.1:0"]));
        let role = |name: &str, more: &[(&str, &str)]| {
            let mut command = tessera([name, "--config"]);
            command.arg(&config).env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0");
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).envs(more.iter().copied());
            command.env("TESSERA_DATA_DIR", home.path().join(name));
            command.env("TESSERA_LOG", "info").env("TESSERA_LOG_FORMAT", "json");
            command.stderr(File::create(home.path().join(format!("{name}.log"))).unwrap());
            Server::start(command)
        };
        let quota = role("quota", &[]);
        let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", simulator.url());
        let generation = role("generation", &[("TESSERA_GENERATION__QUOTA_URL", quota.url()), provider]);
        // It is not asked to show its certificate, and tells how long it holds.
        let certificate = Authority::new(home.path().join("tls")).variables("gateway");
        let mut settings: Vec<_> = certificate.iter().map(|(name, file)| (*name, file.as_str())).collect();
        settings.push(("TESSERA_GATEWAY__GENERATION_URL", generation.url()));
        settings.push(("TESSERA_GATEWAY__QUOTA_URL", quota.url()));
        let gateway = role("gateway", &settings);
        let roles = vec![gateway, generation, quota];
        let operations = roles.iter().map(|role| role.announced("metrics and health are at ")).collect();
        Self { home, roles, operations, _simulator: simulator }
    }

    /// Every line that a role logged.
    fn log(&self, role: &str) -> String {
        fs::read_to_string(self.home.path().join(format!("{role}.log"))).unwrap()
    }

    /// What a role tells at a path of its port for operations.
    fn operations(&self, role: usize, path: &str) -> String {
        let mut curl = Command::new("curl");
        curl.arg("-fsS").arg(format!("{}{path}", self.operations[role]));
        printed(curl).join("\n")
    }

    /// Asks for a picture, as part of a trace.
    fn ask(&self, path: &str, body: &str, trace: &str) {
        let mut asking = self.asking(path, body, trace);
        asking.arg("-f");
        printed(asking);
    }

    /// The same where none is to come.
    fn try_to_ask(&self, path: &str, body: &str, trace: &str) {
        printed(self.asking(path, body, trace));
    }

    fn asking(&self, path: &str, body: &str, trace: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-o"]).arg(self.home.path().join("answer"));
        curl.args(["-H", "Authorization: Bearer tsr_website", "-H", "Content-Type: application/json"]);
        curl.args(["-H", "anthropic-version: 2023-06-01", "-d", body, "-H"]);
        curl.arg(format!("traceparent: 00-{trace}-00f067aa0ba902b7-01"));
        curl.arg(format!("{}{path}", self.roles[0].url()));
        curl
    }
}
