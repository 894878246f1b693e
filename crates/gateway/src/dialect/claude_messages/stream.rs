//! Writes an answer as events: blocks begin, grow and end.
//!
//! SDKs drop deltas of images, so an image block has its whole picture where it begins, in one long line.

use domain::{Failure, ImageHead, Usage};
use serde::Serialize;

use super::{
    Form,
    error::body,
    response::{Block, Counts, message_id},
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
    /// Blocks ended, which is the index of the one that is written to.
    blocks: u32,
    /// Whether a line was begun and not ended.
    open: bool,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: u32,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u32,
        delta: TextDelta,
    },
    ContentBlockStop {
        index: u32,
    },
    MessageDelta {
        delta: Stop,
        usage: Counts,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        errors: &'a [Lost],
    },
    MessageStop,
}

#[derive(Serialize)]
struct Message<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<()>,
    stop_sequence: Option<()>,
    usage: Counts,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "text_delta")]
struct TextDelta {
    text: String,
}

#[derive(Serialize)]
struct Stop {
    stop_reason: &'static str,
    stop_sequence: Option<()>,
}

const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

impl Event<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    fn write(&self, out: &mut Output) {
        out.event(self.name(), self);
    }

    /// Writes what stands before the picture of this event, and leaves the rest as a frame.
    fn around(&self) -> Frame {
        let Frame { before, after } = Frame::around(self);
        Frame { before: format!("event: {}\ndata: {before}", self.name()), after: format!("{after}\n\n") }
    }
}

impl Stream {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self {
            shown,
            encoder: Encoder::default(),
            frame: Frame::default(),
            blocks: 0,
            open: false,
            lost: Vec::new(),
        }
    }

    fn start(&self, content_block: Block) -> Event<'static> {
        Event::ContentBlockStart { index: self.blocks, content_block }
    }

    fn delta(&self, text: impl Into<String>) -> Event<'static> {
        Event::ContentBlockDelta { index: self.blocks, delta: TextDelta { text: text.into() } }
    }

    fn stop(&mut self, out: &mut Output) {
        Event::ContentBlockStop { index: self.blocks }.write(out);
        self.blocks += 1;
    }

    fn start_text(&self, text: &str, out: &mut Output) {
        self.start(Block::Text { text: String::new() }).write(out);
        self.delta(text).write(out);
    }

    fn open_image(&mut self, head: &ImageHead, out: &mut Output) {
        if !head.caption.is_empty() {
            self.start_text(&head.caption, out);
            self.stop(out);
        }
        self.frame = self.start(Block::picture(head)).around();
        self.open = true;
        out.raw(&self.frame.before);
    }

    fn open_markdown(&mut self, head: &ImageHead, out: &mut Output) {
        let text = markdown::shown(head);
        let (before, _) = text.rsplit_once(PICTURE).expect("markdown shows its picture");
        self.start_text(before, out);
        self.frame = self.delta(PICTURE).around();
    }
}

impl Render for Stream {
    fn begin(&mut self, out: &mut Output) {
        // The input is counted when the answer is complete; the last event corrects the estimate.
        let usage = Counts { input_tokens: self.shown.form.estimated_input, output_tokens: 1 };
        let message = Message {
            id: message_id(&self.shown),
            kind: "message",
            role: "assistant",
            model: &self.shown.model,
            content: [],
            stop_reason: None,
            stop_sequence: None,
            usage,
        };
        Event::MessageStart { message }.write(out);
        out.raw(PING);
    }

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        if self.shown.form.image_blocks { self.open_image(head, out) } else { self.open_markdown(head, out) }
    }

    fn bytes(&mut self, chunk: &[u8], out: &mut Output) {
        if self.open {
            return self.encoder.push(chunk, out);
        }
        for piece in chunk.chunks(DELTA) {
            out.raw(&self.frame.before);
            self.encoder.push(piece, out);
            out.raw(&self.frame.after);
        }
    }

    fn picture_end(&mut self, out: &mut Output) {
        if !self.open {
            self.frame = self.delta(format!("{PICTURE})")).around();
            out.raw(&self.frame.before);
        }
        self.open = false;
        self.encoder.finish(out);
        out.raw(&self.frame.after);
        self.stop(out);
    }

    fn failed(&mut self, index: u32, failure: &Failure, _: &mut Output) {
        self.lost.push(Lost::new(index, failure));
    }

    fn end(&mut self, usage: Usage, out: &mut Output) {
        let delta = Stop { stop_reason: "end_turn", stop_sequence: None };
        Event::MessageDelta { delta, usage: usage.into(), errors: &self.lost }.write(out);
        Event::MessageStop.write(out);
    }

    fn failure(&mut self, failure: &Failure, out: &mut Output) -> bool {
        if !self.open {
            out.event("error", &body(&Refusal::from(failure.clone()), &self.shown.id));
        }
        !self.open
    }

    fn keep_alive(&self) -> Option<&'static str> {
        (!self.open).then_some(PING)
    }
}
