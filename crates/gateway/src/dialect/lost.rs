//! Pictures of an answer that did not come, beside those that did.

use domain::Failure;
use serde::Serialize;

/// One of the `errors` of an answer.
#[derive(Serialize)]
pub(super) struct Lost {
    /// Which of the request's pictures, from 0.
    index: u32,
    code: &'static str,
    message: String,
}

impl Lost {
    /// The picture at `index`, and why it did not come.
    pub(super) fn new(index: u32, failure: &Failure) -> Self {
        Self { index, code: failure.kind.as_str(), message: failure.message.clone() }
    }
}
