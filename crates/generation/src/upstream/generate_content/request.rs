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
mod tests;
