//! The error envelope that both OpenAI dialects use.

use http::StatusCode;
use serde::Serialize;

use crate::refusal::Refusal;

/// How a dialect words a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wording {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
}

/// `{"error": {…}}`
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

impl Wording {
    /// One line of a dialect's table: HTTP status, OpenAI's `type`, OpenAI's `code`.
    pub(super) const fn new(status: u16, kind: &'static str, code: Option<&'static str>) -> Self {
        Self { status, kind, code }
    }

    /// The status of the answer.
    pub(super) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status).expect("the tables hold HTTP statuses")
    }

    /// The refusal in these words.
    pub(super) fn envelope(self, refusal: &Refusal) -> Envelope<'_> {
        let error = Body {
            message: refusal.message().into_owned(),
            kind: self.kind,
            param: refusal.field(),
            code: self.code,
        };
        Envelope { event: None, error }
    }
}

impl Envelope<'_> {
    /// The same with a `type`, for streams whose events all have one.
    pub(super) fn named(self, event: &'static str) -> Self {
        Self { event: Some(event), ..self }
    }
}
