//! What every page has: a title, the way to the others, and what its script needs.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

use super::{Desk, assets, session::Session};

/// A page that one can go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tab {
    /// Names its path, its template, its script and its style sheet: `/accounts`, `accounts.html`, `accounts.js` and
    /// `accounts.css`.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) title: &'static str,
}

/// What the layout shows around a page.
#[derive(Debug)]
pub(crate) struct Frame {
    /// This page.
    pub(crate) tab: Tab,
    /// Every page.
    pub(crate) tabs: &'static [Tab],
    /// What its scripts prove themselves with.
    pub(crate) csrf: String,
    /// Where scripts and style sheets are.
    pub(crate) assets: &'static str,
}

impl Frame {
    /// The frame of a page, for one who is signed in.
    pub(crate) fn of(tab: Tab, desk: &Desk, session: &Session) -> Self {
        let csrf = desk.sessions.csrf(session);
        Self { tab, tabs: super::TABS, csrf, assets: &assets::DIRECTORY }
    }
}

/// The answer that shows a template.
pub(crate) fn show(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of the console cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
