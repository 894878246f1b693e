//! Writes an answer as events: one for each picture, when it is there.
//!
//! SDKs expect a usage in each. The last event stays open until it is known and carries that of the whole
//! answer; those before it carry none of it, so that the sum is right.

use domain::{Failure, ImageHead, Quality, Usage};
use serde::Serialize;

use super::{
    Form, ResponseFormat,
    error::wording,
    response::{Counts, Picture},
};
use crate::{
    dialect::{
        Render,
        answer::Shown,
        base64::Encoder,
        lost::Lost,
        output::{Frame, Output},
    },
    refusal::Refusal,
};

/// The stream so far.
pub(crate) struct Stream {
    shown: Shown<Form>,
    encoder: Encoder,
    frame: Frame,
    /// Pictures whose outcome was told.
    told: u32,
    /// Whether an event was begun and not ended.
    open: bool,
}

const COMPLETED: &str = "image_generation.completed";
const FAILED: &str = "image_generation.failed";

#[derive(Serialize)]
struct Completed {
    #[serde(rename = "type")]
    kind: &'static str,
    created_at: u64,
    size: String,
    quality: &'static str,
    background: &'static str,
    output_format: &'static str,
    #[serde(flatten)]
    picture: Picture,
}

/// An event of ours: SDKs hand unknown types through, where an `error` would end the stream.
#[derive(Serialize)]
struct Failed {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    lost: Lost,
}

#[derive(Serialize)]
struct Tail {
    usage: Counts,
}

impl Stream {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self { shown, encoder: Encoder::default(), frame: Frame::default(), told: 0, open: false }
    }

    fn shape(&self, head: &ImageHead) -> Completed {
        let format = self.shown.form.response_format.unwrap_or(ResponseFormat::B64Json);
        Completed {
            kind: COMPLETED,
            created_at: self.shown.created.as_secs(),
            size: head.size.to_string(),
            quality: Quality::name_of(self.shown.spec.resolution),
            background: "opaque",
            output_format: head.media_type.format_name(),
            picture: Picture::new(format, head),
        }
    }

    fn open(&mut self, event: &str, out: &mut Output) {
        self.open = true;
        out.raw("event: ");
        out.raw(event);
        out.raw("\ndata: ");
    }

    /// Ends the event, unless it is the last one.
    fn close(&mut self, out: &mut Output) {
        self.told += 1;
        if self.told < self.shown.count.get() {
            self.end(Usage::default(), out);
        }
    }
}

impl Render for Stream {
    fn begin(&mut self, _: &mut Output) {}

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        self.frame = Frame::unclosed(&self.shape(head));
        self.open(COMPLETED, out);
        out.raw(&self.frame.before);
    }

    fn bytes(&mut self, chunk: &[u8], out: &mut Output) {
        self.encoder.push(chunk, out);
    }

    fn picture_end(&mut self, out: &mut Output) {
        self.encoder.finish(out);
        out.raw(&self.frame.after);
        self.close(out);
    }

    fn failed(&mut self, index: u32, failure: &Failure, out: &mut Output) {
        self.open(FAILED, out);
        out.unclosed(&Failed { kind: FAILED, lost: Lost::new(index, failure) });
        self.close(out);
    }

    fn end(&mut self, usage: Usage, out: &mut Output) {
        if std::mem::take(&mut self.open) {
            out.raw(",");
            out.members(&Tail { usage: usage.into() });
            out.raw("\n\n");
        }
    }

    fn failure(&mut self, failure: &Failure, out: &mut Output) -> bool {
        let refusal = Refusal::from(failure.clone());
        if !self.open {
            out.event("error", &wording(&refusal).envelope(&refusal).named("error"));
        }
        !self.open
    }

    fn keep_alive(&self) -> Option<&'static str> {
        (!self.open).then_some(": keep-alive\n\n")
    }
}
