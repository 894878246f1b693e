//! The operators' console: pages about what runs, on a listener of its own.
//!
//! # How a page is made
//!
//! A page has a name, say `requests`, and four files: this module's `requests/mod.rs`, `templates/requests.html`, and in
//! `assets/console` `requests.js` and `requests.css`. It takes five lines elsewhere: its module and its `Tab` in
//! `TABS` and its `routes()` in `routes` here, and its two assets in the list of `assets`.
//!
//! - The module's `TAB` names it, and `routes()` says with `Route` who may take each path. The handler of the page
//!   takes `Extension<Session>`, and answers `page::show(&Template { frame: Frame::of(TAB, &desk, &session), .. })`.
//! - The template extends `layout.html`, which loads its script and style sheet, and fills the blocks `head` (what
//!   stands beside the title) and `main`. Nothing inline: the policy forbids it.
//! - The script is a module. From `./console.js` it takes `post(path, form)`, which proves that it is ours and shows
//!   refusals, and `$` and the like; from `./feed.js` `follow(path, handlers)` for what is told live.
//! - Whatever is told live has one hub per process: a `Feed` beside what is known, as in `standings`, kept up by
//!   [`Console::work_until`]; browsers follow it with `Desk::until_over`.
//! - A change is a `Route::write` whose handler answers `Result<_, Refused>`.

mod accounts;
mod activity;
mod assets;
mod clients;
mod feed;
mod fields;
mod guard;
mod hex;
mod page;
mod patience;
mod playground;
mod refusals;
mod refused;
mod requests;
mod route;
mod session;
mod sign_in;
mod standings;
mod token;
mod traffic;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, response::Redirect};
use domain::{Catalog, Clock};
use proto::transport::{Channel, Replicas};
use tokio::sync::watch;

use self::{
    page::Tab,
    patience::Patience,
    refusals::Refusals,
    route::Route,
    session::{Session, Sessions},
    standings::Hub,
};
use crate::{Settings, generator::RemoteGenerator};

pub use self::token::{ConsoleToken, NotATokenHash, WeakToken};

/// How long a service may take to answer a question of a page.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Every page, in the order in which they are shown.
const TABS: &[Tab] = &[accounts::TAB, traffic::TAB, requests::TAB, playground::TAB, clients::TAB];

/// Every route.
fn routes() -> Vec<Route> {
    [
        vec![Route::read("/", first_page)],
        sign_in::routes(),
        assets::routes(),
        accounts::routes(),
        traffic::routes(),
        requests::routes(),
        playground::routes(),
        clients::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the operator decides about the console.
#[derive(Debug)]
pub struct ConsoleSettings {
    /// What opens it.
    pub token: ConsoleToken,
    /// Whether browsers reach it by plain HTTP, on this machine alone: elsewhere they are told to send the session's
    /// cookie by HTTPS only.
    pub plain: bool,
    /// Where the gateway itself listens, which the playground tells people.
    pub gateway: SocketAddr,
    /// What holds for requests at the edge, and so for those of the playground.
    pub edge: Settings,
    /// The longest that a request for pictures may take.
    pub deadline: Duration,
}

/// The console.
#[derive(Clone)]
pub struct Console(Arc<Desk>);

/// What every handler shares.
pub(crate) struct Desk {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) patience: Patience,
    pub(crate) standings: Arc<Hub>,
    pub(crate) activity: Arc<activity::Hub>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) quota: Channel,
    pub(crate) generation: Channel,
    pub(crate) pictures: RemoteGenerator,
    pub(crate) gateway: SocketAddr,
    pub(crate) edge: Settings,
    generations: Replicas,
    pub(crate) clock: Arc<dyn Clock>,
    closing: watch::Sender<bool>,
}

