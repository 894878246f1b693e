//! Reading the arrivals back and changing the script, over HTTP.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Serialize;

use crate::{Arrival, Exchanges, Script, Simulator, script};

/// `/admin` and `/healthz`.
pub(crate) fn routes(simulator: &Simulator) -> Router {
    Router::new()
        .route("/admin/arrivals", get(arrivals).delete(clear_arrivals))
        .route("/admin/exchanges", get(exchanges))
        .route("/admin/script", post(set_script))
        .route("/admin/rules", post(add_rule).delete(clear_rules))
        .with_state(simulator.clone())
        .route("/healthz", get(|| async { "ok\n" }))
}

async fn arrivals(State(simulator): State<Simulator>) -> Json<Vec<ArrivalRecord>> {
    Json(simulator.arrivals().into_iter().map(ArrivalRecord::from).collect())
}

async fn clear_arrivals(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_arrivals();
    StatusCode::NO_CONTENT
}

async fn exchanges(State(simulator): State<Simulator>) -> Json<ExchangesRecord> {
    Json(simulator.exchanges().into())
}

async fn set_script(
    State(simulator): State<Simulator>,
    toml: String,
) -> Result<StatusCode, (StatusCode, String)> {
    simulator.set_script(Script::parse(&toml).map_err(|error| refused(&error))?);
    Ok(StatusCode::NO_CONTENT)
}

async fn add_rule(
    State(simulator): State<Simulator>,
    text: String,
) -> Result<StatusCode, (StatusCode, String)> {
    simulator.add_rule(script::parse_rule(&text).map_err(|error| refused(&error))?);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_rules(State(simulator): State<Simulator>) -> StatusCode {
    simulator.clear_rules();
    StatusCode::NO_CONTENT
}

fn refused(error: &script::ScriptError) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, format!("{error}\n"))
}

/// An [`Arrival`] as JSON.
#[derive(Serialize)]
struct ArrivalRecord {
    sequence: u64,
    at_ms: u64,
    provider: &'static str,
    key: Option<String>,
    project: Option<String>,
    model: String,
    aspect_ratio: Option<String>,
    resolution: Option<&'static str>,
    prompt: String,
    reference_images: usize,
    person_generation: Option<&'static str>,
    status: Option<u16>,
    fault: Option<&'static str>,
    billed: bool,
    end: &'static str,
}

impl From<Arrival> for ArrivalRecord {
    fn from(arrival: Arrival) -> Self {
        Self {
            sequence: arrival.sequence,
            at_ms: arrival.at.as_millis(),
            provider: arrival.provider.as_str(),
            key: arrival.key,
            project: arrival.project,
            model: arrival.model,
            aspect_ratio: arrival.aspect_ratio.map(|ratio| ratio.to_string()),
            resolution: arrival.resolution.map(domain::Resolution::as_str),
            prompt: arrival.prompt,
            reference_images: arrival.reference_images,
            person_generation: arrival.person_generation,
            status: arrival.status,
            fault: arrival.fault,
            billed: arrival.billed,
            end: arrival.end.as_str(),
        }
    }
}

/// [`Exchanges`] as JSON.
#[derive(Serialize)]
struct ExchangesRecord {
    granted: u64,
    refused: u64,
}

impl From<Exchanges> for ExchangesRecord {
    fn from(Exchanges { granted, refused }: Exchanges) -> Self {
        Self { granted, refused }
    }
}
