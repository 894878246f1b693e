//! Which path leads where, and who may take it: a route cannot be made without saying so.

use std::sync::Arc;

use axum::{
    Router,
    handler::Handler,
    middleware,
    routing::{MethodRouter, get, post},
};

use super::{Desk, guard};

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody. It shows nothing and changes nothing.
    Open,
    /// Anybody, from a page of this console: signing in.
    OpenWrite,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in, from a page of this console that proves itself with its session's CSRF token.
    Write,
}

/// One method of one path.
pub(crate) struct Route {
    /// `GET` or `POST`.
    pub(crate) method: &'static str,
    /// As axum writes paths.
    pub(crate) path: &'static str,
    /// Who may take it.
    pub(crate) access: Access,
    handler: MethodRouter<Arc<Desk>>,
}

impl Route {
    /// Something to read for whoever is signed in: a page, a part of one, a feed.
    pub(crate) fn read<H: Handler<T, Arc<Desk>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "GET", path, access: Access::SignedIn, handler: get(handler) }
    }

    /// A change by whoever is signed in.
    pub(crate) fn write<H: Handler<T, Arc<Desk>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "POST", path, access: Access::Write, handler: post(handler) }
    }

    /// Something to read for anybody.
    pub(crate) fn open<H: Handler<T, Arc<Desk>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "GET", path, access: Access::Open, handler: get(handler) }
    }

    /// A form for anybody.
    pub(crate) fn open_write<H: Handler<T, Arc<Desk>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "POST", path, access: Access::OpenWrite, handler: post(handler) }
    }

    fn guarded(self, desk: &Arc<Desk>) -> MethodRouter<Arc<Desk>> {
        let desk = Arc::clone(desk);
        match self.access {
            Access::Open => self.handler,
            Access::OpenWrite => self.handler.layer(middleware::from_fn(guard::from_this_console)),
            Access::SignedIn => self.handler.layer(middleware::from_fn_with_state(desk, guard::signed_in)),
            Access::Write => self.handler.layer(middleware::from_fn_with_state(desk, guard::write)),
        }
    }
}

/// The router of these routes, each behind what it says.
pub(crate) fn router(routes: Vec<Route>, desk: &Arc<Desk>) -> Router {
    let guarded = |router: Router<Arc<Desk>>, route: Route| {
        let Route { method, path, access, .. } = route;
        tracing::trace!(method, path, ?access, "a route of the console");
        router.route(path, route.guarded(desk))
    };
    routes
        .into_iter()
        .fold(Router::new(), guarded)
        .fallback(guard::unknown_path)
        .layer(middleware::from_fn(guard::around))
        .with_state(Arc::clone(desk))
}
