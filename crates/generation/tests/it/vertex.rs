//! Vertex AI: tokens, and the faults that it shows in another shape than the Gemini API.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64_turbo::STANDARD;
use domain::{
    Enforcement::{Instruction, Native},
    FailureKind::{
        self, ContentPolicy, QuotaExhausted, UpstreamInterrupted, UpstreamOverloaded, UpstreamRejected,
    },
    GenerationRequest, PersonGeneration, RequestId,
};
use proto::sealing::Credential;
use simulator::Exchanges;
use tokio::net::TcpListener;

use crate::stage::{Stage, cats};

/// A private key in PEM, on one line; nobody's but these tests'.
fn new_key() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n", STANDARD.encode(der.as_ref()))
}

/// The key that the simulator knows.
fn key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(new_key)
}

fn service_account(key: &str) -> Credential {
    let json = format!(
        r#"{{"type":"service_account","client_email":"painter@project","private_key_id":"1",
            "private_key":"{key}"}}"#
    );
    Credential::ServiceAccount {
        json: json.into(),
        project: domain::ProjectId::new("project").unwrap(),
        location: "global".parse().unwrap(),
    }
}

/// A simulator that knows the service account, and these accounts that are opened by it.
async fn stage(rules: &str, accounts: &[&str]) -> Stage {
    let accounts = accounts.iter().map(|name| (*name, service_account(key()))).collect();
    Stage::set_for(&known(rules), accounts, |_| {}).await
}

fn known(rules: &str) -> String {
    let key = key();
    format!(
        "{rules}\n[[service_accounts]]\nclient_email = 'painter@project'\nproject = 'project'\n\
         private_key = \"{key}\""
    )
}

fn granted(stage: &Stage) -> u64 {
    stage.simulator.exchanges().granted
}

#[tokio::test]
async fn a_picture_comes_from_vertex_ai_and_its_token_serves_the_next_call() {
    let stage = stage("", &["vertex"]).await;
    for name in ["one", "two"] {
        let answer = stage.ask(GenerationRequest { id: RequestId::new(name).unwrap(), ..cats(1) }).await;
        assert_eq!(answer.pictures.len(), 1, "{:?}", answer.failure);
        assert!(answer.usage.unwrap().output_image_tokens >= 1120);
    }
    assert_eq!(stage.simulator.exchanges(), Exchanges { granted: 1, refused: 0 });
    let arrival = &stage.simulator.arrivals()[0];
    assert_eq!((arrival.provider, arrival.project.as_deref()), (domain::Provider::Vertex, Some("project")));
}

#[tokio::test]
async fn twenty_first_calls_at_once_wait_for_one_exchange() {
    let stage = stage("", &["vertex"]).await;
    let asking = (0..20).map(|number| {
        let id = RequestId::new(format!("r{number}")).unwrap();
        stage.begin(proto::v1::GenerateRequest::from(GenerationRequest { id, ..cats(1) }))
    });
    let begun = futures_util::future::join_all(asking).await;
    assert!(begun.iter().all(Result::is_ok));
    for mut events in begun.into_iter().flatten() {
        while events.message().await.unwrap().is_some() {}
    }
    stage.rest().await;
    assert_eq!((stage.calls(), granted(&stage)), (20, 1));
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_on_the_same_lease() {
    let stage = stage("[[rules]]\nmatch = { nth = 1 }\nfault = 'expired-token'", &["vertex"]).await;
    assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1);
    let statuses: Vec<_> = stage.simulator.arrivals().iter().map(|arrival| arrival.status).collect();
    assert_eq!(statuses, [Some(401), Some(200)]);
    assert_eq!(granted(&stage), 2);
    assert_eq!(stage.ledger.log(), ["grant req/0/0 vertex", "settle req/0/0 delivered"]);
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_a_credential_that_opens_nothing() {
    let stage = stage("[[rules]]\nfault = 'expired-token'", &["vertex"]).await;
    assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamRejected));
    assert_eq!((stage.calls(), granted(&stage)), (2, 2));
    assert_eq!(stage.ledger.log(), ["grant req/0/0 vertex", "settle req/0/0 credential_rejected"]);
}

