//! The Gemini API: `generateContent`, `streamGenerateContent` and the list of models.

mod call;
mod catalog;
mod error;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};

use domain::Provider;

use self::call::{Call, Version};
use super::{
    generate_content::{self, Api as _, Task},
    reply::Reply,
    request_body,
    rpc::Refusal,
};
use crate::{Simulator, arrivals::Entry};

/// `/v1` and `/v1beta`, which differ in nothing but their name.
pub(super) fn routes(simulator: &Simulator) -> Router {
    Version::ALL.into_iter().fold(Router::new(), |router, version| {
        let state = Gemini { simulator: simulator.clone(), version };
        let paths = Router::new()
            .route("/models", get(list))
            .route("/models/{target}", get(describe).post(post_to_model))
            .with_state(state);
        router.nest(version.path(), paths)
    })
}

#[derive(Clone)]
struct Gemini {
    simulator: Simulator,
    version: Version,
}

type Parameters = Query<Vec<(String, String)>>;

async fn list(State(gemini): State<Gemini>, Query(query): Parameters, headers: HeaderMap) -> Response {
    let call = Call::new(gemini.version, "", query, &headers);
    let authorised = call.authorise(&gemini.simulator.script().keys);
    match authorised.and_then(|_| catalog::list(&call)) {
        Ok(page) => page.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn describe(
    State(gemini): State<Gemini>,
    Path(model): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
) -> Response {
    let call = Call::new(gemini.version, &model, query, &headers);
    let authorised = call.authorise(&gemini.simulator.script().keys);
    match authorised.and_then(|_| catalog::describe(&call)) {
        Ok(model) => model.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `POST /models/{model}:{method}`.
async fn post_to_model(
    State(gemini): State<Gemini>,
    Path(target): Path<String>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let call = Call::new(gemini.version, &target, query, &headers);
    let key = call.key_label(&gemini.simulator.script().keys);
    let entry = gemini.simulator.note_arrival(Provider::Gemini, key, &call.model);
    let reply = match accept(&gemini.simulator, &call, body, &entry).await {
        Ok(task) => generate_content::perform(&gemini.simulator, &call, task, &entry).await,
        Err(refusal) => Reply::Refuse(refusal),
    };
    reply.deliver(call.framing(), entry).await
}

/// Finds out what is asked, and refuses what Google would refuse without spending anything.
async fn accept(simulator: &Simulator, call: &Call, body: Body, entry: &Entry) -> Result<Task, Refusal> {
    let caller = call.authorise(&simulator.script().keys)?;
    entry.note(|arrival| arrival.project = Some(caller.project.clone()));
    let body = request_body::read(body).await?;
    call.parameters.check()?;
    let request = generate_content::parse(&body, Provider::Gemini)?;
    let model = call.find_model()?;
    let task = Task::new(Provider::Gemini, caller, model, request)?;
    entry.note(|arrival| task.describe(arrival));
    Ok(task)
}
