//! `streamGenerateContent`.

use serde_json::{Value, json};

use crate::stage::{PRO, QUICK, Stage, drawing, inspect};

fn check(chunks: &[Value]) {
    let [text, picture, last] = chunks else { panic!("{} chunks", chunks.len()) };
    assert!(text["candidates"][0]["content"]["parts"][0]["text"].is_string());
    let data = &picture["candidates"][0]["content"]["parts"][0]["inlineData"]["data"];
    assert_eq!(inspect(data).size().to_string(), "1024x1024");
    assert!(text["candidates"][0].get("finishReason").is_none());
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["candidatesTokenCount"], 1129);
    assert!(chunks.iter().all(|chunk| chunk["responseId"] == last["responseId"]));
}

#[tokio::test]
async fn a_stream_of_events_brings_each_part_and_then_the_end() {
    let stage = Stage::set(QUICK).await;
    let path = format!("/v1/models/{PRO}:streamGenerateContent?alt=sse");
    let answer = stage.post(&path, "key", drawing("a fox", &json!({})).to_string()).await;
    assert_eq!(answer.status, 200);
    let events = answer.text.split_terminator("\r\n\r\n");
    let chunks: Vec<Value> =
        events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect();
    check(&chunks);
}

#[tokio::test]
async fn without_events_a_stream_is_one_array_and_so_are_its_errors() {
    let stage = Stage::set(QUICK).await;
    let path = format!("/v1beta/models/{PRO}:streamGenerateContent");
    let answer = stage.post(&path, "key", drawing("a fox", &json!({})).to_string()).await;
    check(answer.json().as_array().unwrap());
    let refused = stage.post(&path, "key", "{}").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()[0]["error"]["status"], "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_blocked_prompt_is_one_event_without_candidates() {
    let stage = Stage::set(&format!("{QUICK}[[rules]]\nfault = 'blocked-prompt'\nreason = 'SAFETY'")).await;
    let path = format!("/v1beta/models/{PRO}:streamGenerateContent?alt=sse");
    let answer = stage.post(&path, "key", drawing("a fox", &json!({})).to_string()).await;
    let event: Value = serde_json::from_str(answer.text.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(event["promptFeedback"]["blockReason"], "SAFETY");
    assert!(event.get("candidates").is_none());
}
