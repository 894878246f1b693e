//! What is drawn.

use std::io::Cursor;

use base64_turbo::{STANDARD, URL_SAFE_NO_PAD};
use domain::{AspectRatio, MediaType, PixelSize, Resolution};
use serde_json::json;

use crate::stage::{AT_ONCE, FLASH, PRO, QUICK, Stage, drawing};

#[tokio::test]
async fn every_shape_and_resolution_comes_at_its_native_size() {
    let stage = Stage::set(QUICK).await;
    for ratio in AspectRatio::ALL {
        for resolution in Resolution::ALL {
            let config = json!({"aspectRatio": ratio.to_string(), "imageSize": resolution.as_str()});
            let answer = stage.ask(FLASH, &drawing("a fox", &config)).await;
            let (image, label) = answer.picture();
            assert_eq!(image.size(), PixelSize::native(ratio, resolution), "{ratio} {resolution}");
            assert_eq!(label, "image/png");
        }
    }
}

#[tokio::test]
async fn drawn_pictures_decode_whole() {
    let stage = Stage::set(AT_ONCE).await;
    for (ratio, resolution, expected) in
        [("16:9", "1K", (1376, 768)), ("1:8", "512", (192, 1536)), ("21:9", "2K", (3168, 1344))]
    {
        let config = json!({"aspectRatio": ratio, "imageSize": resolution});
        let (image, _) = stage.ask(FLASH, &drawing("a fox in the snow", &config)).await.picture();
        let mut reader = png::Decoder::new(Cursor::new(image.bytes().clone())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), expected);
    }
}

#[tokio::test]
async fn a_seed_fixes_the_picture_and_without_one_no_two_are_alike() {
    let stage = Stage::set(AT_ONCE).await;
    let mut seeded = drawing("a fox", &json!({"imageSize": "512"}));
    let unseeded = seeded.clone();
    seeded["generationConfig"]["seed"] = json!(7);
    let mut pictures = Vec::new();
    for body in [&seeded, &seeded, &unseeded, &unseeded] {
        pictures.push(stage.ask(FLASH, body).await.picture().0);
    }
    assert_eq!(pictures[0], pictures[1]);
    assert_ne!(pictures[0], pictures[2]);
    assert_ne!(pictures[2], pictures[3]);
}

#[tokio::test]
async fn an_answer_tells_tokens_and_who_drew() {
    let stage = Stage::set(QUICK).await;
    let answer = stage.ask(PRO, &drawing("a fox in the snow.", &json!({"imageSize": "4K"}))).await.json();
    let usage = &answer["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 5);
    assert_eq!(usage["promptTokensDetails"], json!([{"modality": "TEXT", "tokenCount": 5}]));
    assert_eq!(
        usage["candidatesTokensDetails"],
        json!([{"modality": "TEXT", "tokenCount": 9}, {"modality": "IMAGE", "tokenCount": 2000}])
    );
    assert_eq!(usage["candidatesTokenCount"], 2009);
    assert_eq!(usage["thoughtsTokenCount"], 200);
    assert_eq!(usage["totalTokenCount"], 2214);
    assert_eq!(answer["modelVersion"], PRO);
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    assert_eq!(answer["responseId"].as_str().unwrap().len(), 22);
}

#[tokio::test]
async fn modalities_are_obeyed() {
    let stage = Stage::set(QUICK).await;
    let kinds = async |modalities: serde_json::Value| {
        let mut body = drawing("a fox", &json!({}));
        body["generationConfig"]["responseModalities"] = modalities;
        let parts = stage.ask(PRO, &body).await.parts();
        parts.iter().map(|part| part["text"].is_string()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(json!(["TEXT", "IMAGE"])).await, [true, false]);
    assert_eq!(kinds(json!(["Image"])).await, [false]);
    assert_eq!(kinds(json!("TEXT")).await, [true]);
    assert_eq!(kinds(json!(null)).await, [true, false]);
}

#[tokio::test]
async fn drafts_come_as_thoughts_when_the_script_or_the_request_asks() {
    let stage = Stage::set(&format!("{AT_ONCE}picture.drafts = 2")).await;
    let thoughts = async |body: serde_json::Value| {
        let answer = stage.ask(FLASH, &body).await;
        let (picture, _) = answer.picture();
        assert_eq!(picture.size().to_string(), "512x512");
        let thoughts = answer.parts().into_iter().filter(|part| part["thought"] == true);
        thoughts.filter(|part| part["inlineData"]["mimeType"] == "image/jpeg").count()
    };
    let mut body = drawing("a fox", &json!({"imageSize": "512"}));
    assert_eq!(thoughts(body.clone()).await, 2);
    stage.simulator.set_script(simulator::Script::parse(AT_ONCE).unwrap());
    assert_eq!(thoughts(body.clone()).await, 0);
    body["generationConfig"]["thinkingConfig"] = json!({"include_thoughts": true});
    assert_eq!(thoughts(body).await, 1);
}

#[tokio::test]
async fn the_last_picture_shown_gives_the_shape_where_none_is_asked() {
    let stage = Stage::set(QUICK).await;
    let wide = drawing("a fox", &json!({"aspectRatio": "21:9", "imageSize": "512"}));
    let shown = stage.ask(FLASH, &wide).await.picture().0;
    // As google-genai writes it: URL-safe base64, and both spellings in one body.
    let data = URL_SAFE_NO_PAD.encode(shown.bytes());
    let body = json!({"contents": [
        {"role": "user", "parts": [{"text": "a fox"}]},
        {"role": "model", "parts": [{"inlineData": {"mime_type": "image/png", "data": data},
                                     "thought_signature": "c2ln"}]},
        {"parts": {"text": "now make it night"}},
    ]});
    let answer = stage.ask(FLASH, &body).await;
    assert_eq!(answer.picture().0.size().to_string(), "1584x672");
    assert_eq!(answer.json()["usageMetadata"]["promptTokensDetails"][1]["tokenCount"], 1120);
    let arrival = stage.simulator.arrivals().pop().unwrap();
    assert_eq!((arrival.prompt.as_str(), arrival.reference_images), ("now make it night", 1));
    assert_eq!(arrival.aspect_ratio.unwrap().to_string(), "21:9");
}

#[tokio::test]
async fn prepared_pictures_have_exactly_the_length_that_the_script_gives() {
    let stage = Stage::set("latency.default = '0s'\npicture.bytes = 1_500_000").await;
    for _ in 0..2 {
        let answer = stage.draw("a fox").await;
        assert_eq!(answer.picture().0.bytes().len(), 1_500_000);
        assert!(STANDARD.encoded_len(1_500_000) < answer.text.len());
    }
}

#[tokio::test]
async fn jpeg_pictures_come_when_the_script_says_so() {
    let stage = Stage::set(&format!("{AT_ONCE}picture.format = 'jpeg'")).await;
    let (image, label) = stage.draw("a fox").await.picture();
    assert_eq!((image.media_type(), label.as_str()), (MediaType::Jpeg, "image/jpeg"));
    assert_eq!(image.size().to_string(), "1024x1024");
}
