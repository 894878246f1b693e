//! What a good answer holds: a picture, or the reason why there is none.

use std::borrow::Cow;

use domain::{CallOutcome, Failure, FailureKind, Usage};
use serde::Deserialize;

use crate::upstream::{CallFailure, Drawn, TiledImage, lifter::Lifted, one_line};

/// The longest caption, in bytes.
const LONGEST_CAPTION: usize = 16 << 10;

/// Takes an answer apart: the picture, or why there is none.
pub(crate) fn read(lifted: Lifted) -> Result<Drawn, CallFailure> {
    let Lifted { json, mut pictures } = lifted;
    let answer: Answer<'_> = serde_json::from_slice(&json)
        .map_err(|error| malformed(&format!("the answer is no JSON: {error}")))?;
    let usage = answer.usage_metadata.as_ref().map(Usage::from).unwrap_or_default();
    let broken = |detail: &str| CallFailure { usage, ..malformed(detail) };
    let Some(number) = answer.picture() else { return Err(CallFailure { usage, ..answer.why_none() }) };
    let picture = number.parse().ok().and_then(|number: usize| pictures.get_mut(number));
    let tiles = picture.and_then(Option::take).ok_or_else(|| broken("the picture is no base64"))?;
    let image = TiledImage::inspect(tiles).map_err(|error| broken(&error.to_string()))?;
    Ok(Drawn { image, caption: answer.caption(), usage })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(default, borrow)]
    candidates: Vec<Candidate<'a>>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<UsageMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(default, borrow)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    inline_data: Option<InlineData<'a>>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InlineData<'a> {
    #[serde(default)]
    mime_type: String,
    /// The number of a picture that was lifted out.
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageMetadata {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
    prompt_tokens_details: Vec<ModalityTokens>,
    candidates_tokens_details: Vec<ModalityTokens>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ModalityTokens {
    modality: String,
    token_count: u64,
}

impl<'a> Answer<'a> {
    fn parts(&self) -> impl DoubleEndedIterator<Item = &Part<'a>> {
        self.candidates.iter().filter_map(|candidate| candidate.content.as_ref()).flat_map(|c| &c.parts)
    }

    /// The last picture, which is the most refined. Drafts, marked as thoughts, count only where there is
    /// nothing else and the picture itself was not refused.
    fn picture(&self) -> Option<&str> {
        let pictures = || self.parts().rev().filter(|part| part.is_picture());
        let draft = || pictures().next().filter(|_| self.refusal().is_none());
        let chosen = pictures().find(|part| !part.thought).or_else(draft)?;
        chosen.inline_data.as_ref().map(|inline| inline.data.as_ref())
    }

    /// What the model said aloud.
    fn caption(&self) -> String {
        let spoken = self.parts().filter(|part| !part.thought).filter_map(|part| part.text.as_deref());
        let mut caption = spoken.collect::<String>().trim().to_owned();
        caption.truncate(caption.floor_char_boundary(LONGEST_CAPTION));
        caption
    }

    /// The reason for which the safety system refused, if it did.
    fn refusal(&self) -> Option<&str> {
        let blocked = self.prompt_feedback.as_ref().and_then(|feedback| feedback.block_reason.as_deref());
        let finished = || self.finish_reasons().find(|reason| is_refusal(reason));
        blocked.or_else(finished)
    }

    fn finish_reasons(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().filter_map(|candidate| candidate.finish_reason.as_deref())
    }

    fn why_none(&self) -> CallFailure {
        let caption = one_line(&self.caption(), 200);
        let said = if caption.is_empty() { String::new() } else { format!(": {caption}") };
        let finish = self.candidates.iter().find_map(|candidate| candidate.finish_message.as_deref());
        let detail = one_line(finish.unwrap_or_default(), 200);
        if let Some(reason) = self.refusal() {
            let message = format!("the provider's safety system refused ({}){said}", name(reason));
            let failure = Failure::new(FailureKind::ContentPolicy, message);
            return CallFailure::sent(CallOutcome::Declined, failure, detail);
        }
        let reason = self.finish_reasons().next().map_or("no reason given", name);
        let message = format!("the model answered without a picture ({reason}){said}");
        CallFailure::sent(CallOutcome::Empty, Failure::new(FailureKind::NoImage, message), detail)
    }
}

impl Part<'_> {
    fn is_picture(&self) -> bool {
        self.inline_data.as_ref().is_some_and(|inline| inline.mime_type.starts_with("image/"))
    }
}

/// Finish reasons that speak of what was asked or drawn rather than of a mishap.
fn is_refusal(reason: &str) -> bool {
    matches!(
        reason,
        "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "MODEL_ARMOR"
            | "JAILBREAK"
    )
}

/// A reason that may be shown, because it is one of Google's names and not free text.
fn name(reason: &str) -> &str {
    let named = reason.len() <= 40 && reason.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if named && !reason.is_empty() { reason } else { "an unknown reason" }
}

impl From<&UsageMetadata> for Usage {
    fn from(metadata: &UsageMetadata) -> Self {
        let images = |details: &[ModalityTokens]| {
            details.iter().filter(|part| part.modality == "IMAGE").map(|part| part.token_count).sum::<u64>()
        };
        let read = images(&metadata.prompt_tokens_details);
        let drawn = images(&metadata.candidates_tokens_details);
        Self {
            input_text_tokens: metadata.prompt_token_count.saturating_sub(read),
            input_image_tokens: read,
            output_text_tokens: metadata
                .candidates_token_count
                .saturating_sub(drawn)
                .saturating_add(metadata.thoughts_token_count),
            output_image_tokens: drawn,
        }
    }
}

fn malformed(detail: &str) -> CallFailure {
    let message = "the provider's answer is broken; the picture may have been paid for";
    let failure = Failure::new(FailureKind::UpstreamMalformed, message);
    CallFailure::sent(CallOutcome::Ambiguous, failure, one_line(detail, 200))
}

#[cfg(test)]
mod tests;
