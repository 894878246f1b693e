//! Connections.

use std::sync::Arc;

use serde_json::json;
use simulator::{End, Script, Simulator};
use tokio::{net::TcpListener, sync::oneshot};

use crate::stage::{NOON, PRO, QUICK, Stage, client_with, drawing};

#[tokio::test]
async fn http_2_without_tls_is_served_too_with_its_faults() {
    let rules = "[[rules]]\nmatch = { prompt_contains = 'reset' }\nfault = 'reset'\n\
        [[rules]]\nmatch = { prompt_contains = 'cut' }\nfault = 'truncate'\n\
        [[rules]]\nmatch = { prompt_contains = 'wait' }\nfault = 'hang'";
    let stage = Stage::set(&format!("{QUICK}{rules}")).await;
    let client = client_with(reqwest::ClientBuilder::http2_prior_knowledge);
    let url = format!("{}/v1/models/{PRO}:generateContent", stage.url);
    let ask = async |prompt: &str| {
        let body = drawing(prompt, &json!({})).to_string();
        client.post(&url).header("x-goog-api-key", "key").body(body).send().await?.bytes().await
    };
    assert!(ask("a fox").await.unwrap().len() > 2048);
    assert!(ask("reset").await.is_err());
    assert!(ask("cut").await.is_err());
    let waiting = stage.simulator.arrivals_until(|all| all.iter().any(|one| one.fault == Some("hang")));
    tokio::select! {
        _ = ask("wait") => panic!("a hanging call was answered"),
        _ = waiting => {}
    }
    let ended = stage.simulator.arrivals_until(|all| all.iter().all(|one| one.end != End::Open)).await;
    assert_eq!(ended.last().unwrap().end, End::HungUp);
}

#[tokio::test]
async fn serving_ends_when_told_to_even_while_a_call_hangs() {
    let script = Script::parse("[[rules]]\nfault = 'hang'").unwrap();
    let simulator = Simulator::new(script, Arc::new(domain::ManualClock::at(NOON)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/models/{PRO}:generateContent?key=key", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(simulator::serve(listener, simulator.clone(), async { drop(stopped.await) }));
    let body = drawing("a fox", &json!({})).to_string();
    let hanging = tokio::spawn(client_with(|client| client).post(url).body(body).send());
    simulator.arrivals_until(|all| all.iter().any(|one| one.fault.is_some())).await;
    tokio::time::pause();
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(hanging.await.unwrap().is_err());
}
