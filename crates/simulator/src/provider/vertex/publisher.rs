//! `GET /publishers/google/models/{model}`.

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use domain::Provider;
use serde::Serialize;

use super::{call::Call, error};
use crate::provider::{generate_content::CATALOG, rpc::Refusal};

pub(super) fn describe(call: &Call) -> Result<Response, Refusal> {
    call.parameters.check()?;
    let known = CATALOG.models().iter().filter_map(|model| model.upstream_id(Provider::Vertex));
    let id = known.into_iter().find(|id| *id == call.model);
    let id = id.ok_or_else(|| error::no_publisher_model(&call.model))?;
    let name = format!("publishers/google/models/{id}");
    let card = Card { name, version_id: "001", open_source_category: "PROPRIETARY", launch_stage: "GA" };
    Ok(Json(card).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    name: String,
    version_id: &'static str,
    open_source_category: &'static str,
    launch_stage: &'static str,
}
