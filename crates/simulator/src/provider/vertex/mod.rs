//! Vertex AI: `generateContent`, `streamGenerateContent`, and the endpoint that gives tokens for them.

mod assertion;
mod call;
mod error;
mod issued;
mod publisher;
mod token;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use domain::Provider;

use self::call::Call;
pub use self::issued::Exchanges;
pub(crate) use self::issued::Issued;
use super::{
    generate_content::{self, Api as _, Task},
    reply::Reply,
    request_body,
    rpc::Refusal,
};
use crate::{Simulator, arrivals::Entry};

/// `/v1` and `/v1beta1`, which differ in nothing but their name, and `/token`.
pub(super) fn routes(simulator: &Simulator) -> Router {
    let versions = ["/v1", "/v1beta1"].into_iter();
    let paths = versions.fold(Router::new(), |router, version| {
        let models = "publishers/google/models/{target}";
        router
            .route(
                &format!("{version}/projects/{{project}}/locations/{{location}}/{models}"),
                post(post_to_model),
            )
            .route(&format!("{version}/{models}"), get(describe))
    });
    paths.route("/token", post(token::exchange)).with_state(simulator.clone())
}

/// `GET /publishers/google/models/{model}`, which spends nothing and is of no project.
async fn describe(
    State(simulator): State<Simulator>,
    Path(target): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let call = Call::new(String::new(), String::new(), &target, query, &headers);
    match call.caller(&simulator).and_then(|_| publisher::describe(&call)) {
        Ok(model) => model.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `POST …/models/{model}:{method}`.
async fn post_to_model(
    State(simulator): State<Simulator>,
    Path((project, location, target)): Path<(String, String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let call = Call::new(project, location, &target, query, &headers);
    let entry = simulator.note_arrival(Provider::Vertex, call.account_label(&simulator), &call.model);
    let reply = match accept(&simulator, &call, body, &entry).await {
        Ok(task) => generate_content::perform(&simulator, &call, task, &entry).await,
        Err(refusal) => Reply::Refuse(refusal),
    };
    let reply = match reply {
        Reply::Refuse(refusal) => Reply::Refuse(refusal.in_list()),
        other => other,
    };
    reply.deliver(call.framing(), entry).await
}

/// Finds out what is asked, and refuses what Google would refuse without spending anything.
async fn accept(simulator: &Simulator, call: &Call, body: Body, entry: &Entry) -> Result<Task, Refusal> {
    let caller = call.authorise(simulator)?;
    entry.note(|arrival| arrival.project = Some(caller.project.clone()));
    let body = request_body::read(body).await?;
    call.parameters.check()?;
    let request = generate_content::parse(&body, Provider::Vertex)?;
    let model = call.find_model()?;
    let task = Task::new(Provider::Vertex, caller, model, request)?;
    entry.note(|arrival| task.describe(arrival));
    Ok(task)
}
