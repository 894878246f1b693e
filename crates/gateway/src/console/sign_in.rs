//! Signing in with the operator token, and out again.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Extension, Form,
    extract::{ConnectInfo, Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde::Deserialize;

use super::{Desk, assets, page, route::Route, session::Session};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    assets: &'static str,
    next: String,
    trouble: Option<String>,
}

/// Where one wanted to go.
#[derive(Debug, Deserialize)]
struct Destination {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Entry {
    token: String,
    #[serde(default)]
    next: String,
}

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::open("/sign-in", show),
        Route::open_write("/sign-in", sign_in),
        Route::write("/sign-out", sign_out),
    ]
}

/// The sign-in that leads back to a page.
pub(crate) fn way_back(uri: &Uri) -> String {
    match uri.path_and_query().map_or("/", |path| path.as_str()) {
        "/" => "/sign-in".to_owned(),
        path => format!("/sign-in?next={}", escaped(path)),
    }
}

async fn show(
    State(desk): State<Arc<Desk>>,
    Query(Destination { next }): Query<Destination>,
    headers: HeaderMap,
) -> Response {
    match desk.sessions.of(&headers) {
        Some(_) => Redirect::to(inside(&next)).into_response(),
        None => page::show(&SignIn { assets: &assets::DIRECTORY, next, trouble: None }),
    }
}

async fn sign_in(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(Entry { token, next }): Form<Entry>,
) -> Response {
    let now = desk.clock.now();
    if let Some(wait) = desk.patience.wait(peer.ip(), now) {
        return too_often(wait, next);
    }
    let Some(cookie) = desk.sessions.begin(&token) else {
        desk.patience.failed(peer.ip(), now);
        tracing::warn!(peer = %peer.ip(), "somebody tried to sign in to the console with another token");
        let trouble = Some("That is not the operator token.".to_owned());
        let page = page::show(&SignIn { assets: &assets::DIRECTORY, next, trouble });
        return (StatusCode::UNAUTHORIZED, page).into_response();
    };
    desk.patience.succeeded(peer.ip());
    tracing::info!(peer = %peer.ip(), "an operator signed in to the console");
    ([(header::SET_COOKIE, cookie)], Redirect::to(inside(&next))).into_response()
}

fn too_often(wait: Duration, next: String) -> Response {
    let seconds = wait.as_millis().div_ceil(1_000);
    let trouble = Some(format!("Too many tries. Wait {seconds} s, then try again."));
    let page = page::show(&SignIn { assets: &assets::DIRECTORY, next, trouble });
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], page).into_response()
}

async fn sign_out(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    ([(header::SET_COOKIE, desk.sessions.end(session))], StatusCode::NO_CONTENT).into_response()
}

/// A path of this console, whatever was said.
fn inside(next: &str) -> &str {
    let path = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if path && plain { next } else { "/" }
}

/// Text as a value of a query.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes all that is written to it");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_a_page_of_ours_and_nowhere_else() {
        assert_eq!(
            way_back(&Uri::from_static("/accounts?tier=pro&q=a")),
            "/sign-in?next=/accounts%3Ftier%3Dpro%26q%3Da"
        );
        assert_eq!(inside("/accounts?tier=pro"), "/accounts?tier=pro");
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nset-cookie: x"]
        {
            assert_eq!(inside(elsewhere), "/", "{elsewhere}");
        }
    }
}
