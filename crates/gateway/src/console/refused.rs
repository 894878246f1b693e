//! What a script of the console is told when something was not done.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::Failure;
use http::StatusCode;
use proto::failure_of;
use serde::Serialize;
use tonic::Status;

use crate::refusal::Refusal;

/// Something was not done, and why.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    why: Why,
}

#[derive(Debug, Serialize)]
struct Why {
    message: String,
    /// The field at fault, by its name in the form.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Refused {
    /// Nobody is signed in.
    pub(crate) fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "you are signed out; sign in again")
    }

    /// The request came from a page of somebody else.
    pub(crate) fn elsewhere() -> Self {
        Self::new(StatusCode::FORBIDDEN, "this did not come from a page of this console; load it again")
    }

    /// A value of a form is wrong.
    pub(crate) fn field(name: &str, why: impl std::fmt::Display) -> Self {
        let refused = Self::new(StatusCode::UNPROCESSABLE_ENTITY, &why.to_string());
        Self { why: Why { field: Some(name.to_owned()), ..refused.why }, ..refused }
    }

    fn new(status: StatusCode, message: &str) -> Self {
        Self { status, why: Why { message: message.to_owned(), field: None } }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            why: Why { message: failure.message, field: failure.field },
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let why = Why { message: refusal.message().into_owned(), field: refusal.field().map(str::to_owned) };
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, why }
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        failure_of(&status).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.why)).into_response()
    }
}
