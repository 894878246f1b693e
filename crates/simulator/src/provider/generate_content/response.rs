//! The message `GenerateContentResponse`, written around pictures that are already in base64.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::Provider;
use serde::Serialize;

use crate::provider::reply::Framing;

/// What is answered.
#[derive(Debug)]
pub(super) struct Generated {
    pub(super) parts: Vec<Part>,
    /// None for a blocked prompt.
    pub(super) finish_reason: Option<String>,
    pub(super) finish_message: Option<&'static str>,
    pub(super) block_reason: Option<String>,
    pub(super) usage: Usage,
    pub(super) model: &'static str,
    pub(super) provider: Provider,
    pub(super) response_id: String,
}

/// One part of the answer.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) data: Data,
    pub(super) thought: bool,
    pub(super) signature: Option<String>,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Data {
    Text(String),
    Picture {
        mime_type: &'static str,
        /// Pieces of base64, sent one after another.
        base64: Vec<Bytes>,
    },
}

/// Tokens by what they were.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) prompt_text: u32,
    pub(super) prompt_images: u32,
    pub(super) text: u32,
    pub(super) images: u32,
    pub(super) thoughts: u32,
}

impl Part {
    pub(super) const fn text(text: String) -> Self {
        Self { data: Data::Text(text), thought: false, signature: None }
    }

    pub(super) const fn picture(mime_type: &'static str, base64: Vec<Bytes>) -> Self {
        Self { data: Data::Picture { mime_type, base64 }, thought: false, signature: None }
    }

    pub(super) fn into_thought(self) -> Self {
        Self { thought: true, ..self }
    }

    pub(super) const fn is_picture(&self) -> bool {
        matches!(self.data, Data::Picture { .. })
    }

    /// What its text counts as in the answer; thoughts are counted apart.
    pub(super) fn answer_tokens(&self) -> u32 {
        match &self.data {
            Data::Text(text) if !self.thought => u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX),
            Data::Text(_) | Data::Picture { .. } => 0,
        }
    }
}

impl Generated {
    /// The body, as one object or as a stream of one object for each part and a last one that ends it.
    pub(super) fn into_pieces(mut self, framing: Framing) -> VecDeque<Bytes> {
        if framing == Framing::Object {
            return splice(&self.message(&self.parts, true), &self.parts).into();
        }
        let (before, between, after) = match framing {
            Framing::Events => ("data: ", "\r\n\r\ndata: ", "\r\n\r\n"),
            Framing::Array | Framing::Object => ("[", "\n,\r\n", "\n]"),
        };
        let mut pieces = VecDeque::from([Bytes::from_static(before.as_bytes())]);
        for part in std::mem::take(&mut self.parts) {
            let part = [part];
            pieces.extend(splice(&self.message(&part, false), &part));
            pieces.push_back(Bytes::from_static(between.as_bytes()));
        }
        pieces.extend(splice(&self.message(&[], true), &[]));
        pieces.push_back(Bytes::from_static(after.as_bytes()));
        pieces
    }

    /// A message with these parts, with nothing where the pictures go.
    fn message(&self, parts: &[Part], last: bool) -> Vec<u8> {
        let finish_reason = self.finish_reason.as_deref().filter(|_| last);
        let candidate = self.finish_reason.is_some().then(|| Candidate {
            content: (!parts.is_empty())
                .then(|| ContentJson { parts: parts.iter().map(PartJson::of).collect(), role: "model" }),
            finish_reason,
            finish_message: self.finish_message.filter(|_| last),
            index: 0,
        });
        let message = Message {
            candidates: candidate.into_iter().collect(),
            prompt_feedback: self.block_reason.as_deref().map(|block_reason| PromptFeedback { block_reason }),
            usage_metadata: last.then(|| UsageMetadata::of(&self.usage, self.provider)),
            model_version: self.model,
            response_id: &self.response_id,
        };
        serde_json::to_vec(&message).expect("a response has text keys only")
    }
}

/// Puts the pictures in their places, which are the empty `data` fields: no text can look like one, because
/// quotes in text are escaped.
fn splice(message: &[u8], parts: &[Part]) -> Vec<Bytes> {
    const PLACE: &[u8] = br#""data":"""#;
    let mut rest = Bytes::copy_from_slice(message);
    let mut pieces = Vec::new();
    for part in parts {
        let Data::Picture { base64, .. } = &part.data else { continue };
        let place = rest.windows(PLACE.len()).position(|window| window == PLACE);
        let place = place.expect("every picture has an empty field") + PLACE.len() - 1;
        pieces.push(rest.split_to(place));
        pieces.extend(base64.iter().cloned());
    }
    pieces.push(rest);
    pieces
}

/// The message itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_feedback: Option<PromptFeedback<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<UsageMetadata>,
    model_version: &'static str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback<'a> {
    block_reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_message: Option<&'a str>,
    index: u32,
}

#[derive(Serialize)]
struct ContentJson<'a> {
    parts: Vec<PartJson<'a>>,
    role: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<BlobJson>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobJson {
    mime_type: &'static str,
    /// Always empty here: the place where [`splice`] puts the picture.
    data: &'static str,
}

impl<'a> PartJson<'a> {
    fn of(part: &'a Part) -> Self {
        let (text, inline_data) = match &part.data {
            Data::Text(text) => (Some(text.as_str()), None),
            Data::Picture { mime_type, .. } => (None, Some(BlobJson { mime_type, data: "" })),
        };
        Self { text, inline_data, thought: part.thought, thought_signature: part.signature.as_deref() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    prompt_token_count: u32,
    #[serde(skip_serializing_if = "is_zero")]
    candidates_token_count: u32,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u32,
    total_token_count: u32,
    prompt_tokens_details: Vec<ModalityCount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates_tokens_details: Vec<ModalityCount>,
    /// Whether the capacity was reserved; Vertex AI alone says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic_type: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModalityCount {
    modality: &'static str,
    token_count: u32,
}

impl UsageMetadata {
    fn of(usage: &Usage, provider: Provider) -> Self {
        let prompt = usage.prompt_text.saturating_add(usage.prompt_images);
        let candidates = usage.text + usage.images;
        Self {
            prompt_token_count: prompt,
            candidates_token_count: candidates,
            thoughts_token_count: usage.thoughts,
            total_token_count: prompt.saturating_add(candidates + usage.thoughts),
            prompt_tokens_details: details(usage.prompt_text, usage.prompt_images),
            candidates_tokens_details: details(usage.text, usage.images),
            traffic_type: (provider == Provider::Vertex).then_some("ON_DEMAND"),
        }
    }
}

fn details(text: u32, images: u32) -> Vec<ModalityCount> {
    let counts = [("TEXT", text), ("IMAGE", images)];
    let present = counts.into_iter().filter(|(_, count)| *count > 0);
    present.map(|(modality, token_count)| ModalityCount { modality, token_count }).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
