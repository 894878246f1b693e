//! What a request must have before it is read: a key, a content type, and a body of bearable size.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use domain::{Client, Failure, FailureKind};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tracing::Span;

use crate::{Settings, edge::Edge, refusal::Refusal};

impl Edge {
    /// Tells whose key these headers carry. Every key that opens nothing gets the same answer, as does none.
    pub(crate) async fn identify(&self, headers: &HeaderMap) -> Result<Client, Failure> {
        let key = key(headers).ok_or_else(unauthenticated)?;
        let client = self.clients.authenticate(Sha256::digest(key).into()).await.map_err(|failure| {
            if failure.kind == FailureKind::Unauthenticated { unauthenticated() } else { failure }
        })?;
        Span::current().record("client", client.id.as_str());
        Ok(client)
    }

    /// Reads a JSON body, once its content type, encoding and length are found bearable.
    pub(crate) async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
        let unsupported = |message| Failure::new(FailureKind::UnsupportedMediaType, message);
        if !is_json(headers) {
            return Err(unsupported("the content type must be application/json").into());
        }
        if is_packed(headers) {
            let message = "a content encoding is not undone here; send the body as plain JSON, without it";
            return Err(unsupported(message).into());
        }
        whole(headers, body, &self.settings).await
    }
}

/// Reads a body, once its length is found bearable.
pub(crate) async fn whole(headers: &HeaderMap, body: Body, settings: &Settings) -> Result<Bytes, Refusal> {
    let declared = content_length(headers).unwrap_or(0);
    let mut source = Source { body, settings };
    if declared > settings.body_limit_bytes {
        return Err(source.too_large());
    }
    let mut received = BytesMut::with_capacity(declared);
    while let Some(piece) = source.next().await? {
        if received.len() + piece.len() > settings.body_limit_bytes {
            return Err(source.too_large());
        }
        received.extend_from_slice(&piece);
    }
    Ok(received.freeze())
}

/// A body as it arrives.
struct Source<'a> {
    body: Body,
    settings: &'a Settings,
}

impl Source<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = timeout(self.settings.body_idle_timeout, self.body.frame()).await;
            match frame.map_err(|_| Refusal::SlowBody)? {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(_)) => {
                    let message = "the request body broke off before its end";
                    return Err(Failure::new(FailureKind::InvalidRequest, message).into());
                }
            }
        }
    }

    fn too_large(&self) -> Refusal {
        let limit = self.settings.body_limit_bytes;
        let message = format!("the request body is larger than {limit} bytes, which is the most this takes");
        Failure::new(FailureKind::PayloadTooLarge, message).into()
    }
}

/// The client key, from whichever header the SDK puts it in.
fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
    });
    let named = |name: &str| headers.get(name).map(|value| value.as_bytes().trim_ascii());
    [bearer, named("x-api-key"), named("x-goog-api-key")].into_iter().flatten().find(|key| !key.is_empty())
}

fn unauthenticated() -> Failure {
    let message = "the client key is missing or invalid; send it as `Authorization: Bearer KEY` or \
                   `x-api-key: KEY`";
    Failure::new(FailureKind::Unauthenticated, message)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Whether the body is said to be compressed, or otherwise not to be what its type says.
fn is_packed(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    encodings.iter().any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
