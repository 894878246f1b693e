//! Who is signed in: a signed cookie, so that every process with the same operator token knows it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{Clock, Timestamp};
use http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq as _;
use tokio::{sync::watch, time::sleep};

use super::{hex, token::ConsoleToken};

/// How long one stays signed in.
const TERM: Duration = Duration::from_hours(12);

/// Sessions that begin and end.
pub(crate) struct Sessions {
    token: ConsoleToken,
    clock: Arc<dyn Clock>,
    /// Whether browsers reach the console by plain HTTP on this machine.
    plain: bool,
    /// Those that were signed out of before their end, until then.
    left: Mutex<HashMap<String, Timestamp>>,
    departures: watch::Sender<()>,
}

/// One that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    name: String,
    until: Timestamp,
}

impl Sessions {
    /// No session yet. `plain` is for a console that only this machine reaches: elsewhere browsers are to send the
    /// cookie by HTTPS alone.
    pub(crate) fn new(token: ConsoleToken, plain: bool, clock: Arc<dyn Clock>) -> Self {
        Self { token, clock, plain, left: Mutex::default(), departures: watch::Sender::new(()) }
    }

    /// Begins a session where this is the operator token; answers its cookie.
    pub(crate) fn begin(&self, token: &str) -> Option<HeaderValue> {
        if !self.token.is(token) {
            return None;
        }
        let session = Session { name: hex::write(&hex::random()), until: self.clock.now() + TERM };
        let text = format!("{}.{}", session.until.as_millis(), session.name);
        let tag = hex::write(&self.token.tag("session", &text));
        Some(self.cookie(&format!("{text}.{tag}"), TERM))
    }

    /// The session of a request, where it has one that holds.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.cookie_name())?;
        let (text, tag) = value.rsplit_once('.')?;
        let (until, name) = text.split_once('.')?;
        let genuine = hex::read(tag)?.ct_eq(&self.token.tag("session", text));
        let session = Session { name: name.to_owned(), until: Timestamp::from_millis(until.parse().ok()?) };
        (bool::from(genuine) && self.holds(&session)).then_some(session)
    }

    fn holds(&self, session: &Session) -> bool {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now() < session.until && !left.contains_key(&session.name)
    }

    /// Ends a session before its time; answers the cookie that takes its place.
    pub(crate) fn end(&self, session: Session) -> HeaderValue {
        let now = self.clock.now();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|_, until| now < *until);
        left.insert(session.name, session.until);
        drop(left);
        self.departures.send_replace(());
        self.cookie("", Duration::ZERO)
    }

    /// Returns once a session holds no more.
    pub(crate) async fn over(self: Arc<Self>, session: Session) {
        let mut departures = self.departures.subscribe();
        while self.holds(&session) {
            tokio::select! {
                () = sleep(session.until.since(self.clock.now())) => {}
                _ = departures.changed() => {}
            }
        }
    }

    /// What a page of this session proves itself with when it changes something.
    pub(crate) fn csrf(&self, session: &Session) -> String {
        hex::write(&self.token.tag("csrf", &session.name))
    }

    /// Whether a page of this session proved itself.
    pub(crate) fn proves(&self, session: &Session, told: &str) -> bool {
        hex::read(told).is_some_and(|told| told.ct_eq(&self.token.tag("csrf", &session.name)).into())
    }

    const fn cookie_name(&self) -> &'static str {
        if self.plain { "tessera_console" } else { "__Host-tessera_console" }
    }

    fn cookie(&self, value: &str, term: Duration) -> HeaderValue {
        let (name, seconds) = (self.cookie_name(), term.as_secs());
        let secure = if self.plain { "" } else { "; Secure" };
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&cookie).expect("digits, points and attributes are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use domain::ManualClock;

    use super::*;

    const TOKEN: &str = "tso_0123456789abcdef";
    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn sessions(plain: bool) -> (Arc<ManualClock>, Sessions) {
        let clock = Arc::new(ManualClock::at(START));
        let token = ConsoleToken::of(&TOKEN.into()).unwrap();
        (clock.clone(), Sessions::new(token, plain, clock))
    }

    fn request(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let both = format!("other=1; {pair}");
        [(header::COOKIE, both.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_session_holds_for_its_term_and_until_it_is_left() {
        let (clock, sessions) = sessions(true);
        assert!(sessions.begin("tso_0123456789abcdee").is_none());
        let (one, other) = (sessions.begin(TOKEN).unwrap(), sessions.begin(TOKEN).unwrap());
        let left = sessions.of(&request(&one)).unwrap();
        sessions.end(left);
        assert!(sessions.of(&request(&one)).is_none(), "it was left");
        clock.set(START + TERM - Duration::from_millis(1));
        assert!(sessions.of(&request(&other)).is_some());
        clock.advance(Duration::from_millis(1));
        assert!(sessions.of(&request(&other)).is_none(), "its term is over");
    }

    #[test]
    fn a_cookie_that_was_changed_opens_nothing() {
        let (_, sessions) = sessions(true);
        let cookie = sessions.begin(TOKEN).unwrap().to_str().unwrap().to_owned();
        let longer = cookie.replacen("=1", "=2", 1).parse().unwrap();
        let cut: HeaderValue = cookie[..60].parse().unwrap();
        for changed in [longer, cut, HeaderValue::from_static("tessera_console=1.a.b")] {
            assert!(sessions.of(&request(&changed)).is_none(), "{changed:?}");
        }
    }

    #[test]
    fn a_cookie_is_strict_and_beyond_this_machine_for_https_alone() {
        let cookie = |plain| sessions(plain).1.begin(TOKEN).unwrap().to_str().unwrap().to_owned();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(cookie(true).contains(attribute) && cookie(false).contains(attribute), "{attribute}");
        }
        assert!(cookie(false).starts_with("__Host-") && cookie(false).ends_with("; Secure"));
        assert!(!cookie(true).contains("Secure"));
    }

    #[test]
    fn each_session_proves_itself_with_a_text_of_its_own() {
        let (_, sessions) = sessions(true);
        let session = || sessions.of(&request(&sessions.begin(TOKEN).unwrap())).unwrap();
        let (one, other) = (session(), session());
        assert!(sessions.proves(&one, &sessions.csrf(&one)));
        assert!(!sessions.proves(&one, &sessions.csrf(&other)) && !sessions.proves(&one, ""));
    }
}
