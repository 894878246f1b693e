//! OpenAI Chat Completions: `POST /v1/chat/completions`.

mod error;
mod request;
mod response;
mod stream;

use domain::{Catalog, Failure, RequestId};
use http::{HeaderMap, StatusCode};

use super::{Dialect, answer::Shown, fields::Fields, question::Question};
use crate::refusal::Refusal;

/// The dialect.
pub(crate) struct OpenAiChat;

/// How a request wants to see its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// As `images` beside the content, instead of as markdown in it.
    images: bool,
    /// Whether a stream ends with the usage.
    include_usage: bool,
}

impl Dialect for OpenAiChat {
    const PATH: &'static str = "/v1/chat/completions";
    const NAME: domain::Dialect = domain::Dialect::OpenAiChat;
    type Form = Form;
    type Response = response::Response;
    type Stream = stream::Stream;

    fn parse(
        body: &Fields<'_, '_>,
        headers: &HeaderMap,
        catalog: &Catalog,
    ) -> Result<Question<Form>, Failure> {
        request::parse(body, headers, catalog)
    }

    fn response(shown: Shown<Form>) -> Self::Response {
        response::Response::new(shown)
    }

    fn stream(shown: Shown<Form>) -> Self::Stream {
        stream::Stream::new(shown)
    }

    fn error(refusal: &Refusal, id: &RequestId) -> (StatusCode, Vec<u8>) {
        error::error(refusal, id)
    }
}
