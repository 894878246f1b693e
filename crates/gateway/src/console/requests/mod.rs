//! The requests: what became of each lately, live, and every attempt of one on a time line.

mod one;
mod row;
mod scale;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::Deserialize;

use self::one::One;
use super::{
    Desk,
    page::{self, Frame, Tab},
    route::Route,
    session::Session,
};

pub(crate) use self::row::{Entry, Row};

/// The page.
pub(crate) const TAB: Tab = Tab { name: "requests", title: "Requests" };

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::read("/requests", show),
        Route::read("/requests/feed", follow),
        Route::read("/requests/part", part),
        Route::read("/requests/{id}", show_one),
    ]
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Page {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "request.html")]
struct OnePage {
    frame: Frame,
    one: One,
}

/// What of the page of one request changes while it is in flight.
#[derive(Template)]
#[template(path = "request_part.html")]
struct Part {
    one: One,
}

#[derive(Template)]
#[template(path = "request_unknown.html")]
struct Unknown {
    frame: Frame,
    id: String,
    most: usize,
}

/// Which request a part is of.
#[derive(Deserialize)]
struct Of {
    id: String,
}

async fn show(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    page::show(&Page { frame: Frame::of(TAB, &desk, &session) })
}

async fn follow(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    desk.activity.follow_requests(desk.until_over(session))
}

async fn show_one(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Response {
    let frame = Frame::of(TAB, &desk, &session);
    let Some(one) = desk.activity.request(&id, One::of) else {
        let page = page::show(&Unknown { frame, id, most: super::activity::MOST });
        return (StatusCode::NOT_FOUND, page).into_response();
    };
    page::show(&OnePage { frame, one })
}

async fn part(State(desk): State<Arc<Desk>>, Query(Of { id }): Query<Of>) -> Response {
    match desk.activity.request(&id, One::of) {
        Some(one) => page::show(&Part { one }),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
