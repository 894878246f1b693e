//! Whether the process lives, and whether it can serve. Neither needs a key.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::edge::Edge;

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The services behind the edge answer too.
pub(crate) async fn ready(State(edge): State<Arc<Edge>>) -> (StatusCode, &'static str) {
    match tokio::join!(edge.generator.ready(), edge.clients.ready()) {
        (true, true) => (StatusCode::OK, "ready\n"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "generation cannot be reached\n"),
        (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "quota cannot be reached\n"),
    }
}
