//! Failures on command.

use domain::{Image, MediaType};
use serde_json::json;

use crate::stage::{AT_ONCE, PRO, QUICK, Stage, drawing};

async fn stage_with(fault: &str) -> Stage {
    Stage::set(&format!("{QUICK}[[rules]]\nfault = '{fault}'")).await
}

#[tokio::test]
async fn refusals_and_outages_have_googles_status_and_reason() {
    for (fault, status, code, reason) in [
        ("quota-bare", 429, "RESOURCE_EXHAUSTED", None),
        ("credit", 429, "RESOURCE_EXHAUSTED", None),
        ("capacity", 429, "RESOURCE_EXHAUSTED", Some("MODEL_CAPACITY_EXHAUSTED")),
        ("bad-key", 400, "INVALID_ARGUMENT", Some("API_KEY_INVALID")),
        ("expired-token", 401, "UNAUTHENTICATED", Some("ACCESS_TOKEN_EXPIRED")),
        ("billing", 402, "FAILED_PRECONDITION", Some("BILLING_DISABLED")),
        ("forbidden", 403, "PERMISSION_DENIED", Some("CONSUMER_SUSPENDED")),
        ("forbidden-validation", 403, "PERMISSION_DENIED", Some("VALIDATION_REQUIRED")),
        ("not-found", 404, "NOT_FOUND", None),
        ("internal", 500, "INTERNAL", None),
        ("unavailable", 503, "UNAVAILABLE", None),
    ] {
        let stage = stage_with(fault).await;
        let answer = stage.draw("a fox").await;
        assert_eq!(answer.status, status, "{fault}");
        assert_eq!(answer.json()["error"]["status"], code, "{fault}");
        assert_eq!(answer.json()["error"]["code"], status, "{fault}");
        assert_eq!(answer.detail("ErrorInfo")["reason"].as_str(), reason, "{fault}");
        let arrival = stage.simulator.arrivals().pop().unwrap();
        assert_eq!((arrival.status, arrival.fault, arrival.billed), (Some(status), Some(fault), false));
    }
}

#[tokio::test]
async fn each_kind_of_quota_names_its_window_its_limit_and_its_delay() {
    let midnight = format!("{}s", 12 * 3600);
    for (fault, id, value, delay) in [
        ("quota-minute", "GenerateRequestsPerMinutePerProjectPerModel", Some("20"), "20s"),
        ("quota-images", "GenerateImagesPerMinutePerProjectPerModel", Some("10"), "20s"),
        ("quota-day", "GenerateRequestsPerDayPerProjectPerModel", Some("250"), midnight.as_str()),
        ("quota-day-zero-delay", "GenerateRequestsPerDayPerProjectPerModel", Some("250"), "0s"),
        ("limit-zero", "GenerateRequestsPerDayPerProjectPerModel-FreeTier", None, "41.25s"),
    ] {
        let answer = stage_with(fault).await.draw("a fox").await;
        let violation = &answer.detail("QuotaFailure")["violations"][0];
        assert_eq!((answer.status, violation["quotaId"].as_str()), (429, Some(id)));
        assert_eq!(violation["quotaValue"].as_str(), value, "{fault}");
        assert_eq!(answer.detail("RetryInfo")["retryDelay"], delay, "{fault}");
        assert_eq!(answer.message().contains("limit: 0"), fault == "limit-zero");
    }
}

#[tokio::test]
async fn answers_without_a_picture_say_why() {
    let blocked = stage_with("blocked-prompt").await.draw("a fox").await.json();
    assert_eq!(blocked["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(blocked.get("candidates").is_none());
    let finished = stage_with("finish").await.draw("a fox").await.json();
    assert_eq!(finished["candidates"][0]["finishReason"], "IMAGE_SAFETY");
    assert!(finished["candidates"][0].get("content").is_none());
    let told = stage_with("no-image").await.draw("a fox").await;
    assert_eq!(told.json()["candidates"][0]["finishReason"], "STOP");
    assert!(told.parts().iter().all(|part| part["text"].is_string()));
    let thought = stage_with("thought-only").await.draw("a fox").await.parts();
    assert_eq!(thought[1]["thought"], true);
    assert!(thought[1]["inlineData"].is_object());
}

#[tokio::test]
async fn flawed_pictures_are_flawed_as_named() {
    let text = stage_with("bad-base64").await.draw("a fox").await;
    let data = text.parts()[1]["inlineData"]["data"].as_str().unwrap().to_owned();
    assert!(data.contains("*!?*") && base64_turbo::STANDARD.decode(&data).is_err());

    let noise = stage_with("not-a-picture").await.draw("a fox").await;
    let data = noise.parts()[1]["inlineData"]["data"].as_str().unwrap().to_owned();
    let bytes = base64_turbo::STANDARD.decode(&data).unwrap();
    assert!(Image::inspect(bytes.into()).is_err());

    let (jpeg, label) = stage_with("mislabelled").await.draw("a fox").await.picture();
    assert_eq!((jpeg.media_type(), label.as_str()), (MediaType::Jpeg, "image/png"));

    let (small, _) = stage_with("wrong-size").await.draw("a fox").await.picture();
    assert_eq!(small.size().to_string(), "512x512");

    let stage = Stage::set(&format!("{AT_ONCE}[[rules]]\nfault = 'huge'\nbytes = 5_000_000")).await;
    let (huge, _) = stage.draw("a fox").await.picture();
    assert_eq!((huge.bytes().len(), huge.size().to_string()), (5_000_000, "1024x1024".into()));
}

#[tokio::test]
async fn bodies_break_off_as_named() {
    let sent = async |fault: &str| {
        let stage = stage_with(fault).await;
        let url = format!("{}/v1beta/models/{PRO}:generateContent", stage.url);
        let body = drawing("a fox", &json!({})).to_string();
        let answer = stage.client.post(url).header("x-goog-api-key", "key").body(body).send().await;
        let answer = answer.map_err(|error| assert!(!error.is_connect(), "{error}"))?;
        let length = answer.content_length();
        Ok::<_, ()>((answer.status().as_u16(), length, answer.text().await))
    };
    let (status, length, text) = sent("truncate").await.unwrap();
    assert!(status == 200 && length.is_some() && text.is_err());
    let (status, length, text) = sent("cut-json").await.unwrap();
    let text = text.unwrap();
    assert_eq!((status, length), (200, Some(text.len() as u64)));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
    let (status, _, text) = sent("html-error").await.unwrap();
    assert!(status == 502 && text.unwrap().starts_with("<!DOCTYPE html>"));
    assert!(sent("reset").await.is_err());
}

#[tokio::test]
async fn slow_bodies_arrive_whole() {
    let script = format!("{QUICK}[[rules]]\nfault = 'slow'\nbytes_per_second = 20_000");
    let stage = Stage::set(&script).await;
    let began = tokio::time::Instant::now();
    let answer = stage.draw("a fox").await;
    assert_eq!(answer.picture().0.bytes().len(), 2048);
    assert!(began.elapsed().as_millis() >= 100, "{:?}", began.elapsed());
}
