//! The simulator itself: what all of its connections share.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use axum::Router;
use domain::{Clock, Provider, Timestamp};

use crate::{
    Arrival, Exchanges, Script, admin,
    arrivals::{ArrivalLog, Entry},
    picture::Studio,
    provider::{self, vertex::Issued},
    quota::{Overstep, Windows},
    script::{Call, Caller, Fault, Keyring, Latency, Pictures, Rule, Rulebook, ServiceAccounts, Tokens},
};

/// A Gemini API and a Vertex AI of one's own. Clones are handles to the same one.
#[derive(Clone)]
pub struct Simulator(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    script: RwLock<Arc<InForce>>,
    windows: Windows,
    arrivals: ArrivalLog,
    issued: Issued,
    studio: Studio,
}

/// A script being followed.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) latency: Latency,
    pub(crate) pictures: Pictures,
    pub(crate) keys: Keyring,
    pub(crate) tokens: Tokens,
    pub(crate) service_accounts: ServiceAccounts,
    rules: Mutex<Rulebook>,
}

impl Simulator {
    /// A simulator that follows this script and takes the time from this clock; pauses are real ones.
    pub fn new(script: Script, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            clock,
            script: RwLock::new(Arc::new(script.into())),
            windows: Windows::default(),
            arrivals: ArrivalLog::new(),
            issued: Issued::default(),
            studio: Studio::new(),
        }))
    }

    /// The providers' paths, `/admin` and `/healthz`.
    ///
    /// Served by anything but [`serve`](crate::serve), the fault `reset` answers 200 with an empty body, since
    /// only a server can close a connection.
    pub fn router(&self) -> Router {
        provider::routes(self).merge(admin::routes(self))
    }

    /// The last 200,000 calls that reached it, oldest first.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.0.arrivals.all()
    }

    /// Waits until the arrivals satisfy `condition`, and returns them: the event that tests wait for.
    pub async fn arrivals_until(&self, condition: impl Fn(&[Arrival]) -> bool) -> Vec<Arrival> {
        self.0.arrivals.wait_until(condition).await
    }

    /// Forgets the arrivals; their numbers go on counting.
    pub fn clear_arrivals(&self) {
        self.0.arrivals.clear();
    }

    /// How often a token for Vertex AI was asked for.
    pub fn exchanges(&self) -> Exchanges {
        self.issued().exchanges()
    }

    /// Follows another script from now on. Its rules begin to count anew; what was counted against limits
    /// stays counted, as a project's use does not end with its limits.
    pub fn set_script(&self, script: Script) {
        *self.0.script.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(script.into());
        self.0.studio.clear();
    }

    /// Puts a rule before those in force.
    pub(crate) fn add_rule(&self, rule: Rule) {
        self.script().rules.lock().unwrap_or_else(PoisonError::into_inner).put_first(rule);
    }

    /// Ends every rule in force.
    pub(crate) fn clear_rules(&self) {
        *self.script().rules.lock().unwrap_or_else(PoisonError::into_inner) = Rulebook::default();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn script(&self) -> Arc<InForce> {
        Arc::clone(&self.0.script.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn studio(&self) -> &Studio {
        &self.0.studio
    }

    /// The tokens that were given out.
    pub(crate) fn issued(&self) -> &Issued {
        &self.0.issued
    }

    /// Notes that a call for `model` arrived, and whose key it brought.
    pub(crate) fn note_arrival(&self, provider: Provider, key: Option<String>, model: &str) -> Entry {
        self.0.arrivals.open(self.now(), provider, key, model)
    }

    /// Counts a call against its project's limits, or says which it would overstep.
    pub(crate) fn admit(
        &self,
        provider: Provider,
        caller: &Caller,
        model: &'static str,
    ) -> Result<(), Vec<Overstep>> {
        self.0.windows.admit((provider, &caller.project, model), caller.limits, self.now())
    }
}

impl InForce {
    /// What goes wrong with this call.
    pub(crate) fn strike(&self, call: Call<'_>) -> Option<Fault> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).strike(call)
    }
}

impl From<Script> for InForce {
    fn from(script: Script) -> Self {
        let Script { latency, pictures, keys, tokens, service_accounts, rules } = script;
        let rules = Mutex::new(Rulebook::new(rules));
        Self { latency, pictures, keys, tokens, service_accounts, rules }
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Simulator").field(&self.script()).finish()
    }
}
