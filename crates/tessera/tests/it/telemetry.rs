//! What three processes tell of one request, received as a collector receives it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
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

use crate::process::{Server, printed, tessera};

const OPERATOR: &str = r#"
[operations]
listen = "127.0.0.1:0"

[[accounts]]
id = "a"
provider = "gemini"
project = "p"
tier = "ultra"
api_key = "AIza-a"

[[clients]]
name = "website"
key = "tsr_website"
"#;

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
    roles: Vec<Server>,
    _simulator: Server,
}

impl Cluster {
    fn start(collector: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("tessera.toml");
        fs::write(&config, OPERATOR).unwrap();
        let simulator = Server::start(tessera(["simulator", "--listen", "127.0.0.1:0"]));
        let role = |name: &str, more: &[(&str, &str)]| {
            let mut command = tessera([name, "--config"]);
            command.arg(&config).env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0");
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).envs(more.iter().copied());
            command.env("TESSERA_DATA_DIR", home.path().join(name));
            Server::start(command)
        };
        let quota = role("quota", &[]);
        let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", simulator.url());
        let generation = role("generation", &[("TESSERA_GENERATION__QUOTA_URL", quota.url()), provider]);
        let gateway = role(
            "gateway",
            &[
                ("TESSERA_GATEWAY__GENERATION_URL", generation.url()),
                ("TESSERA_GATEWAY__QUOTA_URL", quota.url()),
            ],
        );
        Self { home, roles: vec![gateway, generation, quota], _simulator: simulator }
    }

    /// Asks for a picture, as part of a trace.
    fn ask(&self, path: &str, body: &str, trace: &str) {
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "-o"]).arg(self.home.path().join("answer"));
        curl.args(["-H", "Authorization: Bearer tsr_website", "-H", "Content-Type: application/json"]);
        curl.args(["-H", "anthropic-version: 2023-06-01", "-d", body, "-H"]);
        curl.arg(format!("traceparent: 00-{trace}-00f067aa0ba902b7-01"));
        printed({
            curl.arg(format!("{}{path}", self.roles[0].url()));
            curl
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_connected_trace_over_three_processes_in_every_dialect() {
    let collector = Collector::default();
    let cluster = Cluster::start(&collector.listen().await);
    let turn = r#""messages":[{"role":"user","content":"a lighthouse"}]"#;
    let asked = [
        ("/v1/images/generations", r#"{"prompt":"a lighthouse"}"#.to_owned()),
        ("/v1/chat/completions", format!("{{{turn}}}")),
        ("/v1/messages", format!(r#"{{"model":"gemini-3-pro-image","max_tokens":9,{turn}}}"#)),
    ];
    let trace_of = |dialect: usize| format!("4bf92f3577b34da6a3ce929d0e0e473{dialect}");
    for (dialect, (path, body)) in asked.iter().enumerate() {
        cluster.ask(path, body, &trace_of(dialect));
    }
    for role in cluster.roles {
        assert_eq!(role.terminate().code(), Some(0), "the last spans leave before a process does");
    }
    for (dialect, (path, _)) in asked.iter().enumerate() {
        let spans = collector.trace(&trace_of(dialect));
        let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
        assert_eq!(Vec::from_iter(services), ["tessera-gateway", "tessera-generation", "tessera-quota"]);
        assert!(spans.len() >= 5, "{spans:#?}");
        let known: HashMap<_, _> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
        for span in &spans {
            let of_caller = span.parent == "00f067aa0ba902b7";
            assert!(of_caller || known.contains_key(span.parent.as_str()), "{span:?} hangs in the air");
        }
        let root = spans.iter().find(|span| span.name == format!("POST {path}")).unwrap();
        assert_eq!(root.attributes["http.route"], *path);
        assert!(
            spans
                .iter()
                .any(|span| span.name == "tessera.v1.Leases/Acquire" && span.service == "tessera-quota")
        );
        assert!(spans.iter().all(|span| !format!("{span:?}").contains("lighthouse")), "a prompt was told");
    }
}

#[test]
fn what_is_counted_is_told_to_those_who_scrape() {
    let cluster = Cluster::start("");
    cluster.ask("/v1/images/generations", r#"{"prompt":"a lighthouse"}"#, &"a".repeat(32));
    let operations = cluster.roles[0].announced("metrics and health are at ");
    let fetched = |path: &str| {
        let mut curl = Command::new("curl");
        curl.arg("-fsS").arg(format!("{operations}{path}"));
        printed(curl).join("\n")
    };
    assert_eq!((fetched("/healthz").as_str(), fetched("/readyz").as_str()), ("ok", "ready"));
    let metrics = fetched("/metrics");
    let counted = r#"http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/images/generations"} 1"#;
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}
