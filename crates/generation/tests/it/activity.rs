//! What those are told who watch.

use std::time::Duration;

use domain::{
    Dialect,
    activity::{ActivityEvent, RequestOutcome, RequestRecord},
};
use proto::v1;
use tokio::time::timeout;
use tonic::Streaming;

use crate::stage::{Stage, cats};

/// The record of the only request, once it has ended.
async fn ended(events: &mut Streaming<v1::ActivityEvent>) -> RequestRecord {
    loop {
        let event = timeout(Duration::from_secs(5), events.message()).await.unwrap().unwrap().unwrap();
        let mut event = ActivityEvent::try_from(event).unwrap();
        if let Some(record) = event.requests.pop().filter(|record| record.end.is_some()) {
            return record;
        }
    }
}

#[tokio::test]
async fn every_step_of_a_request_is_told_in_the_order_it_was_taken_and_no_prompt_with_it() {
    let stage = Stage::set("[[rules]]\nmatch = { key = 'key-a' }\nfault = 'quota-minute'", &["a", "b"]).await;
    let mut events = stage.watch().await;
    let request =
        v1::GenerateRequest { dialect: "claude_messages".into(), ..v1::GenerateRequest::from(cats(1)) };
    stage.ask_as(request).await;
    let record = ended(&mut events).await;
    assert_eq!(record.end.unwrap().outcome, RequestOutcome::Delivered);
    assert_eq!((record.dialect, record.prompt.as_deref()), (Some(Dialect::ClaudeMessages), None));
    let picture = &record.pictures[0];
    assert!(picture.image.is_some_and(|image| image.length > 100_000));
    let mut last = record.begun_at;
    for attempt in &picture.attempts {
        let lease = attempt.lease.as_ref().unwrap();
        let steps = [
            Some(attempt.queued_at),
            Some(lease.at),
            attempt.called_at,
            attempt.first_byte_at,
            attempt.answered_at,
            attempt.settled_at,
        ];
        for step in steps {
            let step = step.unwrap();
            assert!(step >= last, "{attempt:?}");
            last = step;
        }
    }
    assert!(record.end.unwrap().at >= last);
    let outcomes = picture.attempts.iter().map(|attempt| attempt.outcome.unwrap().as_str());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["throttled", "delivered"]);
}

#[tokio::test]
async fn one_who_comes_later_is_told_what_was_and_prompts_where_they_are_kept() {
    let stage = Stage::set_with("", &["a"], |settings| settings.keep_prompts = true).await;
    stage.ask(cats(2)).await;
    let record = ended(&mut stage.watch().await).await;
    assert_eq!((record.prompt.as_deref(), record.pictures.len()), (Some("a cat"), 2));
}
