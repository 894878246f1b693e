//! `POST /v1/messages/count_tokens`: an estimate, made without asking anybody.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use domain::Conversation;
use serde::Serialize;

use super::{ClaudeMessages, request};
use crate::{
    dialect::json,
    edge::Edge,
    observe::Exchange,
    refusal::{Refusal, refuse},
};

/// Characters of text that make about one token.
const CHARACTERS: usize = 4;

/// Tokens that Google counts for a picture it is shown.
const PICTURE_TOKENS: usize = 560;

#[derive(Serialize)]
struct Count {
    input_tokens: u64,
}

/// Answers with an estimate.
pub(crate) async fn count_tokens(
    State(edge): State<Arc<Edge>>,
    Extension(Exchange { id, .. }): Extension<Exchange>,
    request: Request,
) -> Response {
    match try_count(&edge, request).await {
        Ok(count) => Json(count).into_response(),
        Err(refusal) => refuse::<ClaudeMessages>(&refusal, &id),
    }
}

async fn try_count(edge: &Edge, request: Request) -> Result<Count, Refusal> {
    let (parts, body) = request.into_parts();
    edge.identify(&parts.headers).await?;
    let body = edge.receive(&parts.headers, body).await?;
    let conversation = json::read(body, |fields| {
        fields.required("model", |field| field.text())?;
        request::conversation(fields)
    });
    Ok(Count { input_tokens: estimate(&conversation.await?) })
}

/// Tokens that a conversation has, about.
pub(super) fn estimate(conversation: &Conversation) -> u64 {
    let tokens =
        conversation.text_length().div_ceil(CHARACTERS) + PICTURE_TOKENS * conversation.images().count();
    u64::try_from(tokens).unwrap_or(u64::MAX)
}
