use std::collections::{BTreeSet, HashMap};

use super::*;

const CALLER: &str = "00f067aa0ba902b7";

/// Waits for the last spans, which leave before a process does.
fn end(cluster: &mut Cluster) {
    for role in cluster.roles.drain(..) {
        assert_eq!(role.terminate().code(), Some(0));
    }
}

/// The span of this name and service.
fn find<'a>(spans: &'a [Told], name: &str, service: &str) -> &'a Told {
    let found = spans.iter().find(|span| span.name == name && span.service == service);
    found.unwrap_or_else(|| panic!("{service} told nothing of {name}: {spans:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_connected_trace_over_three_processes_in_every_dialect() {
    let collector = Collector::default();
    let mut cluster = Cluster::start(&collector.listen().await, 1);
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
    printed(tessera(["clients", "create", "shop", "--quota-url", cluster.roles[2].url()]));
    end(&mut cluster);
    for (dialect, (path, _)) in asked.iter().enumerate() {
        let spans = collector.trace(&trace_of(dialect));
        let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
        assert_eq!(Vec::from_iter(services), ["tessera-gateway", "tessera-generation", "tessera-quota"]);
        assert!(spans.len() >= 5, "{spans:#?}");
        let known: HashMap<_, _> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
        for span in &spans {
            let hangs = span.parent != CALLER && !known.contains_key(span.parent.as_str());
            assert!(!hangs, "{span:?} hangs in the air");
        }
        describes_the_exchange(&spans, path);
        describes_the_call(&spans);
        describes_the_lease(&spans);
        assert!(spans.iter().all(|span| !format!("{span:?}").contains("lighthouse")), "a prompt was told");
    }
    for role in ["gateway", "generation"] {
        let log = cluster.log(role);
        assert!(log.contains(&format!(r#""trace_id":"{}""#, trace_of(0))), "{role} logged {log}");
        assert!(!log.contains("lighthouse"), "a prompt was logged");
    }
    let log = cluster.log("quota");
    let created = log.lines().find(|line| line.contains("a client was created")).unwrap();
    assert!(created.contains(r#""trace_id":""#), "{created}");
}

fn describes_the_exchange(spans: &[Told], path: &str) {
    let root = find(spans, &format!("POST {path}"), "tessera-gateway");
    assert_eq!((&*root.parent, &*root.attributes["http.route"]), (CALLER, path));
    assert_eq!(root.attributes["http.request.method"], "POST");
    assert_eq!(root.attributes["http.response.status_code"], "IntValue(200)");
}

fn describes_the_call(spans: &[Told]) {
    let call = find(spans, "generate_content gemini-3-pro-image", "tessera-generation");
    for (name, value) in [
        ("gen_ai.operation.name", "generate_content"),
        ("gen_ai.provider.name", "gcp.gemini"),
        ("gen_ai.request.model", "gemini-3-pro-image"),
        ("gen_ai.output.type", "image"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(call.attributes[name], value);
    }
    assert_eq!(call.attributes["http.response.status_code"], "IntValue(200)");
    assert!(call.attributes["gen_ai.usage.output_tokens"].starts_with("IntValue"), "{call:?}");
    assert!(!call.attributes.contains_key("error.type"));
}

fn describes_the_lease(spans: &[Told]) {
    let acquire = find(spans, "tessera.v1.Leases/Acquire", "tessera-quota");
    for (name, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "tessera.v1.Leases/Acquire"),
        ("rpc.response.status_code", "OK"),
    ] {
        assert_eq!(acquire.attributes[name], value);
    }
    let stored = find(spans, "settle", "tessera-quota");
    assert_eq!(stored.attributes["db.system.name"], "redb");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_says_how_in_its_span() {
    let collector = Collector::default();
    let mut cluster = Cluster::start(&collector.listen().await, 0);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4739";
    cluster.try_to_ask("/v1/images/generations", r#"{"prompt":"a lighthouse"}"#, trace);
    end(&mut cluster);
    let spans = collector.trace(trace);
    let call = find(&spans, "tessera.v1.Generation/Generate", "tessera-generation");
    assert_eq!(call.attributes["rpc.response.status_code"], "FAILED_PRECONDITION");
    let root = find(&spans, "POST /v1/images/generations", "tessera-gateway");
    assert!(!root.attributes["http.response.status_code"].contains("200"), "{root:?}");
}

#[test]
fn what_a_client_wrote_stays_on_the_line_that_tells_of_its_refusal() {
    let cluster = Cluster::start("", 0);
    let body = r#"{"prompt":"a lighthouse","model":"fox\nERROR all is lost"}"#;
    cluster.try_to_ask("/v1/images/generations", body, &"a".repeat(32));
    let log = cluster.log("gateway");
    let refused: Vec<_> =
        log.lines().filter(|line| line.contains(r#""message":"request refused""#)).collect();
    assert_eq!(refused.len(), 1, "{log}");
    assert!(
        refused[0].contains(r#""why":"model: the model `fox\nERROR all is lost` does not exist"#),
        "{log}"
    );
}
