//! What is done with a call in the end.

use std::collections::VecDeque;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{body::AnswerBody, rpc::Refusal};
use crate::{arrivals::Entry, script::Delivery, server::Sever};

/// An answer, or the lack of one.
#[derive(Debug)]
pub(super) enum Reply {
    /// A good answer, in pieces.
    Answer {
        pieces: VecDeque<Bytes>,
        delivery: Option<Delivery>,
    },
    Refuse(Refusal),
    /// A page of HTML with the status 502.
    Html,
    /// No answer, ever.
    Hang,
    /// The connection ends.
    Reset,
}

/// How a client wants its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// One JSON object.
    Object,
    /// A JSON array that grows.
    Array,
    /// Server-sent events.
    Events,
}

const BAD_GATEWAY: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n\
    <p><b>502.</b> <ins>That\u{2019}s an error.</ins>\n<p>The server encountered a temporary error and could \
    not complete your request.<p>Please try again in 30 seconds. <ins>That\u{2019}s all we know.</ins>\n";

impl Reply {
    /// Carries it out, and notes the status in the arrival.
    pub(super) async fn deliver(self, framing: Framing, entry: Entry) -> Response {
        match self {
            Self::Answer { pieces, delivery } => {
                let streamed = framing == Framing::Events;
                let content_type = if streamed { "text/event-stream" } else { JSON };
                let noted = noted(StatusCode::OK, entry);
                let body = AnswerBody::new(pieces, !streamed, delivery, noted);
                respond(StatusCode::OK, content_type, body)
            }
            Self::Refuse(refusal) => {
                let refusal = if framing == Framing::Array { refusal.in_list() } else { refusal };
                page(refusal.status(), JSON, refusal.to_json().into(), entry)
            }
            Self::Html => {
                page(StatusCode::BAD_GATEWAY, HTML, Bytes::from_static(BAD_GATEWAY.as_bytes()), entry)
            }
            Self::Hang => std::future::pending().await,
            Self::Reset => {
                entry.finish();
                Sever.into_response()
            }
        }
    }
}

/// Google's answer on paths that it does not serve.
pub(super) async fn not_served() -> Response {
    let page = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n\
        <p><b>404.</b> <ins>That\u{2019}s an error.</ins>\n";
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, HTML)], page).into_response()
}

const JSON: &str = "application/json; charset=UTF-8";
const HTML: &str = "text/html; charset=UTF-8";

fn page(status: StatusCode, content_type: &'static str, body: Bytes, entry: Entry) -> Response {
    let entry = noted(status, entry);
    respond(status, content_type, AnswerBody::new([body].into(), true, None, entry))
}

fn noted(status: StatusCode, entry: Entry) -> Entry {
    entry.note(|arrival| arrival.status = Some(status.as_u16()));
    entry
}

fn respond(status: StatusCode, content_type: &'static str, body: AnswerBody) -> Response {
    let mut response = Response::new(axum::body::Body::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), [(header::CONTENT_TYPE, JSON)], self.to_json()).into_response()
    }
}
