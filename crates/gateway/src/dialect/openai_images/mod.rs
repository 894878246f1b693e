//! OpenAI Images: `POST /v1/images/generations`.

mod error;
mod request;
mod response;
mod stream;

use domain::{Catalog, Failure, RequestId};
use http::{HeaderMap, StatusCode};

use super::{Dialect, answer::Shown, fields::Fields, question::Question};
use crate::refusal::Refusal;

/// The dialect.
pub(crate) struct OpenAiImages;

/// How a request wants to see its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// As the request says; without a word, documents hold URLs and streams hold base64, as OpenAI's do.
    response_format: Option<ResponseFormat>,
}

/// Which field a picture stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseFormat {
    Url,
    B64Json,
}

impl Dialect for OpenAiImages {
    const PATH: &'static str = "/v1/images/generations";
    const NAME: domain::Dialect = domain::Dialect::OpenAiImages;
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
