//! The catalog, as both families of SDKs read it.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use domain::{Catalog, Failure, FailureKind, Model, Timestamp, model_name};
use http::HeaderMap;
use serde::Serialize;

use crate::{edge::Edge, observe::Exchange, refusal::Refusal};

/// OpenAI's list and Anthropic's page in one object: each SDK reads its own half.
#[derive(Serialize)]
struct Page<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// OpenAI's model and Anthropic's in one object.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    display_name: &'a str,
    created_at: String,
}

/// `GET /v1/models`
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Extension(exchange): Extension<Exchange>,
    headers: HeaderMap,
) -> Response {
    match edge.identify(&headers).await {
        Ok(_) => Json(page(&edge.catalog)).into_response(),
        Err(failure) => exchange.refuse(&failure.into()),
    }
}

/// `GET /v1/models/{name}`, with suffixes if need be.
pub(crate) async fn show(
    State(edge): State<Arc<Edge>>,
    Extension(exchange): Extension<Exchange>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    if let Err(failure) = edge.identify(&headers).await {
        return exchange.refuse(&failure.into());
    }
    // Bytes that are no text name no model.
    let name = name.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(name)| name);
    match model_name::parse(&name, &edge.catalog) {
        Ok(named) => Json(Entry::from(named.model)).into_response(),
        Err(error) => {
            let failure = Failure::new(FailureKind::UnknownModel, error.to_string());
            exchange.refuse(&Refusal::from(failure))
        }
    }
}

fn page(catalog: &Catalog) -> Page<'_> {
    let data: Vec<Entry<'_>> = catalog.models().iter().map(Entry::from).collect();
    Page {
        object: "list",
        has_more: false,
        first_id: data.first().map(|entry| entry.id),
        last_id: data.last().map(|entry| entry.id),
        data,
    }
}

impl<'a> From<&'a Model> for Entry<'a> {
    fn from(model: &'a Model) -> Self {
        // Both dialects want a date; Anthropic's says that the epoch stands for an unknown one.
        let created = Timestamp::default();
        Self {
            id: &model.name,
            object: "model",
            created: created.as_secs(),
            owned_by: "google",
            kind: "model",
            display_name: &model.description,
            created_at: created.to_string(),
        }
    }
}
