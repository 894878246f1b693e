//! The leases of a trial, put together from the talk with the ledger.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::{
    CallOutcome, Grant, LeaseId, Timestamp,
    lease::{Acquired, Closing, Renewal, term},
};

use crate::trial::record::{Asker, Exchange, Moment, Question, Record, Told};

/// Every lease that anybody was told of.
pub(super) struct Ledger<'a> {
    leases: BTreeMap<LeaseId, Lease<'a>>,
    /// What the request of a lease wrote in its prompt.
    prompts: HashMap<&'a str, &'a str>,
}

/// A lease, from its first grant to all that was said of it.
pub(super) struct Lease<'a> {
    pub(super) grant: &'a Grant,
    /// When its first grant was asked for and answered.
    pub(super) asked: Moment,
    pub(super) granted: Moment,
    /// Its renewals: when they were asked for and answered.
    pub(super) renewals: Vec<(Moment, Moment)>,
    /// Everything that was to close it, in the order in which it was asked.
    pub(super) endings: Vec<Ending<'a>>,
}

/// A settlement or a release, as it was asked for and answered.
pub(super) struct Ending<'a> {
    pub(super) by: Asker,
    pub(super) asked: Moment,
    /// How the call ended; nothing for a release.
    pub(super) outcome: Option<&'a CallOutcome>,
    pub(super) answer: Option<(Moment, Closing)>,
}

impl<'a> Ledger<'a> {
    /// Reads the talk.
    pub(super) fn of(record: &'a Record) -> Self {
        let named =
            record.answers.iter().filter_map(|answer| Some((answer.request.as_deref()?, &*answer.prompt)));
        let mut ledger = Self { leases: BTreeMap::new(), prompts: named.collect() };
        for exchange in &record.exchanges {
            ledger.note_grants(exchange);
        }
        for exchange in &record.exchanges {
            ledger.note_rest(exchange);
        }
        ledger
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Lease<'a>> {
        self.leases.values()
    }

    /// The one of this name.
    pub(super) fn get(&self, id: &LeaseId) -> Option<&Lease<'a>> {
        self.leases.get(id)
    }

    /// Those of the request with this prompt.
    pub(super) fn of_request<'b>(&'b self, prompt: &'b str) -> impl Iterator<Item = &'b Lease<'a>> {
        self.all().filter(move |lease| self.prompt_of(lease) == prompt)
    }

    /// The prompt of a lease's request, as far as it is known; else the request's own name.
    pub(super) fn prompt_of<'b>(&'b self, lease: &'b Lease<'a>) -> &'b str {
        let request = lease.request();
        self.prompts.get(request).copied().unwrap_or(request)
    }

    /// Every prompt whose leases are known by it.
    pub(super) fn known_prompts(&self) -> HashSet<&str> {
        self.all().map(|lease| self.prompt_of(lease)).chain(self.prompts.values().copied()).collect()
    }

    fn note_grants(&mut self, exchange: &'a Exchange) {
        let Some((answered, Told::Acquired(Acquired::Granted(grants)))) = &exchange.answer else { return };
        for grant in grants {
            let (asked, granted) = (exchange.asked, *answered);
            let (renewals, endings) = (Vec::new(), Vec::new());
            let lease = Lease { grant, asked, granted, renewals, endings };
            self.leases.entry(grant.id.clone()).or_insert(lease);
        }
    }

    fn note_rest(&mut self, exchange: &'a Exchange) {
        let (id, outcome) = match &exchange.question {
            Question::Acquire(_) => return,
            Question::Renew(id) => {
                let told = exchange
                    .answer
                    .as_ref()
                    .filter(|(_, told)| matches!(told, Told::Renewed(Renewal::Active { .. })));
                if let (Some((answered, _)), Some(lease)) = (told, self.leases.get_mut(id)) {
                    lease.renewals.push((exchange.asked, *answered));
                }
                return;
            }
            Question::Settle(id, _, settlement) => (id, Some(&settlement.outcome)),
            Question::Release(id, _) => (id, None),
        };
        let answer = exchange.answer.as_ref().and_then(|(moment, told)| match told {
            Told::Closed(closing) => Some((*moment, *closing)),
            Told::Acquired(_) | Told::Renewed(_) => None,
        });
        if let Some(lease) = self.leases.get_mut(id) {
            lease.endings.push(Ending { by: exchange.by, asked: exchange.asked, outcome, answer });
        }
    }
}

impl<'a> Lease<'a> {
    /// The account that it is to be used with.
    pub(super) fn account(&self) -> &'a str {
        self.grant.account.as_str()
    }

    /// The request that it was asked for.
    pub(super) fn request(&self) -> &'a str {
        self.parts().0
    }

    /// Which picture of its request it is for.
    pub(super) fn picture(&self) -> &'a str {
        self.parts().1
    }

    /// Which attempt at its picture it is for, from 0.
    pub(super) fn attempt(&self) -> u32 {
        self.parts().2.parse().unwrap_or_default()
    }

    /// Its request's name, its picture and its attempt.
    fn parts(&self) -> (&'a str, &'a str, &'a str) {
        let mut parts = self.grant.id.as_str().rsplitn(3, '/');
        let (attempt, picture) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        (parts.next().unwrap_or_default(), picture, attempt)
    }

    /// What its holder said of its call: when, when that was known, and how the call ended.
    pub(super) fn settlements(&self) -> impl Iterator<Item = (Moment, Option<Moment>, &'a CallOutcome)> {
        let told = |ending: &Ending<'a>| {
            let known = ending.answer.map(|(moment, _)| moment);
            Some((ending.asked, known, ending.outcome?))
        };
        self.held().filter_map(told)
    }

    /// Everything that its holder said to close it.
    pub(super) fn held(&self) -> impl Iterator<Item = &Ending<'a>> {
        self.endings.iter().filter(|ending| matches!(ending.by, Asker::Worker | Asker::Repeater))
    }

    /// Whether it was given back, and the ledger took it.
    pub(super) fn is_released(&self) -> bool {
        self.held().any(|ending| {
            let taken = matches!(ending.answer, Some((_, Closing::Closed | Closing::Duplicate)));
            ending.outcome.is_none() && taken
        })
    }

    /// Whether the ledger knows that a picture came of it.
    pub(super) fn is_known_as_delivered(&self) -> bool {
        self.held().any(|ending| {
            let taken =
                matches!(ending.answer, Some((_, Closing::Closed | Closing::Duplicate | Closing::Late)));
            taken && matches!(ending.outcome, Some(CallOutcome::Delivered { .. }))
        })
    }

    /// When its term may have been over, at the earliest, as far as was known by `moment`.
    pub(super) fn may_expire_at(&self, moment: Moment) -> Timestamp {
        let prolonged = self.renewals.iter().filter(|(_, answered)| *answered <= moment);
        let last = prolonged.map(|(asked, _)| asked.at).fold(self.asked.at, Timestamp::max);
        (last + term::LEASE).min(self.asked.at + term::LONGEST)
    }
}
