//! Whether the process lives, and whether it can serve. Neither needs a key.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, StatusCode, Version, header};

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
    if edge.retiring.load(Ordering::Relaxed) {
        return Err("stopping");
    }
    match tokio::join!(edge.generator.ready(), edge.clients.ready()) {
        (true, true) => Ok(()),
        (false, _) => Err("generation cannot serve"),
        (true, false) => Err("quota cannot be reached"),
    }
}

/// The middleware that asks clients of an edge that is about to stop to connect anew, to another.
pub(crate) async fn retire(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let keeps_its_connection = request.version() <= Version::HTTP_11;
    let mut answer = next.run(request).await;
    if keeps_its_connection && edge.retiring.load(Ordering::Relaxed) {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