#[tokio::test]
async fn a_token_that_truly_expired_is_not_sent() {
    let stage = stage("[tokens]\nlifetime = '1s'", &["vertex"]).await;
    assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    tokio::time::resume();
    let again = GenerationRequest { id: RequestId::new("again").unwrap(), ..cats(1) };
    assert_eq!(stage.ask(again).await.pictures.len(), 1);
    assert_eq!((stage.calls(), granted(&stage)), (2, 2));
}

#[tokio::test]
async fn a_key_that_google_does_not_know_is_rejected_and_another_account_draws() {
    let accounts = vec![("vertex", service_account(&new_key())), ("b", Credential::ApiKey("key-b".into()))];
    let stage = Stage::set_for(&known(""), accounts, |_| {}).await;
    assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1);
    assert_eq!(stage.simulator.exchanges(), Exchanges { granted: 0, refused: 1 });
    assert_eq!(
        stage.ledger.log(),
        [
            "grant req/0/0 vertex",
            "settle req/0/0 credential_rejected",
            "grant req/0/1 b",
            "settle req/0/1 delivered"
        ]
    );
}

#[tokio::test]
async fn where_no_token_can_be_had_nothing_is_spent() {
    // Bound and dropped: nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let accounts = vec![("vertex", service_account(key()))];
    let stage = Stage::set_for("", accounts, |settings| settings.vertex.token_url = Some(nowhere)).await;
    assert_eq!(stage.ask(cats(1)).await.kind(), Some(UpstreamOverloaded));
    assert_eq!(stage.ledger.log(), ["grant req/0/0 vertex", "release req/0/0"]);
}

#[tokio::test]
async fn errors_in_arrays_and_bare_refusals_mean_what_they_mean_elsewhere() {
    for (fault, outcome, kind, calls) in [
        ("quota-minute", "throttled", QuotaExhausted, 1),
        ("quota-bare", "throttled", QuotaExhausted, 1),
        ("capacity", "overloaded", UpstreamOverloaded, 2),
        ("bad-key", "credential_rejected", UpstreamRejected, 2),
        ("billing", "billing_closed", UpstreamRejected, 1),
        ("forbidden-validation", "forbidden", UpstreamRejected, 1),
        ("not-found", "forbidden", UpstreamRejected, 1),
        ("internal", "transient", UpstreamOverloaded, 1),
        ("unavailable", "overloaded", UpstreamOverloaded, 2),
        ("blocked-prompt", "declined", ContentPolicy, 1),
        ("reset", "ambiguous", UpstreamInterrupted, 1),
    ] {
        let stage = stage(&format!("[[rules]]\nfault = '{fault}'"), &["vertex"]).await;
        let answer = stage.ask(cats(1)).await;
        assert_eq!(answer.kind(), Some(kind), "{fault}: {:?}", answer.failure);
        assert_eq!(stage.calls(), calls, "{fault}");
        let settled = format!("settle req/0/0 {outcome}");
        assert_eq!(stage.ledger.log()[..2], ["grant req/0/0 vertex".to_owned(), settled], "{fault}");
        let throttled = kind == FailureKind::QuotaExhausted;
        assert!(!throttled || answer.failure.unwrap().retry_after.is_none(), "no delay was told");
    }
}

#[tokio::test]
async fn people_are_forbidden_by_vertex_ai_itself_and_elsewhere_in_words_and_the_answer_says_which() {
    let gemini = || Credential::ApiKey("key-b".into());
    for (choice, account, credential, sent, told) in [
        (PersonGeneration::Deny, "vertex", service_account(key()), Some("ALLOW_NONE"), Some(Native)),
        (PersonGeneration::Allow, "vertex", service_account(key()), None, None),
        (PersonGeneration::Deny, "b", gemini(), None, Some(Instruction)),
        (PersonGeneration::Allow, "b", gemini(), None, None),
    ] {
        let stage = Stage::set_for(&known(""), vec![(account, credential)], |_| {}).await;
        let request = GenerationRequest { person_generation: choice, gather: true, ..cats(1) };
        let answer = stage.ask(request).await;
        assert_eq!((answer.pictures.len(), answer.people), (1, told), "{:?}", answer.failure);
        let arrival = stage.simulator.arrivals().pop().unwrap();
        let instructed = arrival.prompt != "a cat";
        assert_eq!((arrival.person_generation, instructed), (sent, told == Some(Instruction)));
    }
}
