//! The arrival log.

use std::time::Duration;

use serde_json::json;
use simulator::End;

use crate::stage::{NOON, PRO, QUICK, Stage, drawing};

#[tokio::test]
async fn every_call_is_noted_with_what_became_of_it() {
    let stage =
        Stage::set(&format!("{QUICK}keys = [{{ key = 'test-key', name = 'alpha', project = 'p' }}]")).await;
    stage.ask(PRO, &drawing("a fox", &json!({"aspectRatio": "16:9", "imageSize": "2K"}))).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.post(&format!("/v1/models/{PRO}:generateContent"), "unknown-key-1234", "{}").await;
    stage.ask(PRO, &json!({})).await;
    let arrivals = stage.simulator.arrivals_until(|all| all.iter().all(|one| one.end != End::Open)).await;
    let [good, stranger, empty] = arrivals.as_slice() else { panic!("{} arrivals", arrivals.len()) };
    assert_eq!((good.sequence, good.at, good.key.as_deref()), (1, NOON, Some("alpha")));
    assert_eq!((good.project.as_deref(), good.model.as_str()), (Some("p"), PRO));
    assert_eq!(good.aspect_ratio.unwrap().to_string(), "16:9");
    assert_eq!((good.resolution.unwrap().as_str(), good.prompt.as_str()), ("2K", "a fox"));
    assert_eq!((good.status, good.fault, good.billed, good.end), (Some(200), None, true, End::Answered));
    assert_eq!((stranger.sequence, stranger.at), (2, NOON + Duration::from_secs(1)));
    assert_eq!((stranger.key.as_deref(), stranger.project.as_deref()), (Some("1234"), None));
    assert_eq!((stranger.status, stranger.billed), (Some(400), false));
    assert_eq!((empty.status, empty.project.as_deref(), empty.billed), (Some(400), Some("p"), false));
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_while_it_waits_and_while_it_reads() {
    let script = "[[rules]]\nmatch = { prompt_contains = 'wait' }\nfault = 'hang'\n\
        [[rules]]\nfault = 'slow'\nbytes_per_second = 20";
    let stage = Stage::set(&format!("{QUICK}{script}")).await;
    for (prompt, status) in [("wait", None), ("read", Some(200))] {
        stage.simulator.clear_arrivals();
        let asked = stage.draw(prompt);
        let begun = stage.simulator.arrivals_until(|all| {
            all.iter().any(|arrival| arrival.fault.is_some() && arrival.status == status)
        });
        tokio::select! {
            _ = asked => panic!("{prompt} was answered"),
            _ = begun => {}
        }
        let ended = stage.simulator.arrivals_until(|all| all.iter().all(|one| one.end != End::Open)).await;
        assert_eq!((ended[0].end, ended[0].billed), (End::HungUp, true), "{prompt}");
    }
}

#[tokio::test]
async fn rules_choose_calls_by_key_model_and_prompt() {
    let stage = Stage::set(&format!(
        "{QUICK}[[rules]]
        match = {{ prompt_contains = 'storm', key = '-key', model = '{PRO}', every = 2 }}
        fault = 'unavailable'"
    ))
    .await;
    let mut statuses = Vec::new();
    for prompt in ["storm", "calm", "a storm", "storm", "calm", "storms"] {
        statuses.push(stage.draw(prompt).await.status);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
}
