//! The accounts: how each stands with each model, live.

mod changes;

use std::sync::Arc;

use askama::Template;
use axum::{Extension, extract::State, response::Response};
use domain::{KnownAccount, Limits, Tier};
use proto::v1::{ListAccountsRequest, accounts_client::AccountsClient};

use super::{
    Desk,
    page::{self, Frame, Tab},
    refused::Refused,
    route::Route,
    session::Session,
    soon,
};

/// The page.
pub(crate) const TAB: Tab = Tab { name: "accounts", title: "Accounts" };

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::read("/accounts", show),
        Route::read("/accounts/feed", follow),
        Route::read("/accounts/rows", rows),
        Route::write("/accounts/add", changes::add),
        Route::write("/accounts/enable", changes::enable),
        Route::write("/accounts/disable", changes::disable),
        Route::write("/accounts/remove", changes::remove),
    ]
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct Page {
    frame: Frame,
    models: Vec<ModelChoice>,
    tiers: [TierChoice; 3],
}

/// One of the models that one can look at.
struct ModelChoice {
    name: String,
    chosen: bool,
}

/// One of the tiers, and the limits of a project that is told nothing else.
struct TierChoice {
    name: &'static str,
    limits: Limits,
}

#[derive(Template)]
#[template(path = "account_rows.html")]
struct Rows {
    accounts: Vec<KnownAccount>,
}

async fn show(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    let default = desk.catalog.default_model().name.clone();
    let choice = |name: &str| ModelChoice { name: name.to_owned(), chosen: name == default };
    let models = desk.catalog.models().iter().map(|model| choice(&model.name)).collect();
    let tiers = [Tier::Free, Tier::Pro, Tier::Ultra];
    let tiers = tiers.map(|tier| TierChoice { name: tier.as_str(), limits: tier.default_limits() });
    page::show(&Page { frame: Frame::of(TAB, &desk, &session), models, tiers })
}

async fn follow(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    desk.standings.follow(desk.until_over(session))
}

/// A row for each account, without what is told live.
async fn rows(State(desk): State<Arc<Desk>>) -> Result<Response, Refused> {
    let request = soon(ListAccountsRequest {});
    let answer = AccountsClient::new(desk.quota.clone()).list(request).await?.into_inner();
    let accounts = answer.accounts.into_iter().map(KnownAccount::try_from).collect::<Result<_, _>>()?;
    Ok(page::show(&Rows { accounts }))
}
