use domain::{ClientId, ImageCount, RequestId};

use super::*;

/// The smallest whole PNG: one grey pixel.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\
    \x3a\x7e\x9b\x55\x00\x00\x00\x0aIDAT\x78\x9c\x63\x60\x00\x00\x00\x02\x00\x01\x48\xaf\xa4\x71\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

fn request(conversation: Conversation) -> GenerationRequest {
    GenerationRequest {
        id: RequestId::new("req-1").unwrap(),
        client: ClientId::new("studio").unwrap(),
        model: "gemini-3-pro-image".into(),
        conversation,
        spec: PictureSpec { aspect_ratio: "16:9".parse().unwrap(), resolution: "2K".parse().unwrap() },
        count: ImageCount::new(3).unwrap(),
        person_generation: PersonGeneration::Allow,
        seed: None,
        gather: false,
    }
}

fn json(request: &GenerationRequest) -> String {
    String::from_utf8(encode(request, Provider::Gemini).to_vec()).unwrap()
}

#[test]
fn a_prompt_is_sent_with_its_shape_and_nothing_else() {
    assert_eq!(
        json(&request(Conversation::prompt("a \"red\" cat\n").unwrap())),
        r#"{"contents":[{"role":"user","parts":[{"text":"a \"red\" cat\n"}]}],"#.to_owned()
            + r#""generationConfig":{"responseModalities":["TEXT","IMAGE"],"#
            + r#""imageConfig":{"aspectRatio":"16:9","imageSize":"2K"}}}"#
    );
}

#[test]
fn a_conversation_is_sent_turn_by_turn_with_its_pictures() {
    let picture = Image::inspect(Bytes::from_static(PNG)).unwrap();
    let turns = [
        Turn { role: Role::User, parts: vec![Part::Text("a cat".into())] },
        Turn { role: Role::Assistant, parts: vec![Part::Image(picture)] },
        Turn { role: Role::User, parts: vec![Part::Text("now at night".into())] },
    ];
    let conversation = Conversation::new(Some("be brief".into()), turns).unwrap();
    let request = GenerationRequest {
        person_generation: PersonGeneration::Deny,
        seed: Some(-7),
        ..request(conversation)
    };
    let data = STANDARD.encode(PNG);
    assert_eq!(
        json(&request),
        r#"{"contents":[{"role":"user","parts":[{"text":"a cat"}]},"#.to_owned()
            + r#"{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":""#
            + &data
            + r#""},"thoughtSignature":"skip_thought_signature_validator"}]},"#
            + r#"{"role":"user","parts":[{"text":"now at night"},{"text":"Do not depict any people."}]}],"#
            + r#""systemInstruction":{"parts":[{"text":"be brief"}]},"#
            + r#""generationConfig":{"responseModalities":["TEXT","IMAGE"],"#
            + r#""imageConfig":{"aspectRatio":"16:9","imageSize":"2K"},"seed":-7}}"#
    );
}

#[test]
fn people_are_forbidden_by_a_switch_where_there_is_one_and_in_words_elsewhere() {
    let request = GenerationRequest {
        person_generation: PersonGeneration::Deny,
        ..request(Conversation::prompt("a crowd").unwrap())
    };
    let json = |provider| String::from_utf8(encode(&request, provider).to_vec()).unwrap();
    let prompt = r#"{"text":"a crowd"}"#;
    assert_eq!(
        json(Provider::Vertex),
        format!(r#"{{"contents":[{{"role":"user","parts":[{prompt}]}}],"#)
            + r#""generationConfig":{"responseModalities":["TEXT","IMAGE"],"imageConfig":"#
            + r#"{"aspectRatio":"16:9","imageSize":"2K","personGeneration":"ALLOW_NONE"}}}"#
    );
    let instructed = json(Provider::Gemini);
    assert!(instructed.contains(NO_PEOPLE) && !instructed.contains(ALLOW_NONE), "{instructed}");
}

#[test]
fn a_large_picture_is_encoded_whole_and_within_the_room_made_for_it() {
    let mut large = PNG.to_vec();
    large.splice(33..33, std::iter::repeat_n(0xa5, 100_001));
    let picture = Image::inspect(Bytes::from(large.clone())).unwrap();
    let turn = Turn { role: Role::User, parts: vec![Part::Image(picture)] };
    let request = request(Conversation::new(None, [turn]).unwrap());
    let encoded = json(&request);
    assert!(encoded.contains(&STANDARD.encode(&large)));
    assert!(encoded.len() <= length(&request.conversation));
}
