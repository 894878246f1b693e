//! The playground: an operator asks for pictures and watches them come.

mod answer;
mod offer;
mod pieces;
mod question;
mod told;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use askama::Template;
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use domain::RequestId;
use http::{HeaderMap, header};
use tracing::Instrument as _;

use self::{
    answer::Answer,
    offer::{Drawable, Shape},
    question::Question,
    told::Stands,
};
use super::{
    Desk,
    page::{self, Frame, Tab},
    refused::Refused,
    route::Route,
    session::Session,
};
use crate::{admission, refusal::Refusal};

/// The page.
pub(crate) const TAB: Tab = Tab { name: "playground", title: "Playground" };

/// In whose name it asks: so it stands in usage records and among the requests. An operator who registers a client of
/// this name gives it limits.
const CLIENT: &str = "console";

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route::read("/playground", show), Route::write("/playground/pictures", draw)]
}

#[derive(Template)]
#[template(path = "playground.html")]
struct Page<'a> {
    frame: Frame,
    models: Vec<Drawable<'a>>,
    /// The same, for the script.
    catalog: String,
    shapes: Vec<Shape>,
    resolutions: Vec<String>,
    longest_prompt: usize,
    body_limit_bytes: usize,
    /// The gateway's host, where it listens on one.
    gateway_host: Option<String>,
    gateway_port: u16,
}

async fn show(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    let models = offer::drawable(&desk.catalog);
    let catalog = serde_json::to_string(&models).expect("they are plain structs");
    let gateway = desk.gateway;
    page::show(&Page {
        frame: Frame::of(TAB, &desk, &session),
        models,
        catalog,
        shapes: offer::shapes(),
        resolutions: offer::resolutions(),
        longest_prompt: domain::Conversation::LONGEST_TEXT,
        body_limit_bytes: desk.edge.body_limit_bytes,
        gateway_host: (!gateway.ip().is_unspecified()).then(|| host_of(gateway)),
        gateway_port: gateway.port(),
    })
}

fn host_of(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Asks for pictures and passes them on as they come. Whoever hangs up cancels what is not drawn yet.
async fn draw(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Result<Response, Refused> {
    let body = admission::whole(&headers, body, &desk.edge).await.map_err(Refused::from)?;
    let question = Question::read(&body, &desk.catalog)?;
    drop(body);
    let id = RequestId::new(format!("req_{}", uuid::Uuid::new_v4().simple()))
        .expect("a prefix and 32 hexadecimal digits are an identifier");
    let span = tracing::info_span!("console.pictures", request_id = %id, client = CLIENT);
    let (request, rate) = question.ask(id.clone());
    let (watched, activity) = (id.clone(), Arc::clone(&desk.activity));
    let look = move || {
        let waiting = activity.hour(|_, waiting, _| waiting.waiting());
        activity.request(watched.as_str(), |entry, _| Stands::of(&entry.record, waiting))
    };
    let answer = match desk.pictures.draw(request, None).instrument(span).await {
        Ok(events) => Answer::of(id, rate, events, Box::new(look), Arc::clone(&desk.clock)).body(),
        Err(failure) => {
            Refusal::from(failure.clone()).log();
            Answer::failed(&failure)
        }
    };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (HEADER_NO_BUFFERING, "no")];
    Ok((headers, answer).into_response())
}

const HEADER_NO_BUFFERING: header::HeaderName = header::HeaderName::from_static("x-accel-buffering");
