//! Pictures that come.

use domain::{Conversation, MediaType, Part, PersonGeneration, PictureSpec, Role, Turn};

use crate::stage::{Stage, cats};

#[tokio::test]
async fn a_picture_comes_whole_and_measured() {
    let stage = Stage::set("", &["a"]).await;
    let spec = PictureSpec { aspect_ratio: "16:9".parse().unwrap(), resolution: "2K".parse().unwrap() };
    let answer = stage.ask(domain::GenerationRequest { spec, ..cats(1) }).await;
    let picture = &answer.pictures[&0];
    assert_eq!((picture.media_type(), picture.size().to_string()), (MediaType::Png, "2752x1536".to_owned()));
    assert_eq!(picture.bytes().len(), 300_000);
    assert!(!answer.captions[0].is_empty());
    assert!(answer.usage.unwrap().output_image_tokens >= 1120);
    assert_eq!(stage.ledger.log(), ["grant req/0/0 a", "settle req/0/0 delivered"]);
}

#[tokio::test]
async fn ten_pictures_are_ten_calls_spread_over_the_accounts() {
    let stage = Stage::set("", &["a", "b", "c"]).await;
    let answer = stage.ask(cats(10)).await;
    assert_eq!(answer.pictures.len(), 10);
    assert!(answer.failures.is_empty());
    assert_eq!(answer.usage.unwrap().output_image_tokens, 10 * 1120);
    let keys: Vec<_> = stage.simulator.arrivals().into_iter().filter_map(|arrival| arrival.key).collect();
    assert_eq!(keys.len(), 10);
    for account in ["a", "b", "c"] {
        assert!(keys.iter().filter(|key| key.ends_with(&format!("-{account}"))).count() >= 3, "{keys:?}");
    }
}

#[tokio::test]
async fn the_conversation_reaches_the_provider_with_its_pictures() {
    let stage = Stage::set("", &["a"]).await;
    let shown = stage.ask(cats(1)).await.pictures.remove(&0).unwrap();
    let turns = [
        Turn { role: Role::User, parts: vec![Part::Text("a cat".into())] },
        Turn { role: Role::Assistant, parts: vec![Part::Text("here".into()), Part::Image(shown)] },
        Turn { role: Role::User, parts: vec![Part::Text("now make it night".into())] },
    ];
    let stage = Stage::set("", &["a"]).await;
    let request = domain::GenerationRequest {
        conversation: Conversation::new(Some("paint in oil".into()), turns).unwrap(),
        person_generation: PersonGeneration::Deny,
        seed: Some(7),
        ..cats(1)
    };
    assert_eq!(stage.ask(request).await.pictures.len(), 1);
    assert_eq!(stage.simulator.arrivals()[0].reference_images, 1);
}

#[tokio::test]
async fn a_picture_is_what_its_bytes_say_and_not_its_label() {
    let stage = Stage::set("[[rules]]\nfault = 'mislabelled'", &["a"]).await;
    let answer = stage.ask(cats(1)).await;
    assert_eq!(answer.pictures[&0].media_type(), MediaType::Jpeg);
}

#[tokio::test]
async fn a_picture_of_another_size_is_told_as_it_is() {
    let stage = Stage::set("[[rules]]\nfault = 'wrong-size'", &["a"]).await;
    let answer = stage.ask(cats(1)).await;
    assert_eq!(answer.pictures[&0].size().to_string(), "512x512");
}

#[tokio::test]
async fn a_lone_thought_is_better_than_no_picture() {
    let stage = Stage::set("[[rules]]\nfault = 'thought-only'", &["a"]).await;
    assert_eq!(stage.ask(cats(1)).await.pictures.len(), 1);
}

#[tokio::test]
async fn forty_megabytes_pass() {
    let stage = Stage::set("[[rules]]\nfault = 'huge'\nbytes = 40_000_000", &["a"]).await;
    assert_eq!(stage.ask(cats(1)).await.pictures[&0].bytes().len(), 40_000_000);
}
