//! Writes an answer as chunks.
//!
//! Markdown is cut into small deltas, because some readers bound the length of a line. `images` cannot be cut:
//! such a picture is one long line, written as it comes.

use domain::{Failure, ImageHead, Usage};
use serde::Serialize;

use super::{
    Form,
    error::wording,
    response::{Counts, Picture, completion_id},
};
use crate::{
    dialect::{
        Render,
        answer::Shown,
        base64::Encoder,
        lost::Lost,
        markdown,
        output::{DELTA, Frame, Output, PICTURE},
    },
    refusal::Refusal,
};

/// The stream so far.
pub(crate) struct Stream {
    shown: Shown<Form>,
    encoder: Encoder,
    /// Around a whole picture, or around each delta of one.
    frame: Frame,
    /// The choice that is written to, and the one that comes next.
    choice: u32,
    next: u32,
    /// Whether a line was begun and not ended.
    open: bool,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counts>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Lost],
    // Last, so that nothing a model wrote can follow the picture.
    choices: Vec<Choice>,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    finish_reason: Option<&'static str>,
    logprobs: Option<()>,
    delta: Delta,
}

#[derive(Serialize, Default)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<[Picture; 1]>,
}

impl Stream {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self {
            shown,
            encoder: Encoder::default(),
            frame: Frame::default(),
            choice: 0,
            next: 0,
            open: false,
            lost: Vec::new(),
        }
    }

    fn chunk(&self, choices: Vec<Choice>) -> Chunk<'_> {
        Chunk {
            id: completion_id(&self.shown),
            object: "chat.completion.chunk",
            created: self.shown.created.as_secs(),
            model: &self.shown.model,
            usage: None,
            errors: &[],
            choices,
        }
    }

    fn delta(&self, delta: Delta) -> Chunk<'_> {
        self.chunk(vec![Choice { index: self.choice, finish_reason: None, logprobs: None, delta }])
    }

    fn content(&self, text: impl Into<String>) -> Chunk<'_> {
        self.delta(Delta { content: Some(text.into()), ..Delta::default() })
    }

    /// The delta with which a choice begins; that of the first one begins the stream.
    fn role(&self) -> Chunk<'_> {
        self.delta(Delta { role: Some("assistant"), content: Some(String::new()), images: None })
    }

    /// The long line that holds the whole picture.
    fn open_images(&mut self, head: &ImageHead, out: &mut Output) {
        if !head.caption.is_empty() {
            out.data(&self.content(&head.caption));
        }
        let delta = Delta { images: Some([Picture::of(head)]), ..Delta::default() };
        self.frame = Frame::around(&self.delta(delta));
        self.open = true;
        out.raw("data: ");
        out.raw(&self.frame.before);
    }

    fn open_markdown(&mut self, head: &ImageHead, out: &mut Output) {
        let text = markdown::shown(head);
        let (before, _) = text.rsplit_once(PICTURE).expect("markdown shows its picture");
        out.data(&self.content(before));
        self.frame = Frame::around(&self.content(PICTURE));
    }
}

impl Render for Stream {
    fn begin(&mut self, out: &mut Output) {
        out.data(&self.role());
    }

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        self.choice = self.next;
        self.next += 1;
        if self.choice > 0 {
            out.data(&self.role());
        }
        if self.shown.form.images { self.open_images(head, out) } else { self.open_markdown(head, out) }
    }

    fn bytes(&mut self, chunk: &[u8], out: &mut Output) {
        if self.open {
            return self.encoder.push(chunk, out);
        }
        for piece in chunk.chunks(DELTA) {
            out.raw("data: ");
            out.raw(&self.frame.before);
            self.encoder.push(piece, out);
            out.raw(&self.frame.after);
            out.raw("\n\n");
        }
    }

    fn picture_end(&mut self, out: &mut Output) {
        if self.open {
            self.open = false;
            self.encoder.finish(out);
        } else {
            self.frame = Frame::around(&self.content(format!("{PICTURE})")));
            out.raw("data: ");
            out.raw(&self.frame.before);
            self.encoder.finish(out);
        }
        out.raw(&self.frame.after);
        out.raw("\n\n");
        let finish_reason = Some("stop");
        let last = Choice { index: self.choice, finish_reason, logprobs: None, delta: Delta::default() };
        out.data(&self.chunk(vec![last]));
    }

    fn failed(&mut self, index: u32, failure: &Failure, _: &mut Output) {
        self.lost.push(Lost::new(index, failure));
    }

    fn end(&mut self, usage: Usage, out: &mut Output) {
        let usage = self.shown.form.include_usage.then(|| usage.into());
        if usage.is_some() || !self.lost.is_empty() {
            out.data(&Chunk { usage, errors: &self.lost, ..self.chunk(Vec::new()) });
        }
        out.raw("data: [DONE]\n\n");
    }

    fn failure(&mut self, failure: &Failure, out: &mut Output) -> bool {
        let refusal = Refusal::from(failure.clone());
        if !self.open {
            out.data(&wording(&refusal).envelope(&refusal));
            out.raw("data: [DONE]\n\n");
        }
        !self.open
    }

    fn keep_alive(&self) -> Option<&'static str> {
        (!self.open).then_some(": keep-alive\n\n")
    }
}
