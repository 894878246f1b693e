//! Writes an answer as one document: a choice for each picture.

use domain::{Failure, ImageHead, Usage};
use serde::Serialize;

use super::Form;
use crate::dialect::{
    Render,
    answer::Shown,
    base64::Encoder,
    data_uri,
    lost::Lost,
    markdown,
    output::{Frame, Output, PICTURE},
};

/// The document so far.
pub(crate) struct Response {
    shown: Shown<Form>,
    encoder: Encoder,
    frame: Frame,
    /// Choices begun.
    choices: u32,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    // Before the message, so that nothing a model wrote can follow the picture.
    finish_reason: &'static str,
    logprobs: Option<()>,
    message: Message,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    refusal: Option<()>,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Picture; 1]>,
}

/// One of the `images` beside a content.
#[derive(Serialize)]
pub(super) struct Picture {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u32,
    image_url: Address,
}

#[derive(Serialize)]
struct Address {
    url: String,
}

#[derive(Serialize)]
struct Tail {
    usage: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Lost>,
}

/// OpenAI's count of tokens.
#[derive(Serialize)]
pub(super) struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Details,
    completion_tokens_details: Details,
}

#[derive(Serialize)]
struct Details {
    text_tokens: u64,
    image_tokens: u64,
}

impl Response {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self { shown, encoder: Encoder::default(), frame: Frame::default(), choices: 0, lost: Vec::new() }
    }

    fn shape(&self, head: &ImageHead) -> Choice {
        let images = self.shown.form.images.then(|| [Picture::of(head)]);
        let content = if images.is_some() { head.caption.clone() } else { markdown::shown(head) };
        let message = Message { role: "assistant", refusal: None, content, images };
        Choice { index: self.choices, finish_reason: "stop", logprobs: None, message }
    }
}

impl Render for Response {
    fn begin(&mut self, out: &mut Output) {
        let head = Head {
            id: completion_id(&self.shown),
            object: "chat.completion",
            created: self.shown.created.as_secs(),
            model: &self.shown.model,
        };
        out.open_list(&head, "choices");
    }

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        if self.choices > 0 {
            out.raw(",");
        }
        self.frame = Frame::around(&self.shape(head));
        self.choices += 1;
        out.raw(&self.frame.before);
    }

    fn bytes(&mut self, chunk: &[u8], out: &mut Output) {
        self.encoder.push(chunk, out);
    }

    fn picture_end(&mut self, out: &mut Output) {
        self.encoder.finish(out);
        out.raw(&self.frame.after);
    }

    fn failed(&mut self, index: u32, failure: &Failure, _: &mut Output) {
        self.lost.push(Lost::new(index, failure));
    }

    fn end(&mut self, usage: Usage, out: &mut Output) {
        out.close_list(&Tail { usage: usage.into(), errors: std::mem::take(&mut self.lost) });
    }

    fn failure(&mut self, _: &Failure, _: &mut Output) -> bool {
        false
    }

    fn keep_alive(&self) -> Option<&'static str> {
        None
    }
}

/// The name of the completion.
pub(super) fn completion_id(shown: &Shown<Form>) -> String {
    format!("chatcmpl-{}", shown.id.as_str().trim_start_matches("req_"))
}

impl Picture {
    /// The picture whose base64 stands at [`PICTURE`].
    pub(super) fn of(head: &ImageHead) -> Self {
        Self {
            kind: "image_url",
            index: 0,
            image_url: Address { url: data_uri::of(head.media_type, PICTURE) },
        }
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens(),
            completion_tokens: usage.output_tokens(),
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: Details {
                text_tokens: usage.input_text_tokens,
                image_tokens: usage.input_image_tokens,
            },
            completion_tokens_details: Details {
                text_tokens: usage.output_text_tokens,
                image_tokens: usage.output_image_tokens,
            },
        }
    }
}
