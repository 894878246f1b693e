//! Wrong input is told by the field it stands in, and asks nobody for anything.

use http::StatusCode;
use serde_json::Value;

use crate::stage::{DIALECTS, Stage, read};

const MODEL: &str = r#""model":"gemini-3-pro-image""#;

/// Asks, and demands a refusal; gives status and error.
async fn refused(path: &str, body: impl Into<Vec<u8>>) -> (StatusCode, Value) {
    let stage = Stage::simple();
    let (status, headers, text) = read(stage.post(path, body.into()).await).await;
    assert!(status.is_client_error(), "{status}: {text}");
    assert!(stage.asked().is_empty(), "the generator was asked all the same: {text}");
    assert_eq!(headers["x-should-retry"], "false");
    let error: Value = serde_json::from_str(&text).unwrap();
    (status, error["error"].clone())
}

/// Demands that `body` is refused with a 400 that names `field`.
async fn names(path: &str, body: &str, field: &str) {
    let (status, error) = refused(path, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("{field}: ")), "{body}: {message}");
    if path != DIALECTS[2].1 {
        assert_eq!(error["param"], field, "{body}");
    }
}

#[tokio::test]
async fn shared_fields_are_checked_in_every_dialect() {
    let rows = [
        ("n", r#""n":0"#),
        ("n", r#""n":11"#),
        ("n", r#""n":1e9"#),
        ("n", r#""n":1.5"#),
        ("n", r#""n":-1"#),
        ("n", r#""n":"3""#),
        ("n", r#""n":[1]"#),
        ("n", r#""n":true"#),
        ("size", r#""size":"large""#),
        ("size", r#""size":"7:5""#),
        ("size", r#""size":1024"#),
        ("size", r#""size":"1:8""#),
        ("quality", r#""quality":"ultra""#),
        ("quality", r#""quality":{}"#),
        ("imageSize", r#""imageSize":"8K""#),
        ("imageSize", r#""imageSize":"512""#),
        ("image_size", r#""image_size":"512""#),
        ("aspect_ratio", r#""aspect_ratio":"1:8""#),
        ("aspectRatio", r#""aspectRatio":"8:1""#),
        ("image_config", r#""image_config":"16:9""#),
        ("image_config.aspect_ratio", r#""image_config":{"aspect_ratio":"8:1"}"#),
        ("image_config.image_size", r#""image_config":{"image_size":2}"#),
        ("person_generation", r#""person_generation":"maybe""#),
        ("personGeneration", r#""personGeneration":1"#),
        ("seed", r#""seed":2147483648"#),
        ("seed", r#""seed":"7""#),
        ("stream", r#""stream":"true""#),
        ("model", r#""model":7"#),
        ("model", r#""model":"gemini-3-pro-image-512""#),
        ("model", r#""model":"gemini-3-pro-image-8-1""#),
        ("model", r#""model":"gemini-3-pro-image-2k-4k""#),
    ];
    let turns = r#""messages":[{"role":"user","content":"a fox"}]"#;
    for (field, wrong) in rows {
        let model = if field == "model" { String::new() } else { format!(",{MODEL}") };
        names(DIALECTS[0].1, &format!(r#"{{"prompt":"a fox",{wrong}{model}}}"#), field).await;
        names(DIALECTS[1].1, &format!(r"{{{turns},{wrong}{model}}}"), field).await;
        names(DIALECTS[2].1, &format!(r#"{{{turns},"max_tokens":9,{wrong}{model}}}"#), field).await;
    }
}

#[tokio::test]
async fn an_unknown_model_is_not_found() {
    let turns = r#""messages":[{"role":"user","content":"a fox"}],"prompt":"a fox","max_tokens":9"#;
    for (_, path) in DIALECTS {
        for name in ["dall-e-3", "gemini-3-pro-image-8k", ""] {
            let (status, error) = refused(path, format!(r#"{{"model":"{name}",{turns}}}"#)).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(error["message"].as_str().unwrap().contains("available are gemini-3-pro-image"));
        }
    }
}

#[tokio::test]
async fn images_fields_are_checked() {
    let path = DIALECTS[0].1;
    for (field, body) in [
        ("prompt", r"{}"),
        ("prompt", r#"{"prompt":null}"#),
        ("prompt", r#"{"prompt":7}"#),
        ("prompt", r#"{"prompt":" \n"}"#),
        ("response_format", r#"{"prompt":"a","response_format":"png"}"#),
        ("style", r#"{"prompt":"a","style":"loud"}"#),
        ("background", r#"{"prompt":"a","background":"transparent"}"#),
        ("background", r#"{"prompt":"a","background":"blue"}"#),
        ("moderation", r#"{"prompt":"a","moderation":"none"}"#),
        ("output_format", r#"{"prompt":"a","output_format":"gif"}"#),
        ("output_compression", r#"{"prompt":"a","output_compression":101}"#),
        ("partial_images", r#"{"prompt":"a","partial_images":4}"#),
        ("user", r#"{"prompt":"a","user":7}"#),
    ] {
        names(path, body, field).await;
    }
    names(path, &format!(r#"{{"prompt":"{}"}}"#, "ä".repeat(32_001)), "prompt").await;
    let longest = format!(r#"{{"prompt":"{}"}}"#, "ä".repeat(32_000));
    assert_eq!(Stage::simple().post(path, longest).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn chat_fields_are_checked() {
    let path = DIALECTS[1].1;
    let user = |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
    let with = |extra: &str| format!(r#"{{"messages":[{{"role":"user","content":"a"}}],{extra}}}"#);
    for (field, body) in [
        ("messages", "{}".to_owned()),
        ("messages", r#"{"messages":"a fox"}"#.to_owned()),
        ("messages", r#"{"messages":[]}"#.to_owned()),
        ("messages", r#"{"messages":[{"role":"system","content":"paint"}]}"#.to_owned()),
        (
            "messages",
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#.into(),
        ),
        ("messages[0].role", r#"{"messages":[{"content":"a"}]}"#.to_owned()),
        ("messages[0].role", r#"{"messages":[{"role":"tool","content":"a"}]}"#.to_owned()),
        ("messages[0].content", r#"{"messages":[{"role":"user"}]}"#.to_owned()),
        ("messages[0].content", user("7")),
        ("messages[0].content[0].type", user(r#"[{"text":"a"}]"#)),
        ("messages[0].content[0].type", user(r#"[{"type":"input_audio"}]"#)),
        ("messages[0].content[1].text", user(r#"[{"type":"text","text":"a"},{"type":"text"}]"#)),
        ("messages[0].content[0].image_url", user(r#"[{"type":"image_url"}]"#)),
        ("messages[0].content[0].image_url.url", user(r#"[{"type":"image_url","image_url":{}}]"#)),
        (
            "messages[0].content[0].image_url.url",
            user(r#"[{"type":"image_url","image_url":{"url":"https://e.x/a.png"}}]"#),
        ),
        ("messages[0].content[0].image_url", user(r#"[{"type":"image_url","image_url":"fox.png"}]"#)),
        (
            "messages[0].content[0].image_url",
            user(r#"[{"type":"image_url","image_url":"data:image/png;base64,!"}]"#),
        ),
        (
            "messages[0].content[0].image_url",
            user(r#"[{"type":"image_url","image_url":"data:image/gif;base64,R0lGODlh"}]"#),
        ),
        ("messages[0].content", user(r#""![cut short](data:image/png;base64,iVBORw0KGgo=)""#)),
        ("modalities", with(r#""modalities":["audio"]"#)),
        ("modalities", with(r#""modalities":"image""#)),
        ("stream_options.include_usage", with(r#""stream_options":{"include_usage":1}"#)),
        ("user", with(r#""user":7"#)),
    ] {
        names(path, &body, field).await;
    }
}

#[tokio::test]
async fn claude_fields_are_checked() {
    let path = DIALECTS[2].1;
    let user = |content: &str| {
        format!(r#"{{{MODEL},"max_tokens":9,"messages":[{{"role":"user","content":{content}}}]}}"#)
    };
    let with = |extra: &str| {
        format!(r#"{{{MODEL},"max_tokens":9,"messages":[{{"role":"user","content":"a"}}],{extra}}}"#)
    };
    let source = |source: &str| user(&format!(r#"[{{"type":"image","source":{source}}}]"#));
    let turns = r#""messages":[{"role":"user","content":"a"}]"#;
    for (field, body) in [
        ("model", format!(r#"{{"max_tokens":9,{turns}}}"#)),
        ("max_tokens", format!(r"{{{MODEL},{turns}}}")),
        ("max_tokens", format!(r#"{{{MODEL},"max_tokens":0,{turns}}}"#)),
        ("max_tokens", format!(r#"{{{MODEL},"max_tokens":"9",{turns}}}"#)),
        ("messages", format!(r#"{{{MODEL},"max_tokens":9}}"#)),
        ("messages[0].role", format!(r#"{{{MODEL},"max_tokens":9,"messages":[{{"role":"tool"}}]}}"#)),
        ("messages[0].content", user("null")),
        ("messages[0].content[0].type", user(r#"[{"type":"document"}]"#)),
        ("messages[0].content[0].type", user(r#"[{"type":"tool_result"}]"#)),
        ("messages[0].content[0].source", user(r#"[{"type":"image"}]"#)),
        ("messages[0].content[0].source.url", source(r#"{"type":"url","url":"https://e.x/a.png"}"#)),
        ("messages[0].content[0].source.type", source(r#"{"type":"file","file_id":"f"}"#)),
        (
            "messages[0].content[0].source.media_type",
            source(r#"{"type":"base64","media_type":"image/gif","data":""}"#),
        ),
        ("messages[0].content[0].source.data", source(r#"{"type":"base64","media_type":"image/png"}"#)),
        (
            "messages[0].content[0].source.data",
            source(r#"{"type":"base64","media_type":"image/png","data":"AAAA"}"#),
        ),
        ("system", with(r#""system":7"#)),
        ("system[0].type", with(r#""system":[{"type":"image"}]"#)),
        ("image_blocks", with(r#""image_blocks":"true""#)),
    ] {
        names(path, &body, field).await;
    }
}

#[tokio::test]
async fn more_pictures_than_the_model_takes_are_refused() {
    let fixture = include_str!("../fixtures/openai_chat/history.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let picture = fixture["messages"][2]["content"][1].to_string();
    let pictures = |count: usize| {
        let content = vec![picture.as_str(); count].join(",");
        format!(r#"{{"messages":[{{"role":"user","content":[{content}]}}]}}"#)
    };
    names(DIALECTS[1].1, &pictures(15), "messages").await;
    assert_eq!(Stage::simple().post(DIALECTS[1].1, pictures(14)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_refused() {
    let deep = format!(r#"{{"prompt":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let bodies: [&[u8]; 9] = [
        b"",
        b"   ",
        b"[]",
        b"null",
        b"\"prompt\"",
        b"{\"prompt\":\"\xff\"}",
        b"{\"prompt\":",
        b"{}{}",
        deep.as_bytes(),
    ];
    for (_, path) in DIALECTS {
        for body in bodies {
            let (status, error) = refused(path, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");
            assert!(error["message"].as_str().unwrap().starts_with("the request body"), "{error}");
        }
    }
}
