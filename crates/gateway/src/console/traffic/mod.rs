//! The traffic: how much, how fast, how well and for how much, of the last hour live and of the last thirty days.

mod hour;
mod latencies;
mod month;
mod series;
mod shown;

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Json,
    extract::{Query, State},
    response::Response,
};
use domain::{AccountId, ClientId, Failure};
use serde::{Deserialize, Serialize};

use self::{month::Month, shown::Shown};
use super::{
    Desk,
    page::{self, Frame, Tab},
    refused::Refused,
    route::Route,
    session::Session,
};

pub(crate) use self::{
    hour::Hour,
    series::{STEPS, step_of},
};

/// The page.
pub(crate) const TAB: Tab = Tab { name: "traffic", title: "Traffic" };

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::read("/traffic", show),
        Route::read("/traffic/feed", follow),
        Route::read("/traffic/hour", hour),
        Route::read("/traffic/month", month),
    ]
}

/// What one looks at: everything, or what concerns one model, client or account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Of {
    Everything,
    Model(String),
    Client(ClientId),
    Account(AccountId),
}

/// The same as an address says it: of several the first counts.
#[derive(Debug, Deserialize)]
struct Asked {
    model: Option<String>,
    client: Option<String>,
    account: Option<String>,
}

/// What there is to look at.
#[derive(Debug, Default, Serialize)]
struct Names {
    models: Vec<String>,
    clients: Vec<String>,
    accounts: Vec<String>,
}

impl TryFrom<Asked> for Of {
    type Error = Failure;

    fn try_from(asked: Asked) -> Result<Self, Failure> {
        let wrong = |field, error| Failure::invalid(field, error);
        Ok(match asked {
            Asked { model: Some(name), .. } => Self::Model(name),
            Asked { client: Some(name), .. } => {
                Self::Client(ClientId::new(name).map_err(|error| wrong("client", error))?)
            }
            Asked { account: Some(name), .. } => {
                Self::Account(AccountId::new(name).map_err(|error| wrong("account", error))?)
            }
            Asked { model: None, client: None, account: None } => Self::Everything,
        })
    }
}

impl<'a> FromIterator<&'a Of> for Names {
    fn from_iter<I: IntoIterator<Item = &'a Of>>(all: I) -> Self {
        let mut names = Self::default();
        for of in all {
            match of {
                Of::Everything => {}
                Of::Model(name) => names.models.push(name.clone()),
                Of::Client(name) => names.clients.push(name.to_string()),
                Of::Account(name) => names.accounts.push(name.to_string()),
            }
        }
        for names in [&mut names.models, &mut names.clients, &mut names.accounts] {
            names.sort();
            names.dedup();
        }
        names
    }
}

#[derive(Template)]
#[template(path = "traffic.html")]
struct Page {
    frame: Frame,
}

async fn show(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    page::show(&Page { frame: Frame::of(TAB, &desk, &session) })
}

async fn follow(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    desk.activity.follow_traffic(desk.until_over(session))
}

async fn hour(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Shown>, Refused> {
    let of = Of::try_from(asked)?;
    Ok(Json(desk.activity.hour(|hour, gauge, now| Shown::of(hour, &of, gauge, now))))
}

async fn month(State(desk): State<Arc<Desk>>, Query(asked): Query<Asked>) -> Result<Json<Month>, Refused> {
    let of = Of::try_from(asked)?;
    Ok(Json(Month::ask(desk.quota.clone(), &of, desk.clock.now()).await?))
}
