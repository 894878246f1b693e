//! What stands before every route, and the headers around every answer.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{Html, IntoResponse as _, Redirect, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, uri::Authority};

use super::{Desk, refused::Refused, sign_in};

/// What a page proves itself with when it changes something.
pub(crate) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// Everything comes from here, nothing is inline, and nobody puts a page of ours into one of theirs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                      img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The headers of every answer, where it has none of its own by that name.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with it browsers do not say where a form was sent from.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Around every route: headers, and a net under panics.
pub(crate) async fn around(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!("a page of the console met a fault of ours");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    });
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Before what only those may read who are signed in; pages send the others to the sign-in.
pub(crate) async fn signed_in(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    if let Some(session) = desk.sessions.of(request.headers()) {
        request.extensions_mut().insert(session);
        return next.run(request).await;
    }
    let headers = request.headers();
    if !says(headers, &header::ACCEPT, |accepted| accepted.contains("text/html")) {
        return Refused::signed_out().into_response();
    }
    if says(headers, &HeaderName::from_static("sec-fetch-site"), |site| site == "cross-site") {
        return once_more(request.uri());
    }
    Redirect::to(&sign_in::way_back(request.uri())).into_response()
}

/// A link on a page of others: the browser kept the strict cookie to itself, and sends it where our own page asks.
fn once_more(uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = path.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={path}\"><title>Tessera</title>"
    );
    Html(page).into_response()
}

/// Before every change: signed in, from a page of ours, which proves itself.
pub(crate) async fn write(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_from_this_console(&request) {
        return Refused::elsewhere().into_response();
    }
    let Some(session) = desk.sessions.of(headers) else { return Refused::signed_out().into_response() };
    if !says(headers, &CSRF, |told| desk.sessions.proves(&session, told)) {
        return Refused::elsewhere().into_response();
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Before a form for anybody.
pub(crate) async fn from_this_console(request: Request, next: Next) -> Response {
    if is_from_this_console(&request) {
        next.run(request).await
    } else {
        Refused::elsewhere().into_response()
    }
}

/// What leads nowhere.
pub(crate) async fn unknown_path() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing here").into_response()
}

/// Whether a page of this very console sent the request, as browsers tell: every one of them says so with a form.
fn is_from_this_console(request: &Request) -> bool {
    let headers = request.headers();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let here = request.uri().authority().map(Authority::as_str);
    let here = here.or_else(|| headers.get(header::HOST)?.to_str().ok());
    let origin = headers.get(header::ORIGIN).map(|origin| {
        let host = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        host.is_some_and(|(_, host)| here.is_some_and(|here| host.eq_ignore_ascii_case(here)))
    });
    match (site, origin) {
        (Some(site), origin) => site == b"same-origin" && origin.unwrap_or(true),
        (None, origin) => origin.unwrap_or(false),
    }
}

fn says(headers: &HeaderMap, name: &HeaderName, test: impl Fn(&str) -> bool) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(test)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_what_a_page_of_ours_sends_comes_from_here() {
        let from_here = |headers: &[(&str, &str)]| {
            let request = Request::builder().method("POST").header("host", "127.0.0.1:8046");
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            is_from_this_console(&request.body(Body::empty()).unwrap())
        };
        for headers in [
            &[("origin", "http://127.0.0.1:8046"), ("sec-fetch-site", "same-origin")][..],
            &[("origin", "https://127.0.0.1:8046")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(from_here(headers), "{headers:?}");
        }
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:8045")],
            &[("origin", "http://127.0.0.1:8046.evil.example")],
            &[("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "http://127.0.0.1:8046"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!from_here(headers), "{headers:?}");
        }
    }
}
