//! What Google would refuse without spending anything.

use serde_json::{Value, json};

use crate::stage::{FLASH, PRO, QUICK, Stage, drawing};

const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = drawing("a fox", &json!({}));
    change(&mut body);
    body
}

fn config(name: &str, value: Value) -> Value {
    with(|body| body["generationConfig"][name] = value)
}

fn parts(parts: &Value) -> Value {
    json!({"contents": [{"role": "user", "parts": parts}]})
}

fn picture(mime_type: &str, data: &str) -> Value {
    json!({"inlineData": {"mimeType": mime_type, "data": data}})
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_in_googles_words() {
    let stage = Stage::set(QUICK).await;
    let not_a_picture = base64_turbo::STANDARD.encode("not a picture");
    for (body, words) in [
        (with(|body| body["colour"] = json!("red")), r#"Unknown name "colour": Cannot find field."#),
        (with(|body| body["labels"] = json!({})), r#"Unknown name "labels": Cannot find field."#),
        (config("style", json!(1)), r#"Unknown name "style" at 'generation_config': Cannot find field."#),
        (
            config("imageConfig", json!({"personGeneration": "ALLOW_ALL"})),
            r#"Unknown name "personGeneration" at 'generation_config.image_config'"#,
        ),
        (config("image_config", json!({"outputMimeType": "image/png"})), "Unknown name"),
        (config("candidateCount", json!(2)), "Multiple candidates is not enabled for this model"),
        (config("candidateCount", json!("two")), "'generation_config.candidate_count' (TYPE_INT32), \"two\""),
        (config("temperature", json!(2.5)), "temperature must be in the range [0.0, 2.0]"),
        (config("responseModalities", json!(["SMELL"])), "'generation_config.response_modalities[0]'"),
        (config("responseModalities", json!(["AUDIO"])), "combination of response modalities"),
        (config("responseMimeType", json!("application/json")), "JSON mode is not enabled"),
        (
            config("thinkingConfig", json!({"thinkingLevel": "HIGH", "thinkingBudget": 5})),
            "only one of thinking budget and thinking level",
        ),
        (config("imageConfig", json!({"aspectRatio": "1:4"})), "aspect_ratio must be one of '1:1', '2:3'"),
        (config("imageConfig", json!({"imageSize": "512"})), "image_size must be one of '1K', '2K', or '4K'"),
        (config("imageConfig", json!({"imageSize": "2k"})), "image_size must be one of"),
        (json!({}), "contents is not specified"),
        (json!({"contents": []}), "contents is not specified"),
        (json!({"contents": "a fox"}), "Invalid value at 'contents[0]'"),
        (parts(&json!([])), "contents[0].parts: contents.parts must not be empty"),
        (parts(&json!([{}])), "required oneof field 'data' must have one initialized field"),
        (parts(&json!([{"text": 5}])), "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5"),
        (json!({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}), "valid role: user, model"),
        (parts(&json!([picture("image/gif", PNG)])), "Unsupported MIME type: image/gif"),
        (parts(&json!([picture("image/png", &not_a_picture)])), "Unable to process input image"),
        (parts(&json!([picture("image/heic", &not_a_picture)])), "Unable to process input image"),
        (parts(&json!([picture("image/png", "*!")])), "Base64 decoding failed for \"*!\""),
        (parts(&json!(vec![picture("image/png", PNG); 15])), "exceeds the limit of 14"),
        (
            parts(&json!([{"text": "a", "inlineData": {"mimeType": "image/png", "data": PNG}}])),
            "oneof field 'data' is already set",
        ),
        (
            with(|body| body["tools"] = json!([{"functionDeclarations": []}])),
            "Function calling is not enabled",
        ),
    ] {
        let answer = stage.ask(PRO, &body).await;
        assert_eq!(answer.status, 400, "{body} was answered with {}", answer.text);
        assert_eq!(answer.json()["error"]["status"], "INVALID_ARGUMENT");
        assert!(answer.message().contains(words), "{words:?} is not in {:?}", answer.message());
    }
    assert!(stage.simulator.arrivals().iter().all(|arrival| !arrival.billed));
}

#[tokio::test]
async fn what_the_model_said_must_come_back_signed() {
    let stage = Stage::set(QUICK).await;
    let said = |part: Value| {
        json!({"contents": [
            {"role": "user", "parts": [{"text": "a fox"}]},
            {"role": "model", "parts": [{"text": "hm", "thought": true}, part]},
            {"role": "user", "parts": [{"text": "now at night"}]},
        ]})
    };
    let mut signed = picture("image/png", PNG);
    signed["thoughtSignature"] = json!("skip_thought_signature_validator");
    assert_eq!(stage.ask(PRO, &said(signed)).await.status, 200);
    for (kind, part) in [("Image", picture("image/png", PNG)), ("Text", json!({"text": "here it is"}))] {
        let answer = stage.ask(PRO, &said(part)).await;
        let sentence =
            format!("{kind} part is missing a thought_signature in content position 2, part position 2.");
        assert_eq!((answer.status, answer.message()), (400, sentence));
    }
}

#[tokio::test]
async fn violations_are_listed_one_by_one_with_their_fields() {
    let stage = Stage::set(QUICK).await;
    let mut body = config("style", json!(1));
    body["generationConfig"]["seed"] = json!("x");
    let answer = stage.ask(PRO, &body).await;
    let violations = answer.detail("BadRequest")["fieldViolations"].clone();
    assert_eq!(violations[0]["field"], "generation_config.seed");
    assert_eq!(violations[1]["field"], "generation_config");
    assert_eq!(answer.message().lines().count(), 2);
}

#[tokio::test]
async fn every_field_that_sdks_send_is_accepted() {
    let stage = Stage::set(QUICK).await;
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "a fox"}, picture("image/png", PNG), picture("image/jpeg", PNG)]},
            {"role": "model", "parts": [{"text": "thinking", "thought": true, "thoughtSignature": "c2ln"}]},
            {"parts": [{"text": "brown", "videoMetadata": {}}]},
        ],
        "system_instruction": {"parts": {"text": "be brief"}},
        "generationConfig": {
            "responseModalities": ["Text", "Image"], "imageConfig": {"aspectRatio": "16:9", "image_size": "2K"},
            "seed": 7, "temperature": 1, "topP": 0.95, "topK": 64, "maxOutputTokens": 8192, "stopSequences": ["x"],
            "candidateCount": 1, "thinkingConfig": {"thinkingLevel": "high", "includeThoughts": false},
            "mediaResolution": "MEDIA_RESOLUTION_HIGH", "responseMimeType": "text/plain", "presencePenalty": null,
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "tools": [{"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "NONE"}},
    });
    let answer = stage.ask(PRO, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.picture().0.size().to_string(), "2752x1536");
}

#[tokio::test]
async fn keys_models_methods_and_parameters_are_checked() {
    let stage = Stage::set(&format!("{QUICK}[[keys]]\nkey = 'good-key'")).await;
    let body = drawing("a fox", &json!({})).to_string();
    let at = |model: &str| format!("/v1/models/{model}:generateContent");
    let bad = stage.post(&at(PRO), "other", body.clone()).await;
    assert_eq!((bad.status, bad.detail("ErrorInfo")["reason"].as_str()), (400, Some("API_KEY_INVALID")));
    let none = stage.post(&at(PRO), "", body.clone()).await;
    assert_eq!((none.status, none.json()["error"]["status"].as_str()), (403, Some("PERMISSION_DENIED")));
    let in_query = stage.post(&format!("{}?key=good-key", at(PRO)), "", body.clone()).await;
    assert_eq!(in_query.status, 200);
    for (path, named) in [
        (
            at("gemini-3-pro-image-preview"),
            "models/gemini-3-pro-image-preview is not found for API version v1",
        ),
        (format!("/v1beta/models/{PRO}:predict"), "is not supported for predict"),
    ] {
        let answer = stage.post(&path, "good-key", body.clone()).await;
        assert_eq!((answer.status, answer.message().contains(named)), (404, true), "{}", answer.text);
    }
    let odd = stage.post(&format!("{}?colour=red", at(PRO)), "good-key", body.clone()).await;
    assert_eq!((odd.status, odd.message().contains("Cannot bind query parameter")), (400, true));
    assert_eq!(stage.post("/v2/models", "good-key", body).await.status, 404);
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let stage = Stage::set(QUICK).await;
    let path = format!("/v1beta/models/{FLASH}:generateContent");
    let deep = format!("{{\"contents\": {}", "[".repeat(200));
    for body in [b"".to_vec(), b"{\"contents\": \xff}".to_vec(), b"[]".to_vec(), deep.into_bytes()] {
        let answer = stage.post(&path, "key", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.message().starts_with("Invalid JSON payload received."), "{}", answer.text);
    }
    let answer = stage.post(&path, "key", vec![b' '; 21 << 20]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("exceeds the limit: 20971520 bytes"));
}

#[tokio::test]
async fn models_are_listed_page_by_page_and_described() {
    let stage = Stage::set(QUICK).await;
    let all = stage.get("/v1/models").await.json();
    let names: Vec<&str> =
        all["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["models/gemini-3-pro-image", "models/gemini-3.1-flash-image", "models/gemini-nano-banana-2.1"]
    );
    let first = stage.get("/v1beta/models?pageSize=2").await.json();
    assert_eq!(first["models"].as_array().unwrap().len(), 2);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = stage.get(&format!("/v1beta/models?pageSize=2&pageToken={token}")).await.json();
    assert_eq!(second["models"][0]["name"], names[2]);
    assert!(second.get("nextPageToken").is_none());
    let one = stage.get(&format!("/v1beta/models/{FLASH}")).await.json();
    assert_eq!(one["supportedGenerationMethods"], json!(["generateContent"]));
    assert_eq!(stage.get("/v1beta/models/gpt-image-2").await.status, 404);
}
