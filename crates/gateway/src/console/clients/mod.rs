//! The clients: who may ask for pictures, how much, and what each has used.

mod changes;
mod used;

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{Extension, extract::State, response::Response};
use domain::{KnownClient, PacificDay, Timestamp, UsageFilter, UsageTotal};
use proto::v1::{
    ListClientsRequest, UsageTotalsRequest, clients_client::ClientsClient, usage_log_client::UsageLogClient,
};

use self::used::Used;
use super::{
    Desk,
    page::{self, Frame, Tab},
    refused::Refused,
    route::Route,
    session::Session,
    soon,
};

/// The page.
pub(crate) const TAB: Tab = Tab { name: "clients", title: "Clients" };

/// How far back use is shown beside today's.
const MONTH: Duration = Duration::from_hours(30 * 24);

/// The routes of this module.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::read("/clients", show),
        Route::read("/clients/rows", rows),
        Route::write("/clients/create", changes::create),
        Route::write("/clients/revoke", changes::revoke),
    ]
}

#[derive(Template)]
#[template(path = "clients.html")]
struct Page {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "client_rows.html")]
struct Rows {
    clients: Vec<Row>,
}

/// A client and what it has used.
struct Row {
    known: KnownClient,
    today: [(&'static str, Used); 2],
    images_in_month: Used,
    spent_in_month: Used,
}

impl Row {
    fn of(known: KnownClient, totals: &[UsageTotal], today: Timestamp) -> Self {
        let mine = || totals.iter().filter(|total| total.client == known.client.id);
        let month = used::sum(mine());
        let day = used::sum(mine().filter(|total| total.day == today));
        let limits = known.client.limits;
        Self {
            today: [
                ("Pictures today", Used::images(day.images, limits.images_per_day)),
                ("Spent today", Used::money(day.cost_micro_usd, limits.spend_per_day_micro_usd)),
            ],
            images_in_month: Used::images(month.images, None),
            spent_in_month: Used::money(month.cost_micro_usd, None),
            known,
        }
    }
}

async fn show(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response {
    page::show(&Page { frame: Frame::of(TAB, &desk, &session) })
}

/// A row for each client, with what it has used by now.
async fn rows(State(desk): State<Arc<Desk>>) -> Result<Response, Refused> {
    let (mut clients, mut usage) =
        (ClientsClient::new(desk.quota.clone()), UsageLogClient::new(desk.quota.clone()));
    let now = desk.clock.now();
    let filter = Some(UsageFilter { since: Some(now - MONTH), ..UsageFilter::default() }.into());
    let (clients, totals) = tokio::try_join!(
        clients.list(soon(ListClientsRequest {})),
        usage.totals(soon(UsageTotalsRequest { filter })),
    )?;
    let totals = totals.into_inner().totals.into_iter().map(UsageTotal::try_from);
    let totals: Vec<_> = totals.collect::<Result<_, _>>()?;
    let today = PacificDay::of(now).start;
    let known = clients.into_inner().clients.into_iter().map(KnownClient::try_from);
    let known: Vec<_> = known.collect::<Result<_, _>>()?;
    Ok(page::show(&Rows { clients: known.into_iter().map(|known| Row::of(known, &totals, today)).collect() }))
}
