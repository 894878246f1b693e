//! What providers said when they refused accounts, so that a cooldown stands beside the words that began it.
//!
//! The ledger knows a cooldown's reason and its end; the words are foreign text and stay out of it. The generation
//! services tell them, each what it heard itself, and every console hears all services.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{
    AccountId, ProjectId, Provider, Timestamp,
    activity::Refusal,
    standing::{AccountStanding, Hindrance},
};
use tokio::sync::watch;

/// The last words of each kind, by what they speak of.
#[derive(Debug)]
pub(crate) struct Refusals {
    said: Mutex<HashMap<Subject, Said>>,
    news: watch::Sender<()>,
}

#[derive(Debug)]
struct Said {
    at: Timestamp,
    words: String,
}

/// What a refusal speaks of: as much as the cooldown that it begins lies on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    /// A project's quota of a model.
    Quota(Provider, ProjectId, String),
    /// A project's calls of a model, which fail.
    Calls(Provider, ProjectId, String),
    /// The provider's capacity for a model.
    Capacity(Provider, String),
    Credential(AccountId),
    Billing(Provider, ProjectId),
    /// An account's use of a model.
    Access(AccountId, String),
}

impl Refusals {
    /// None so far.
    pub(crate) fn new() -> Self {
        Self { said: Mutex::default(), news: watch::Sender::new(()) }
    }

    /// Remembers what a provider said, unless it said something of the same later.
    pub(crate) fn note(&self, refusal: Refusal) {
        let Some(subject) = Subject::of(&refusal) else { return };
        let mut said = self.said();
        if said.get(&subject).is_none_or(|before| before.at < refusal.at) {
            said.insert(subject, Said { at: refusal.at, words: refusal.words });
            drop(said);
            self.news.send_replace(());
        }
    }

    /// The words that began the cooldown of an account, as far as they are known.
    pub(crate) fn words(&self, standing: &AccountStanding) -> Option<String> {
        let subject = Subject::of_cooldown(standing)?;
        self.said().get(&subject).map(|said| said.words.clone())
    }

    /// For those who want to know when there are others.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    fn said(&self) -> MutexGuard<'_, HashMap<Subject, Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    fn of(refusal: &Refusal) -> Option<Self> {
        let Refusal { account, project, provider, model, .. } = refusal.clone();
        Some(match refusal.outcome.as_str() {
            "throttled" => Self::Quota(provider, project, model),
            "transient" => Self::Calls(provider, project, model),
            "overloaded" => Self::Capacity(provider, model),
            "credential_rejected" => Self::Credential(account),
            "billing_closed" => Self::Billing(provider, project),
            "forbidden" => Self::Access(account, model),
            _ => return None,
        })
    }

    fn of_cooldown(standing: &AccountStanding) -> Option<Self> {
        let AccountStanding { account, project, model, provider, .. } = standing;
        let (account, project, model) = (account.clone(), project.clone(), model.clone());
        Some(match standing.cooldown?.reason {
            Hindrance::Throttled | Hindrance::DayRefused => Self::Quota(*provider, project, model),
            Hindrance::Failing => Self::Calls(*provider, project, model),
            Hindrance::Overloaded => Self::Capacity(*provider, model),
            Hindrance::CredentialRejected => Self::Credential(account),
            Hindrance::BillingClosed => Self::Billing(*provider, project),
            Hindrance::Forbidden => Self::Access(account, model),
            Hindrance::Disabled | Hindrance::MinuteFull | Hindrance::DayFull | Hindrance::AllInFlight => {
                return None;
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::{Tier, standing::Cooldown};

    use super::*;

    pub(in crate::console) fn refusal(account: &str, outcome: &str, seconds: u64, words: &str) -> Refusal {
        Refusal {
            at: Timestamp::from_millis(seconds * 1_000),
            account: AccountId::new(account).unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Gemini,
            model: "m".into(),
            outcome: outcome.parse().unwrap(),
            words: words.into(),
        }
    }

    pub(in crate::console) fn resting(account: &str, model: &str, reason: Hindrance) -> AccountStanding {
        AccountStanding {
            account: AccountId::new(account).unwrap(),
            model: model.into(),
            provider: Provider::Gemini,
            project: ProjectId::new("p").unwrap(),
            tier: Tier::Pro,
            enabled: true,
            windows: Vec::new(),
            in_flight: 0,
            concurrent: 8,
            setbacks: 0,
            cooldown: Some(Cooldown { reason, until: Timestamp::default() }),
            hindrance: Some(reason),
            leasable_at: None,
        }
    }

    #[test]
    fn the_words_stand_with_all_that_the_refusal_rests_and_with_nothing_else() {
        let refusals = Refusals::new();
        let words = |account, model, reason| refusals.words(&resting(account, model, reason));
        refusals.note(refusal("a", "throttled", 1, "429 quota"));
        refusals.note(refusal("a", "credential_rejected", 1, "403 suspended"));
        refusals.note(refusal("a", "ambiguous", 1, "of nobody's cooldown"));
        let quota = Some("429 quota".to_owned());
        assert_eq!(words("a", "m", Hindrance::Throttled), quota);
        assert_eq!(words("b", "m", Hindrance::DayRefused), quota, "they share a project");
        assert_eq!(words("a", "other", Hindrance::Throttled), None, "each model has its quota");
        let key = Some("403 suspended".to_owned());
        assert_eq!(words("a", "other", Hindrance::CredentialRejected), key, "whatever it is used for");
        assert_eq!(words("b", "m", Hindrance::CredentialRejected), None);
        assert_eq!(words("a", "m", Hindrance::Failing), None);
    }

    #[test]
    fn what_was_said_last_counts_in_whatever_order_it_is_heard() {
        let refusals = Refusals::new();
        let news = refusals.news();
        for (seconds, words) in [(2, "later"), (1, "before"), (2, "later")] {
            refusals.note(refusal("a", "forbidden", seconds, words));
        }
        assert_eq!(refusals.words(&resting("a", "m", Hindrance::Forbidden)).as_deref(), Some("later"));
        assert!(news.has_changed().unwrap());
    }
}
