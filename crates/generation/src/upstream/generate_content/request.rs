//! What is sent: a body built from these types alone, since Google refuses fields that it does not know.

use std::fmt;

use base64_turbo::STANDARD;
use bytes::Bytes;
use domain::{
    Conversation, Enforcement, GenerationRequest, Image, Part, PersonGeneration, PictureSpec, Provider, Role,
    Turn,
};
use serde::{Serialize, Serializer};

/// Forbids people where the provider has no switch for them.
const NO_PEOPLE: &str = "Do not depict any people.";

/// Forbids people where it has one.
const ALLOW_NONE: &str = "ALLOW_NONE";

/// Google wants back the signature of everything the model said, and no dialect of ours can carry one through its
/// client. This is the value that Google documents for turns whose signatures are not at hand.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// The body of the method at this provider.
pub(crate) fn encode(request: &GenerationRequest, provider: Provider) -> Bytes {
    let mut json = Vec::with_capacity(length(&request.conversation));
    serde_json::to_writer(&mut json, &Body::new(request, provider)).expect("these types are always JSON");
    json.into()
}

/// Room for the body: exact as to pictures, ample as to the rest.
fn length(conversation: &Conversation) -> usize {
    let parts = conversation.turns().iter().flat_map(|turn| &turn.parts).map(|part| match part {
        Part::Text(text) => text.len() * 2,
        Part::Image(image) => STANDARD.encoded_len(image.bytes().len()),
    });
    let framed: usize = parts.map(|part| part + 128).sum();
    framed + conversation.system().map_or(0, |text| text.len() * 2) + 512
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemInstruction<'a>>,
    generation_config: GenerationConfig,
}

#[derive(Serialize)]
struct Content<'a> {
    role: &'static str,
    parts: Vec<WirePart<'a>>,
}

#[derive(Serialize)]
struct SystemInstruction<'a> {
    parts: [WirePart<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePart<'a> {
    #[serde(flatten)]
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Data<'a> {
    Text(&'a str),
    #[serde(rename_all = "camelCase")]
    InlineData {
        mime_type: &'static str,
        data: Base64<'a>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    response_modalities: [&'static str; 2],
    image_config: ImageConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageConfig {
    aspect_ratio: String,
    image_size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_generation: Option<&'static str>,
}

impl<'a> Body<'a> {
    fn new(request: &'a GenerationRequest, provider: Provider) -> Self {
        let denies = request.person_generation == PersonGeneration::Deny;
        let enforcement = denies.then_some(Enforcement::of(provider));
        let mut contents: Vec<_> = request.conversation.turns().iter().map(Content::from).collect();
        if enforcement == Some(Enforcement::Instruction)
            && let Some(last) = contents.last_mut()
        {
            last.parts.push(WirePart::text(NO_PEOPLE));
        }
        Self {
            contents,
            system_instruction: request
                .conversation
                .system()
                .map(|text| SystemInstruction { parts: [WirePart::text(text)] }),
            generation_config: GenerationConfig {
                // With text allowed, a model that draws nothing says why.
                response_modalities: ["TEXT", "IMAGE"],
                image_config: ImageConfig::new(request.spec, enforcement),
                seed: request.seed,
            },
        }
    }
}

impl<'a> From<&'a Turn> for Content<'a> {
    fn from(turn: &'a Turn) -> Self {
        let (role, thought_signature) = match turn.role {
            Role::User => ("user", None),
            Role::Assistant => ("model", Some(UNSIGNED)),
        };
        let part = |part| WirePart { data: Data::from(part), thought_signature };
        Self { role, parts: turn.parts.iter().map(part).collect() }
    }
}

impl<'a> WirePart<'a> {
    const fn text(text: &'a str) -> Self {
        Self { data: Data::Text(text), thought_signature: None }
    }
}

impl<'a> From<&'a Part> for Data<'a> {
    fn from(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::Text(text),
            Part::Image(image) => {
                Self::InlineData { mime_type: image.media_type().as_str(), data: Base64(image) }
            }
        }
    }
}

impl ImageConfig {
    fn new(spec: PictureSpec, people: Option<Enforcement>) -> Self {
        Self {
            aspect_ratio: spec.aspect_ratio.to_string(),
            image_size: spec.resolution.to_string(),
            person_generation: (people == Some(Enforcement::Native)).then_some(ALLOW_NONE),
        }
    }
}

/// A picture as base64, encoded piece by piece straight into the body.
struct Base64<'a>(&'a Image);

/// Bytes encoded at once; a multiple of three, so that only the last piece is padded.
const PIECE: usize = 12 << 10;

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Base64<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; PIECE / 3 * 4];
        for piece in self.0.bytes().chunks(PIECE) {
            let length = STANDARD.encode_slice(piece, &mut text).map_err(|_| fmt::Error)?;
            f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
}
