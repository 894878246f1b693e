//! What clients read, byte for byte: every dialect, whole and streamed, in every form.

use domain::{Enforcement, GenerationEvent};
use http::HeaderMap;

use crate::stage::{SMALLEST, Stage, one_picture, read, two_of_three_pictures};

/// Every way to ask: a name, a path, a body.
fn questions() -> Vec<(&'static str, &'static str, String)> {
    let images = |extra: &str| format!(r#"{{"prompt":"a fox","model":"gemini-3-pro-image-16-9"{extra}}}"#);
    let chat = |extra: &str| {
        format!(
            r#"{{"model":"gemini-3-pro-image-16-9","messages":[{{"role":"user","content":"a fox"}}]{extra}}}"#
        )
    };
    let claude = |extra: &str| {
        format!(
            r#"{{"model":"gemini-3-pro-image-16-9","max_tokens":1,"messages":[{{"role":"user","content":"a fox"}}]{extra}}}"#
        )
    };
    let (a, b, c) = ("/v1/images/generations", "/v1/chat/completions", "/v1/messages");
    vec![
        ("images", a, images("")),
        ("images_b64", a, images(r#","response_format":"b64_json""#)),
        ("images_stream", a, images(r#","stream":true"#)),
        ("images_stream_url", a, images(r#","stream":true,"response_format":"url""#)),
        ("chat", b, chat("")),
        ("chat_images", b, chat(r#","modalities":["text","image"]"#)),
        ("chat_stream", b, chat(r#","stream":true,"stream_options":{"include_usage":true}"#)),
        ("chat_stream_images", b, chat(r#","stream":true,"modalities":["image"]"#)),
        ("claude", c, claude("")),
        ("claude_blocks", c, claude(r#","image_blocks":true"#)),
        ("claude_stream", c, claude(r#","stream":true"#)),
        ("claude_stream_blocks", c, claude(r#","stream":true,"image_blocks":true"#)),
    ]
}

fn headers_of(headers: &HeaderMap) -> String {
    let mut lines: Vec<String> = headers
        .iter()
        .filter(|(name, _)| !name.as_str().ends_with("request-id"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n")
}

#[tokio::test]
async fn answers_are_written_as_recorded() {
    for (name, path, body) in questions() {
        let (status, headers, text) =
            read(Stage::playing(one_picture("A fox, \"red\"\n")).post(path, body).await).await;
        let seen = format!("{status}\n{}\n\n{text}", headers_of(&headers));
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(name, seen);
        });
    }
}

#[tokio::test]
async fn how_people_were_kept_out_is_said_where_they_were_denied() {
    for people in [None, Some(Enforcement::Instruction), Some(Enforcement::Native)] {
        let mut events = one_picture("");
        events[2] = Ok(GenerationEvent::Decided { delivered: 1, people });
        let (_, headers, _) = read(Stage::playing(events).post(SMALLEST[0].0, SMALLEST[0].1).await).await;
        let told = headers.get("x-tessera-person-generation").map(|value| value.to_str().unwrap());
        assert_eq!(told, people.map(Enforcement::as_str));
    }
}

#[tokio::test]
async fn several_pictures_are_written_as_recorded() {
    for (name, path, body) in questions() {
        let body = body.replacen('{', r#"{"n":3,"#, 1);
        let (_, headers, text) = read(Stage::playing(two_of_three_pictures()).post(path, body).await).await;
        assert_eq!(headers["x-tessera-images-requested"], "3");
        if !name.contains("stream") {
            assert_eq!(headers["x-tessera-images-delivered"], "2");
            let _: serde_json::Value = serde_json::from_str(&text).unwrap();
        }
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("several_{name}"), text);
        });
    }
}

#[tokio::test]
async fn every_data_line_of_every_stream_is_json() {
    for events in [one_picture("words"), two_of_three_pictures()] {
        for (name, path, body) in questions().into_iter().filter(|(name, ..)| name.contains("stream")) {
            let body = body.replacen('{', r#"{"n":3,"#, 1);
            let (_, _, text) = read(Stage::playing(events.clone()).post(path, body).await).await;
            for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
                let json: Result<serde_json::Value, _> = serde_json::from_str(line);
                assert!(line == "[DONE]" || json.is_ok(), "{name}: {line}");
            }
            assert!(!text.lines().any(|line| line.starts_with("id:")), "{name}");
            assert!(text.ends_with("\n\n"), "{name}");
        }
    }
}
