//! The gateway as a whole: what it needs, and which path leads where.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use domain::{Catalog, Clock};

use crate::{
    Settings,
    auth::Clients,
    dialect::{self, ClaudeMessages, Dialect, OpenAiChat, OpenAiImages},
    generator::Generator,
    health::{self, retire},
    hearing::hear_out,
    metrics::Metrics,
    models,
    observe::observe,
    refusal,
};

/// The HTTP edge of Tessera.
#[derive(Clone)]
pub struct Gateway(Arc<Edge>);

/// What every handler shares.
pub(crate) struct Edge {
    pub(crate) settings: Settings,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) generator: Arc<dyn Generator>,
    pub(crate) clients: Arc<dyn Clients>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// Whether it is about to stop.
    pub(crate) retiring: AtomicBool,
}

impl Gateway {
    /// A gateway that asks `generator` for pictures and `clients` whose key a request carries.
    pub fn new(
        settings: Settings,
        catalog: Arc<Catalog>,
        generator: Arc<dyn Generator>,
        clients: Arc<dyn Clients>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (metrics, retiring) = (Metrics::new(), AtomicBool::new(false));
        Self(Arc::new(Edge { settings, catalog, generator, clients, clock, metrics, retiring }))
    }

    /// Whether it can serve now, and if not, why.
    pub async fn ready(&self) -> Result<(), &'static str> {
        health::readiness(&self.0).await
    }

    /// Says from now on that it is about to stop, and serves all the same: it is not ready, and each answer asks its
    /// client to connect anew for the next request.
    pub fn retire(&self) {
        self.0.retiring.store(true, Ordering::Relaxed);
    }

    /// Every path it answers, ready to be served.
    pub fn router(&self) -> Router {
        Router::new()
            .route(OpenAiImages::PATH, post(dialect::generate::<OpenAiImages>))
            .route(OpenAiChat::PATH, post(dialect::generate::<OpenAiChat>))
            .route(ClaudeMessages::PATH, post(dialect::generate::<ClaudeMessages>))
            .route("/v1/messages/count_tokens", post(dialect::count_tokens))
            .route("/v1/models", get(models::list))
            .route("/v1/models/{name}", get(models::show))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .fallback(refusal::unknown_path)
            .method_not_allowed_fallback(refusal::wrong_method)
            .layer(middleware::from_fn_with_state(self.0.clone(), hear_out))
            .layer(middleware::from_fn_with_state(self.0.clone(), observe))
            .layer(middleware::from_fn_with_state(self.0.clone(), retire))
            .with_state(self.0.clone())
    }
}
