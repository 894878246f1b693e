//! How all accounts stand together, as far as the view knows.

use std::collections::{BTreeMap, HashSet};

use domain::{
    PacificDay, Provider, QuotaDomain, Tier,
    lease::Quota,
    standing::{AccountStanding, Hindrance},
};
use opentelemetry::KeyValue;

use crate::{
    standings::shown,
    view::{Member, View},
};

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Census {
    states: BTreeMap<(String, &'static str), u64>,
    /// Of each window of each model: what is used, and what it holds. A project counts once, however many accounts it
    /// has.
    windows: BTreeMap<(String, Provider, Tier, Quota), (u64, u64)>,
}

impl Census {
    /// Counts everybody in view.
    pub(super) fn of(view: &View) -> Self {
        view.read(|board, now| {
            let (mut census, mut counted) = (Self::default(), HashSet::new());
            let day = PacificDay::of(now);
            for member in board.fields().flat_map(|(_, field)| field.members()) {
                census.count(member, shown(member, now, day), &mut counted);
            }
            census
        })
    }

    /// Accounts, by model and state.
    pub(super) fn states(&self) -> Vec<(u64, Vec<KeyValue>)> {
        let labelled = |((model, state), count): (&(String, &'static str), &u64)| {
            (*count, vec![model_label(model), KeyValue::new("state", *state)])
        };
        self.states.iter().map(labelled).collect()
    }

    /// What is used, by model, provider, tier and window.
    pub(super) fn used(&self) -> Vec<(u64, Vec<KeyValue>)> {
        self.windows.iter().map(|(window, (used, _))| (*used, window_labels(window))).collect()
    }

    /// What the windows hold, in the same way.
    pub(super) fn limit(&self) -> Vec<(u64, Vec<KeyValue>)> {
        self.windows.iter().map(|(window, (_, limit))| (*limit, window_labels(window))).collect()
    }

    fn count<'a>(
        &mut self,
        member: &'a Member,
        standing: Option<AccountStanding>,
        counted: &mut HashSet<&'a QuotaDomain>,
    ) {
        let domain = &member.candidate.domain;
        *self.states.entry((domain.model.clone(), state(member, standing.as_ref()))).or_default() += 1;
        let Some(standing) = standing.filter(|_| member.serves && counted.insert(domain)) else { return };
        for window in &standing.windows {
            let key = (domain.model.clone(), standing.provider, standing.tier, window.quota);
            let (used, limit) = self.windows.entry(key).or_default();
            *used += u64::from(window.used);
            *limit += u64::from(window.limit());
        }
    }
}

/// How an account stands, in a word.
fn state(member: &Member, standing: Option<&AccountStanding>) -> &'static str {
    let Some(standing) = standing else { return if member.serves { "unknown" } else { "disabled" } };
    match standing.hindrance {
        None if member.standing.is_some_and(|standing| standing.probation.is_some()) => "probation",
        None => "leasable",
        Some(Hindrance::Disabled) => "disabled",
        Some(Hindrance::MinuteFull | Hindrance::DayFull | Hindrance::DayRefused) => "exhausted",
        Some(Hindrance::AllInFlight) => "busy",
        Some(Hindrance::Throttled | Hindrance::Overloaded | Hindrance::Failing) => "cooling",
        Some(Hindrance::CredentialRejected | Hindrance::BillingClosed | Hindrance::Forbidden) => "refused",
    }
}

fn model_label(model: &str) -> KeyValue {
    KeyValue::new("gen_ai.request.model", model.to_owned())
}

fn window_labels((model, provider, tier, quota): &(String, Provider, Tier, Quota)) -> Vec<KeyValue> {
    vec![
        model_label(model),
        KeyValue::new("provider", provider.as_str()),
        KeyValue::new("tier", tier.as_str()),
        KeyValue::new("window", quota.as_str()),
    ]
}
