//! The inbound dialects: each is five small files, and one handler serves them all.
//!
//! A dialect reads its request into a [`Question`] and writes the answer's steps through two [`Render`]ers,
//! one for a whole JSON document and one for a stream of events. Everything that dialects have in common lives
//! beside them in this folder.

mod answer;
mod base64;
mod claude_messages;
mod data_uri;
mod fields;
mod json;
mod lost;
mod markdown;
mod openai_chat;
mod openai_error;
mod openai_images;
mod output;
mod question;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use domain::{Catalog, Failure, ImageHead, RequestId, Usage};
use http::{HeaderMap, StatusCode};

use self::{answer::Shown, fields::Fields, output::Output, question::Question};
pub(crate) use self::{
    claude_messages::{ClaudeMessages, count_tokens},
    openai_chat::OpenAiChat,
    openai_images::OpenAiImages,
};
use crate::{
    edge::Edge,
    observe::Exchange,
    refusal::{Refusal, refuse},
};

/// One of the inbound APIs: types and pure functions, nothing chosen at run time.
pub(crate) trait Dialect: 'static {
    /// Where its requests arrive.
    const PATH: &'static str;
    /// What operators know it by.
    const NAME: domain::Dialect;
    /// How a request wants to see its pictures.
    type Form: Copy + Send + Sync + 'static;
    /// Writes an answer as one JSON document.
    type Response: Render;
    /// Writes an answer as server-sent events.
    type Stream: Render;

    /// Reads a request.
    fn parse(
        body: &Fields<'_, '_>,
        headers: &HeaderMap,
        catalog: &Catalog,
    ) -> Result<Question<Self::Form>, Failure>;

    /// Begins an answer that is one document.
    fn response(shown: Shown<Self::Form>) -> Self::Response;

    /// Begins an answer that is a stream.
    fn stream(shown: Shown<Self::Form>) -> Self::Stream;

    /// Words a refusal.
    fn error(refusal: &Refusal, id: &RequestId) -> (StatusCode, Vec<u8>);
}

/// Writes the steps of one answer as they come. The calls come in the order that
/// [`GenerationEvent`](domain::GenerationEvent) promises, `begin` first.
pub(crate) trait Render: Send + 'static {
    /// What stands before everything.
    fn begin(&mut self, out: &mut Output);

    /// A picture begins.
    fn picture(&mut self, head: &ImageHead, out: &mut Output);

    /// More bytes of that picture.
    fn bytes(&mut self, chunk: &[u8], out: &mut Output);

    /// That picture is complete.
    fn picture_end(&mut self, out: &mut Output);

    /// One of several pictures will not come.
    fn failed(&mut self, index: u32, failure: &Failure, out: &mut Output);

    /// Nothing follows.
    fn end(&mut self, usage: Usage, out: &mut Output);

    /// Says that the answer failed after it began; false where there is no place to say it, so that the body
    /// must break off.
    fn failure(&mut self, failure: &Failure, out: &mut Output) -> bool;

    /// What is sent while there is nothing to say; none where a body has no place for it.
    fn keep_alive(&self) -> Option<&'static str>;
}

/// Answers a request in any dialect.
pub(crate) async fn generate<D: Dialect>(
    State(edge): State<Arc<Edge>>,
    Extension(Exchange { id, .. }): Extension<Exchange>,
    request: Request,
) -> Response {
    match try_generate::<D>(&edge, &id, request).await {
        Ok(response) => response,
        Err(refusal) => refuse::<D>(&refusal, &id),
    }
}

async fn try_generate<D: Dialect>(
    edge: &Edge,
    id: &RequestId,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let client = edge.identify(&parts.headers).await?;
    let body = edge.receive(&parts.headers, body).await?;
    let catalog = edge.catalog.clone();
    let question = json::read(body, move |fields| D::parse(fields, &parts.headers, &catalog)).await?;
    let streams = question.stream;
    let (request, shown) = question.ask(id.clone(), client.id, edge.clock.now());
    let events = answer::events(edge.generator.clone(), request, D::NAME);
    if streams {
        answer::streamed(events, &shown.clone(), D::stream(shown), edge.settings.keep_alive).await
    } else {
        answer::whole(events, &shown.clone(), D::response(shown)).await
    }
}
