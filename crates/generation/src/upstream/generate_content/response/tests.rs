use base64_turbo::{STANDARD, URL_SAFE};

use super::*;
use crate::upstream::{Ending, lifter::Lifter, tiles::Stock};

/// A whole PNG of one pixel, told from others by the number in its tail.
fn png(number: u8) -> Vec<u8> {
    let mut png =
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
        \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
        \x00\x00\x00\x00IEND\xae\x42\x60\x82"
            .to_vec();
    png.push(number);
    png
}

fn picture(number: u8, thought: bool) -> String {
    let data = STANDARD.encode(png(number));
    format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{data}"}},"thought":{thought}}}"#)
}

fn answer(parts: &[String], finish: &str) -> String {
    let parts = parts.join(",");
    format!(
        r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"finishReason":"{finish}"}}]}}"#
    )
}

fn text(text: &str) -> String {
    format!(r#"{{"text":"{text}"}}"#)
}

fn taken_apart(body: &str) -> Result<Drawn, CallFailure> {
    let mut lifter = Lifter::new(Stock::default());
    lifter.push(body.as_bytes());
    read(lifter.finish())
}

fn drawn(body: &str) -> Drawn {
    taken_apart(body).unwrap()
}

fn number(body: &str) -> u8 {
    drawn(body).image.tiles.concat().last().copied().unwrap()
}

fn failed(body: &str) -> CallFailure {
    taken_apart(body).unwrap_err()
}

#[test]
fn the_last_picture_that_is_no_thought_is_taken() {
    assert_eq!(number(&answer(&[picture(1, true), picture(2, false), text("x")], "STOP")), 2);
    assert_eq!(number(&answer(&[picture(1, false), picture(2, false), picture(3, true)], "STOP")), 2);
    assert_eq!(number(&answer(&[picture(1, true), picture(2, true)], "STOP")), 2);
    assert_eq!(number(&answer(&[picture(1, false)], "IMAGE_SAFETY")), 1);
}

#[test]
fn a_draft_never_stands_in_for_a_refused_picture() {
    let refused = failed(&answer(&[picture(1, true)], "IMAGE_SAFETY"));
    assert_eq!(refused.failure.kind, FailureKind::ContentPolicy);
}

#[test]
fn the_caption_is_what_was_said_aloud() {
    let thought = r#"{"text":"plan","thought":true}"#.to_owned();
    let body = answer(&[thought, text("Here is "), text("a caf\\u00e9.\\n"), picture(1, false)], "STOP");
    assert_eq!(drawn(&body).caption, "Here is a café.");
}

#[test]
fn usage_is_told_apart_by_modality() {
    let usage = r#"{"promptTokenCount":565,"candidatesTokenCount":1125,"thoughtsTokenCount":200,"totalTokenCount":1890,
        "promptTokensDetails":[{"modality":"TEXT","tokenCount":5},{"modality":"IMAGE","tokenCount":560}],
        "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1120}],"trafficType":"NEW"}"#;
    let body =
        answer(&[picture(1, false)], "STOP").replacen('{', &format!(r#"{{"usageMetadata":{usage},"#), 1);
    let expected = Usage {
        input_text_tokens: 5,
        input_image_tokens: 560,
        output_text_tokens: 205,
        output_image_tokens: 1120,
    };
    assert_eq!(drawn(&body).usage, expected);
}

#[test]
fn base64_is_read_however_it_is_spelled() {
    let bytes = [&png(0)[..], &[0xff; 7], &[1]].concat();
    let standard = STANDARD.encode(&bytes);
    assert!(standard.contains('=') && standard.contains('/'));
    for spelled in [
        standard.replace('=', "\\u003d"),
        standard.replace('/', "\\/"),
        standard.trim_end_matches('=').to_owned(),
        URL_SAFE.encode(&bytes),
    ] {
        let part = format!(r#"{{"inlineData":{{"data":"{spelled}","mimeType":"image/png"}}}}"#);
        assert_eq!(number(&answer(&[part], "STOP")), 1, "{spelled}");
    }
}

#[test]
fn the_label_of_a_picture_is_not_believed() {
    let part = picture(1, false).replace("image/png", "image/jpeg");
    assert_eq!(drawn(&answer(&[part], "STOP")).image.media_type, domain::MediaType::Png);
}

#[test]
fn every_reason_for_no_picture_is_one_of_two_kinds() {
    let refused = [
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    ];
    let empty = [
        "STOP",
        "MAX_TOKENS",
        "LANGUAGE",
        "OTHER",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_OTHER",
        "NO_IMAGE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "CONTINUATION",
        "SOMETHING_NEW",
    ];
    let declined = refused.map(|reason| (reason, FailureKind::ContentPolicy, CallOutcome::Declined));
    let without = empty.map(|reason| (reason, FailureKind::NoImage, CallOutcome::Empty));
    for (reason, kind, outcome) in declined.into_iter().chain(without) {
        let failed = failed(&answer(&[text("I can't\\ndraw that")], reason));
        assert_eq!((failed.failure.kind, &failed.ending), (kind, &Ending::Sent(outcome)), "{reason}");
        assert!(failed.failure.message.ends_with(&format!("({reason}): I can't draw that")), "{reason}");
    }
}

#[test]
fn a_blocked_prompt_is_a_matter_of_content_whatever_the_reason() {
    for reason in ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "JAILBREAK", "NEW"] {
        let failed = failed(&format!(r#"{{"promptFeedback":{{"blockReason":"{reason}"}}}}"#));
        assert_eq!(failed.failure.kind, FailureKind::ContentPolicy, "{reason}");
        assert_eq!(failed.ending, Ending::Sent(CallOutcome::Declined));
    }
}

#[test]
fn tokens_spent_on_nothing_are_counted_all_the_same() {
    let body = r#"{"candidates":[{"finishReason":"NO_IMAGE"}],"usageMetadata":{"promptTokenCount":7}}"#;
    assert_eq!(failed(body).usage.input_text_tokens, 7);
    assert_eq!(failed("{}").failure.kind, FailureKind::NoImage);
}

#[test]
fn free_text_in_the_place_of_a_reason_is_not_repeated() {
    let failed = failed(&answer(&[], "your key AIza is bad"));
    assert!(!failed.failure.message.contains("AIza"));
}

#[test]
fn a_broken_answer_is_malformed_and_possibly_billed() {
    let whole = answer(&[picture(1, false)], "STOP");
    let cut_picture = STANDARD.encode(&png(1)[..60]);
    for body in [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        whole[..whole.len() - 3].to_owned(),
        whole.replace(&STANDARD.encode(png(1)), "not base64!"),
        whole.replace(&STANDARD.encode(png(1)), &STANDARD.encode("GIF89a")),
        whole.replace(&STANDARD.encode(png(1)), &cut_picture),
        whole.replace(&format!("\"{}\"", STANDARD.encode(png(1))), "17"),
        whole.replace(&format!("\"{}\"", STANDARD.encode(png(1))), "null"),
    ] {
        let failed = failed(&body);
        assert_eq!(failed.failure.kind, FailureKind::UpstreamMalformed, "{body}");
        assert_eq!(failed.ending, Ending::Sent(CallOutcome::Ambiguous), "{body}");
    }
}
