//! One model's accounts, by how they are wanted.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use domain::{Account, AccountId, Lease, Model, QuotaDomain, Timestamp};

use super::{
    due::Due,
    order::{Filed, Order},
    place::{Member, Place},
};
use crate::{
    policy::Moment,
    store::{Candidate, Scope, Survey},
};

/// How long a standing that only time changes is good enough.
const AGE: Duration = Duration::from_millis(250);

/// The accounts of one model, each with its place.
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(super) places: Vec<Place>,
    pub(super) order: Order,
    pub(super) due: Due,
    by_domain: HashMap<QuotaDomain, usize>,
    by_account: HashMap<AccountId, usize>,
    /// How many accounts the store was never asked about.
    unknown: usize,
    /// When each place must be asked about again, because time alone changed it.
    ageing: BTreeSet<(Timestamp, usize)>,
    ages_at: HashMap<usize, Timestamp>,
}

impl Field {
    /// The accounts that draw with this model, with what an earlier field knew of them. Nothing else is known, so all
    /// the others are due.
    pub(crate) fn new<'a>(
        model: &Model,
        accounts: impl Iterator<Item = &'a Account>,
        earlier: &Self,
        moment: Moment,
        revision: u64,
    ) -> Self {
        let mut field = Self::default();
        for account in accounts.filter(|account| draws(account, model)) {
            let serves = account.enabled && account.limits.most_at_once() > 0;
            let mut member = Member::new(account.clone(), candidate(account, model), serves, revision);
            if let Some(known) = earlier.member(&account.id) {
                member.remember(known);
            }
            field.add(member);
        }
        for place in 0..field.places.len() {
            field.file(place, moment);
        }
        field
    }

    fn add(&mut self, member: Member) {
        let place = *self.by_domain.entry(member.candidate.domain.clone()).or_insert_with(|| {
            self.places.push(Place::new());
            self.places.len() - 1
        });
        self.by_account.insert(member.account.id.clone(), place);
        if member.standing.is_none() {
            self.unknown += 1;
            self.due.mark(place);
        }
        self.places[place].members.push(member);
    }

    /// Every account, in no particular order.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.places.iter().flat_map(|place| &place.members)
    }

    /// One account.
    pub(crate) fn member(&self, account: &AccountId) -> Option<&Member> {
        let place = self.by_account.get(account)?;
        self.places[*place].members.iter().find(|member| member.account.id == *account)
    }

    /// Whether the store was never asked about some account.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown > 0
    }

    /// Takes the store's word on these candidates; answers whether anything is new.
    pub(crate) fn tell(&mut self, candidates: &[Candidate], survey: &Survey, revision: u64) -> bool {
        let moment = Moment::of(survey.now);
        let mut news = false;
        let mut touched = BTreeSet::new();
        for (candidate, standing) in candidates.iter().zip(&survey.standings) {
            if let Some(place) = self.by_account.get(&candidate.account) {
                news |= self.places[*place].tell(&candidate.account, *standing, survey.now, revision);
                touched.insert(*place);
            }
        }
        for place in touched {
            self.file(place, moment);
        }
        if self.unknown > 0 {
            self.unknown = self.members().filter(|member| member.standing.is_none()).count();
        }
        news
    }

    /// Counts leases that were granted, until the store tells of them itself.
    pub(crate) fn charge(&mut self, leases: &[Lease], moment: Moment) {
        for lease in leases {
            if let Some(place) = self.by_domain.get(&lease.domain).copied() {
                self.places[place].charge(1, moment.now);
                self.file(place, moment);
            }
        }
    }

    /// Notes that something of this scope changed.
    pub(crate) fn mark(&mut self, scope: &Scope) {
        match scope {
            Scope::Domain(domain) => self.due.mark_all(self.by_domain.get(domain).copied()),
            Scope::Account(account) | Scope::Access(account, _) => {
                self.due.mark_all(self.by_account.get(account).copied());
            }
            Scope::Project(provider, project) => {
                let of_project = self
                    .by_domain
                    .iter()
                    .filter(|(domain, _)| domain.provider == *provider && domain.project == *project);
                self.due.mark_all(of_project.map(|(_, place)| *place));
            }
            Scope::Pool(provider, _) => {
                let of_pool = self.by_domain.iter().filter(|(domain, _)| domain.provider == *provider);
                self.due.mark_all(of_pool.map(|(_, place)| *place));
            }
        }
    }

    /// Notes that anything may have changed.
    pub(crate) fn mark_everything(&mut self) {
        self.due.mark_all(0..self.places.len());
    }

    /// Notes what time alone has changed.
    pub(crate) fn age(&mut self, moment: Moment) {
        while let Some((_, place)) = self.ageing.first().filter(|(at, _)| *at <= moment.now).copied() {
            self.ageing.pop_first();
            self.ages_at.remove(&place);
            self.due.mark(place);
        }
    }

    /// When time alone changes something next.
    pub(crate) fn ages_at(&self) -> Option<Timestamp> {
        self.ageing.first().map(|(at, _)| *at)
    }

    /// Files every place anew: the day goes on.
    pub(crate) fn reckon(&mut self, moment: Moment) {
        for place in 0..self.places.len() {
            self.file(place, moment);
        }
    }

    /// Moves those that rest no longer to those with room.
    pub(crate) fn rise(&mut self, moment: Moment) {
        while let Some(place) = self.order.risen(moment.now) {
            self.file(place, moment);
        }
    }

    fn file(&mut self, index: usize, moment: Moment) {
        let place = &self.places[index];
        let filed = place.free_at().zip(place.members.first()).map(|(free_at, member)| {
            if free_at > moment.now {
                return Filed::Resting(free_at);
            }
            let kind = (member.account.provider, member.account.tier);
            Filed::Ready(kind, (Reverse(place.merit(moment)), place.last_used(), index))
        });
        let ages_at = place.steady_until().map(|until| until.max(moment.now + AGE));
        self.order.file(index, filed);
        let before = match ages_at {
            Some(at) => self.ages_at.insert(index, at),
            None => self.ages_at.remove(&index),
        };
        if let Some(before) = before {
            self.ageing.remove(&(before, index));
        }
        self.ageing.extend(ages_at.map(|at| (at, index)));
    }
}

/// Whether the operator lets it draw with this model, once it is enabled.
fn draws(account: &Account, model: &Model) -> bool {
    let listed = account.models.is_empty() || account.models.contains(&model.name);
    listed && model.upstream_id(account.provider).is_some()
}

fn candidate(account: &Account, model: &Model) -> Candidate {
    let domain = QuotaDomain {
        provider: account.provider,
        project: account.project.clone(),
        model: model.name.clone(),
    };
    Candidate { account: account.id.clone(), domain, limits: account.limits }
}
