//! Writes an answer as one document: a text block for each picture, or an image block.

use domain::{Failure, ImageHead, Usage};
use serde::Serialize;

use super::Form;
use crate::dialect::{
    Render,
    answer::Shown,
    base64::Encoder,
    lost::Lost,
    markdown,
    output::{Frame, Output, PICTURE},
};

/// The document so far.
pub(crate) struct Response {
    shown: Shown<Form>,
    encoder: Encoder,
    frame: Frame,
    /// Blocks begun.
    blocks: u32,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
}

/// A piece of an answer's content.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text { text: String },
    Image { source: Source },
}

/// Where an image block has its picture.
#[derive(Serialize)]
pub(super) struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'static str,
    data: &'static str,
}

#[derive(Serialize)]
struct Tail {
    stop_reason: &'static str,
    stop_sequence: Option<()>,
    usage: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Lost>,
}

/// Anthropic's count of tokens.
#[derive(Serialize)]
pub(super) struct Counts {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

impl Response {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self { shown, encoder: Encoder::default(), frame: Frame::default(), blocks: 0, lost: Vec::new() }
    }

    fn separate(&mut self, out: &mut Output) {
        if self.blocks > 0 {
            out.raw(",");
        }
        self.blocks += 1;
    }
}

impl Render for Response {
    fn begin(&mut self, out: &mut Output) {
        let id = message_id(&self.shown);
        let head = Head { id, kind: "message", role: "assistant", model: &self.shown.model };
        out.open_list(&head, "content");
    }

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        self.separate(out);
        if self.shown.form.image_blocks {
            if !head.caption.is_empty() {
                out.json(&Block::Text { text: head.caption.clone() });
                self.separate(out);
            }
            self.frame = Frame::around(&Block::picture(head));
        } else {
            self.frame = Frame::around(&Block::Text { text: markdown::shown(head) });
        }
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
        out.close_list(&Tail {
            stop_reason: "end_turn",
            stop_sequence: None,
            usage: usage.into(),
            errors: std::mem::take(&mut self.lost),
        });
    }

    fn failure(&mut self, _: &Failure, _: &mut Output) -> bool {
        false
    }

    fn keep_alive(&self) -> Option<&'static str> {
        None
    }
}

/// The name of the message.
pub(super) fn message_id(shown: &Shown<Form>) -> String {
    format!("msg_{}", shown.id.as_str().trim_start_matches("req_"))
}

impl Block {
    /// An image block whose base64 stands at [`PICTURE`].
    pub(super) fn picture(head: &ImageHead) -> Self {
        Self::Image { source: Source { kind: "base64", media_type: head.media_type.as_str(), data: PICTURE } }
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self { input_tokens: usage.input_tokens(), output_tokens: usage.output_tokens() }
    }
}