impl Console {
    /// A console that shows what these services know; those of generation are asked together, and each by itself.
    pub fn new(
        settings: ConsoleSettings,
        catalog: Arc<Catalog>,
        (generation, generations): (Channel, Replicas),
        quota: Channel,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ConsoleSettings { token, plain, gateway, edge, deadline } = settings;
        let sessions = Arc::new(Sessions::new(token, plain, Arc::clone(&clock)));
        let refusals = Arc::new(Refusals::new());
        let standings = Arc::new(Hub::new(Arc::clone(&clock), Arc::clone(&refusals)));
        let activity = Arc::new(activity::Hub::new(Arc::clone(&clock), refusals));
        Self(Arc::new(Desk {
            sessions,
            patience: Patience::default(),
            standings,
            activity,
            catalog,
            quota,
            pictures: RemoteGenerator::new(generation.clone(), deadline),
            generation,
            gateway,
            edge,
            generations,
            clock,
            closing: watch::Sender::new(false),
        }))
    }

    /// Every path it answers, ready to be served.
    pub fn router(&self) -> Router {
        route::router(routes(), &self.0)
    }

    /// Keeps up with what it shows, until `shutdown`; then ends every feed, so that nothing is in flight for ever.
    pub async fn work_until(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.0.standings.keep_up(self.0.quota.clone()) => {}
            () = Arc::clone(&self.0.activity).keep_up(self.0.generations.clone()) => {}
        }
        self.0.closing.send_replace(true);
    }
}

impl Desk {
    /// Returns once a browser of this session is to follow nothing any more.
    pub(crate) fn until_over(&self, session: Session) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.subscribe();
        let closed = async move {
            let _gone = closing.wait_for(|closing| *closing).await;
        };
        feed::either(Arc::clone(&self.sessions).over(session), closed)
    }
}

/// A question that is to be answered soon.
pub(crate) fn soon<T>(question: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(question);
    request.set_timeout(ANSWER_WITHIN);
    request
}

async fn first_page() -> Redirect {
    Redirect::to("/accounts")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use domain::{ManualClock, Timestamp};
    use http::StatusCode;
    use tonic::service::Routes;
    use tower::ServiceExt as _;

    use super::{route::Access, *};

    const TOKEN: &str = "tso_0123456789abcdef";

    #[test]
    fn every_route_says_who_may_take_it() {
        let row = |Route { method, path, access, .. }: Route| format!("{method:4} {path}: {access:?}\n");
        let table: String = routes().into_iter().map(row).collect();
        insta::assert_snapshot!(table);
    }

    #[tokio::test]
    async fn nobody_takes_a_route_who_may_not() {
        let settings = ConsoleSettings {
            token: ConsoleToken::of(&TOKEN.into()).unwrap(),
            plain: true,
            gateway: "127.0.0.1:8045".parse().unwrap(),
            edge: Settings::default(),
            deadline: Duration::from_secs(1),
        };
        let nobody = || Channel::within(Routes::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let generation = (nobody(), Replicas::of("http://127.0.0.1:1").unwrap());
        let console = Console::new(settings, Arc::new(Catalog::builtin()), generation, nobody(), clock);
        let cookie = console.0.sessions.begin(TOKEN).unwrap().to_str().unwrap().to_owned();
        let (here, signed_in) = (("origin", "http://here"), ("cookie", cookie.as_str()));
        let forged = ("x-csrf-token", "0".repeat(64));
        for Route { method, path, access, .. } in routes() {
            let ask = async |headers: &[(&str, &str)]| {
                let request = Request::builder().method(method).uri(path).header("host", "here");
                let request =
                    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
                console.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
            };
            let refused = match access {
                Access::Open => continue,
                Access::OpenWrite => vec![(ask(&[]).await, StatusCode::FORBIDDEN)],
                Access::SignedIn => vec![(ask(&[here]).await, StatusCode::UNAUTHORIZED)],
                Access::Write => vec![
                    (ask(&[signed_in]).await, StatusCode::FORBIDDEN),
                    (ask(&[here]).await, StatusCode::UNAUTHORIZED),
                    (ask(&[here, signed_in]).await, StatusCode::FORBIDDEN),
                    (ask(&[here, signed_in, (forged.0, &forged.1)]).await, StatusCode::FORBIDDEN),
                ],
            };
            assert!(refused.iter().all(|(told, expected)| told == expected), "{method} {path}: {refused:?}");
        }
    }
}
