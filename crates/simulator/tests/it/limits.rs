//! The simulator's own limits, against a clock that is moved by hand.

use std::time::Duration;

use serde_json::json;

use crate::stage::{FLASH, PRO, QUICK, Stage, drawing};

#[tokio::test]
async fn a_projects_keys_share_its_minute_and_its_refusal_tells_the_truth() {
    let stage = Stage::set(&format!(
        "{QUICK}
        keys = [
            {{ key = 'key-a', project = 'p', limits = {{ requests_per_minute = 2 }} }},
            {{ key = 'key-b', project = 'p' }},
            {{ key = 'key-c', project = 'q' }},
        ]"
    ))
    .await;
    let body = drawing("a fox", &json!({})).to_string();
    let ask = async |key: &str, model: &str| {
        stage.post(&format!("/v1beta/models/{model}:generateContent"), key, body.clone()).await
    };
    assert_eq!(ask("key-a", PRO).await.status, 200);
    stage.clock.advance(Duration::from_millis(47_700));
    assert_eq!(ask("key-b", PRO).await.status, 200);
    let refused = ask("key-a", PRO).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    let violation = &refused.detail("QuotaFailure")["violations"][0];
    assert_eq!(violation["quotaId"], "GenerateRequestsPerMinutePerProjectPerModel");
    assert_eq!(violation["quotaValue"], "2");
    assert_eq!(violation["quotaDimensions"], json!({"location": "global", "model": PRO}));
    assert_eq!(refused.detail("RetryInfo")["retryDelay"], "12.3s");
    assert!(refused.message().ends_with("Please retry in 12.3s."), "{}", refused.message());
    assert!(refused.detail("Help")["links"].is_array());
    assert_eq!((ask("key-a", FLASH).await.status, ask("key-c", PRO).await.status), (200, 200));
    // The refusal was not counted: once the first call has left the window, one more fits.
    stage.clock.advance(Duration::from_millis(12_300));
    assert_eq!((ask("key-b", PRO).await.status, ask("key-b", PRO).await.status), (200, 429));
}

#[tokio::test]
async fn a_day_lasts_until_midnight_pacific_and_pictures_have_a_minute_of_their_own() {
    let stage = Stage::set(&format!(
        "{QUICK}keys = [{{ key = 'test-key', limits = {{ images_per_minute = 1, requests_per_day = 2 }} }}]"
    ))
    .await;
    assert_eq!(stage.draw("a fox").await.status, 200);
    let minute = stage.draw("a fox").await;
    assert!(minute.message().contains("generate_images_per_model, limit: 1"), "{}", minute.message());
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.draw("a fox").await.status, 200);
    stage.clock.advance(Duration::from_mins(1));
    let day = stage.draw("a fox").await;
    let violation = &day.detail("QuotaFailure")["violations"][0];
    assert_eq!(violation["quotaId"], "GenerateRequestsPerDayPerProjectPerModel");
    assert_eq!(day.detail("RetryInfo")["retryDelay"], format!("{}s", 12 * 3600 - 120));
    stage.clock.advance(Duration::from_mins(12 * 60 - 2));
    assert_eq!(stage.draw("a fox").await.status, 200);
}

#[tokio::test]
async fn failed_calls_count_and_refused_ones_do_not() {
    let stage = Stage::set(&format!(
        "{QUICK}keys = [{{ key = 'test-key', limits = {{ requests_per_minute = 1 }} }}]
        [[rules]]
        match = {{ nth = 1 }}
        fault = 'bad-key'
        [[rules]]
        match = {{ nth = 2 }}
        fault = 'internal'"
    ))
    .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(stage.draw("a fox").await.status);
    }
    assert_eq!(statuses, [400, 500, 429]);
}
