//! The same question asked in every dialect is one and the same request.

use std::fs;

use domain::GenerationRequest;

use crate::stage::{DIALECTS, Stage};

async fn asked(path: &str, body: &str) -> GenerationRequest {
    let stage = Stage::simple();
    stage.post(path, body.to_owned()).await;
    stage.asked().pop().unwrap_or_else(|| panic!("{path} refused {body}"))
}

#[tokio::test]
async fn a_question_is_the_same_in_every_dialect() {
    for options in [
        "",
        r#","model":"gemini-3.1-flash-image-16-9-512""#,
        r#","size":"1080x1920","quality":"hd","n":4"#,
        r#","imageSize":"2k","aspectRatio":"21:9","personGeneration":"deny","seed":-1"#,
        r#","image_size":"2K","aspect_ratio":"21:9","person_generation":"deny","seed":-1"#,
        r#","image_config":{"aspect_ratio":"4:3","image_size":"4K"},"stream":true"#,
    ] {
        let images = format!(r#"{{"prompt":"a fox"{options}}}"#);
        let turn = r#"[{"role":"user","content":"a fox"}]"#;
        let chat = format!(r#"{{"messages":{turn}{options}}}"#);
        let model = if options.contains("model") { "" } else { r#","model":"gemini-3-pro-image""# };
        let claude = format!(r#"{{"messages":{turn},"max_tokens":9{model}{options}}}"#);
        let [images, chat, claude] = [(0, images), (1, chat), (2, claude)]
            .map(|(dialect, body)| async move { asked(DIALECTS[dialect].1, &body).await });
        let images = images.await;
        assert_eq!(images, chat.await, "{options}");
        assert_eq!(images, claude.await, "{options}");
    }
}

#[tokio::test]
async fn a_conversation_is_the_same_in_both_chat_dialects() {
    let fixture = |dialect: &str| {
        fs::read_to_string(format!("{}/tests/fixtures/{dialect}/history.json", env!("CARGO_MANIFEST_DIR")))
            .unwrap()
    };
    let chat = asked(DIALECTS[1].1, &fixture(DIALECTS[1].0)).await;
    let claude = asked(DIALECTS[2].1, &fixture(DIALECTS[2].0)).await;
    assert_eq!(chat, claude);
}

#[tokio::test]
async fn a_picture_is_the_same_however_a_message_holds_it() {
    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";
    let message = |content: String| {
        let turns = format!(r#"[{{"role":"user","content":{content}}}]"#);
        format!(r#"{{"model":"gemini-3-pro-image","max_tokens":9,"messages":{turns}}}"#)
    };
    let block = |source: String| message(format!(r#"[{{"type":"image","source":{{{source}}}}}]"#));
    let mut requests = Vec::new();
    for body in [
        block(format!(r#""type":"base64","media_type":"image/png","data":"{PNG}""#)),
        block(format!(r#""type":"url","url":"data:image/png;base64,{PNG}""#)),
        message(format!(r#""![a](data:image/png;base64,{PNG})""#)),
        message(format!(r#""![a](<data:image/png;base64,{PNG}>)""#)),
    ] {
        requests.push(asked(DIALECTS[2].1, &body).await);
    }
    requests.dedup();
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn what_an_assistant_refused_is_what_it_said() {
    let asked_after = |words: &str| {
        let turns = format!(
            r#"[{{"role":"user","content":"a fox"}},{{"role":"assistant","content":{words}}},{{"role":"user","content":"a cat"}}]"#
        );
        async move { asked(DIALECTS[1].1, &format!(r#"{{"messages":{turns}}}"#)).await }
    };
    let part = asked_after(r#"[{"type":"refusal","refusal":"I draw no foxes."}]"#).await;
    assert_eq!(part, asked_after(r#""I draw no foxes.""#).await);
}
