//! `GET /models` and `GET /models/{model}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use domain::{Model, Provider};
use serde::Serialize;

use super::{call::Call, error};
use crate::provider::{generate_content::CATALOG, rpc::Refusal};

/// How many models are on a page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (50, 1000);

pub(super) fn list(call: &Call) -> Result<Response, Refusal> {
    call.parameters.check()?;
    let number = |name: &str| match call.parameters.get(name) {
        None | Some("") => Ok(0),
        Some(text) => text.parse::<usize>().map_err(|_| error::bad_parameter(name, text)),
    };
    let (first, size) = (number("pageToken")?, number("pageSize")?);
    let size = if size == 0 { PAGE.0 } else { size.min(PAGE.1) };
    let all = CATALOG.models();
    let page = all.iter().skip(first).take(size).map(ModelCard::of).collect();
    let next = first.saturating_add(size);
    let next_page_token = (next < all.len()).then(|| next.to_string());
    Ok(Json(Page { models: page, next_page_token }).into_response())
}

pub(super) fn describe(call: &Call) -> Result<Response, Refusal> {
    call.parameters.check()?;
    let named = |model: &&Model| model.upstream_id(Provider::Gemini) == Some(call.model.as_str());
    let found = CATALOG.models().iter().find(named);
    let model = found.ok_or_else(|| error::no_model(call.version.name(), &call.model, "getModel"))?;
    Ok(Json(ModelCard::of(model)).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    models: Vec<ModelCard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelCard {
    name: String,
    version: &'static str,
    display_name: &'static str,
    description: &'static str,
    input_token_limit: u32,
    output_token_limit: u32,
    supported_generation_methods: [&'static str; 1],
    temperature: f32,
    top_p: f32,
    top_k: u32,
    max_temperature: f32,
    thinking: bool,
}

impl ModelCard {
    fn of(model: &'static Model) -> Self {
        let id = model.upstream_id(Provider::Gemini).unwrap_or(&model.name);
        let pro = id == "gemini-3-pro-image";
        Self {
            name: format!("models/{id}"),
            version: "001",
            display_name: model.description.split(':').next().unwrap_or(id),
            description: &model.description,
            input_token_limit: if pro { 65_536 } else { 131_072 },
            output_token_limit: 32_768,
            supported_generation_methods: ["generateContent"],
            temperature: 1.0,
            top_p: 0.95,
            top_k: 64,
            max_temperature: 2.0,
            thinking: true,
        }
    }
}
