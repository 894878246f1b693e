//! Claude Messages: `POST /v1/messages`, and `POST /v1/messages/count_tokens`.

mod count_tokens;
mod error;
mod request;
mod response;
mod stream;

use domain::{Catalog, Failure, RequestId};
use http::{HeaderMap, StatusCode};

pub(crate) use self::count_tokens::count_tokens;
use super::{Dialect, answer::Shown, fields::Fields, question::Question};
use crate::refusal::Refusal;

/// The dialect.
pub(crate) struct ClaudeMessages;

/// How a request wants to see its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// As `image` blocks, instead of as markdown in text blocks.
    image_blocks: bool,
    /// Tokens that the question has by estimate: a stream tells some before anybody has counted them.
    estimated_input: u64,
}

impl Dialect for ClaudeMessages {
    const PATH: &'static str = "/v1/messages";
    const NAME: domain::Dialect = domain::Dialect::ClaudeMessages;
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
