//! The providers that are played, side by side.
//!
//! What Google's services have in common is here: the method that draws ([`generate_content`]), their strict
//! way with JSON ([`protojson`]), the form of their errors ([`rpc`]), and how an answer leaves ([`reply`],
//! [`body`]). A provider adds its paths, its credentials and its own sentences.

mod body;
pub(crate) mod gemini;
mod generate_content;
mod parameters;
mod protojson;
mod reply;
mod request_body;
mod rpc;
pub(crate) mod vertex;

use axum::Router;

use crate::Simulator;

/// The paths of every provider.
pub(crate) fn routes(simulator: &Simulator) -> Router {
    Router::new()
        .merge(gemini::routes(simulator))
        .merge(vertex::routes(simulator))
        .fallback(reply::not_served)
}
