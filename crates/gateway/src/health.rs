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
pub(crate) async fn ready(State(edge): State<Arc<Edge>>) -> (StatusCode, String) {
    match readiness(&edge).await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Whether the services behind the edge answer, and if not, which does not.
pub(crate) async fn readiness(edge: &Edge) -> Result<(), &'static str> {
    match tokio::join!(edge.generator.ready(), edge.clients.ready()) {
        (true, true) => Ok(()),
        (false, _) => Err("generation cannot be reached"),
        (true, false) => Err("quota cannot be reached"),
    }
}
