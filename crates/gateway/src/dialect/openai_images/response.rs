//! Writes an answer as one document.

use domain::{Failure, ImageHead, Quality, Usage};
use serde::Serialize;

use super::{Form, ResponseFormat};
use crate::dialect::{
    Render,
    answer::Shown,
    base64::Encoder,
    data_uri,
    lost::Lost,
    output::{Frame, Output, PICTURE},
};

/// The document so far.
pub(crate) struct Response {
    shown: Shown<Form>,
    encoder: Encoder,
    frame: Frame,
    /// The first picture's, which speak for all.
    head: Option<ImageHead>,
    lost: Vec<Lost>,
}

#[derive(Serialize)]
struct Head {
    created: u64,
}

/// The field that holds the picture.
#[derive(Serialize)]
pub(super) enum Picture {
    #[serde(rename = "url")]
    Url(String),
    #[serde(rename = "b64_json")]
    B64Json(&'static str),
}

#[derive(Serialize)]
struct Tail {
    size: Option<String>,
    quality: &'static str,
    output_format: Option<&'static str>,
    background: &'static str,
    usage: Counts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Lost>,
}

/// OpenAI's count of tokens.
#[derive(Serialize)]
pub(super) struct Counts {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    input_tokens_details: Details,
    output_tokens_details: Details,
}

#[derive(Serialize)]
struct Details {
    text_tokens: u64,
    image_tokens: u64,
}

impl Response {
    pub(super) fn new(shown: Shown<Form>) -> Self {
        Self { shown, encoder: Encoder::default(), frame: Frame::default(), head: None, lost: Vec::new() }
    }
}

impl Render for Response {
    fn begin(&mut self, out: &mut Output) {
        out.open_list(&Head { created: self.shown.created.as_secs() }, "data");
    }

    fn picture(&mut self, head: &ImageHead, out: &mut Output) {
        if self.head.is_some() {
            out.raw(",");
        }
        let format = self.shown.form.response_format.unwrap_or(ResponseFormat::Url);
        self.frame = Frame::around(&Picture::new(format, head));
        self.head.get_or_insert_with(|| head.clone());
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
            size: self.head.as_ref().map(|head| head.size.to_string()),
            quality: Quality::name_of(self.shown.spec.resolution),
            output_format: self.head.as_ref().map(|head| head.media_type.format_name()),
            background: "opaque",
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

impl Picture {
    pub(super) fn new(format: ResponseFormat, head: &ImageHead) -> Self {
        match format {
            ResponseFormat::Url => Self::Url(data_uri::of(head.media_type, PICTURE)),
            ResponseFormat::B64Json => Self::B64Json(PICTURE),
        }
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens(),
            output_tokens: usage.output_tokens(),
            total_tokens: usage.total_tokens(),
            input_tokens_details: Details {
                text_tokens: usage.input_text_tokens,
                image_tokens: usage.input_image_tokens,
            },
            output_tokens_details: Details {
                text_tokens: usage.output_text_tokens,
                image_tokens: usage.output_image_tokens,
            },
        }
    }
}
