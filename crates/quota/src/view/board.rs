//! Everything that the view knows: each model's field, and what time it is at the store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{AccountId, Catalog, Clock, Timestamp};

use super::{field::Field, place::Member};
use crate::{
    policy::Moment,
    roster::InForce,
    store::{Candidate, Change, Scope, Survey},
};

/// All fields, and whatever is the same for them.
pub(crate) struct Board {
    in_force: Arc<InForce>,
    fields: BTreeMap<String, Field>,
    /// Counts how often the fields were laid out anew.
    layout: u64,
    /// The store's moment when it last told it, and our clock's then.
    told: Option<(Timestamp, Timestamp)>,
    /// Counts the changes that were seen.
    pub(crate) revision: u64,
    /// Accounts and models that were shown and are no more, with the revision since when.
    gone: HashMap<(AccountId, String), u64>,
}

/// What is to be asked of the store: of a model these candidates, each with its place and the mark that made it due.
pub(crate) struct Question {
    pub(crate) model: String,
    pub(crate) candidates: Vec<Candidate>,
    places: Vec<(usize, u64)>,
    layout: u64,
}

impl Board {
    /// A board of which nothing is known.
    pub(crate) fn new(in_force: Arc<InForce>, catalog: &Catalog, now: Timestamp) -> Self {
        let fields = BTreeMap::new();
        let mut board = Self { in_force, fields, layout: 0, told: None, revision: 0, gone: HashMap::new() };
        board.rebuild(catalog, now);
        board
    }

    /// Takes over other accounts, with what is known of those that stay; answers whether they are others.
    pub(crate) fn replace(&mut self, in_force: &Arc<InForce>, catalog: &Catalog, now: Timestamp) -> bool {
        if Arc::ptr_eq(&self.in_force, in_force) {
            return false;
        }
        self.in_force = Arc::clone(in_force);
        self.rebuild(catalog, now);
        true
    }

    fn rebuild(&mut self, catalog: &Catalog, now: Timestamp) {
        self.revision += 1;
        self.layout += 1;
        let moment = Moment::of(now);
        let mut earlier = std::mem::take(&mut self.fields);
        for model in catalog.models() {
            let known = earlier.remove(&model.name).unwrap_or_default();
            let field = Field::new(model, self.in_force.accounts.in_force(), &known, moment, self.revision);
            for member in known.members().filter(|member| field.member(&member.account.id).is_none()) {
                self.gone.insert((member.account.id.clone(), model.name.clone()), self.revision);
            }
            field.members().for_each(|member| {
                self.gone.remove(&(member.account.id.clone(), model.name.clone()));
            });
            self.fields.insert(model.name.clone(), field);
        }
    }

    /// The store's present moment, as far as is known: not later than it is.
    pub(crate) fn now(&self, clock: &dyn Clock) -> Timestamp {
        let here = clock.now();
        self.told.map_or(here, |(there, then)| there + here.since(then))
    }

    /// A model's field.
    pub(crate) fn field(&mut self, model: &str) -> Option<&mut Field> {
        self.fields.get_mut(model)
    }

    /// Every model's field.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.fields.iter().map(|(model, field)| (model.as_str(), field))
    }

    /// Every model's field, to change it.
    pub(crate) fn fields_mut(&mut self) -> impl Iterator<Item = &mut Field> {
        self.fields.values_mut()
    }

    /// Notes a change that the store told of.
    pub(crate) fn note(&mut self, change: &Change) {
        match change {
            Change::Everything => self.fields_mut().for_each(Field::mark_everything),
            Change::Scope(scope) => match concerns(scope) {
                Some(model) => {
                    if let Some(field) = self.field(model) {
                        field.mark(scope);
                    }
                }
                None => self.fields_mut().for_each(|field| field.mark(scope)),
            },
        }
    }

    /// What is due, at most so many candidates of one model, unless one place has more.
    pub(crate) fn question(&self, most: usize) -> Option<Question> {
        let (model, field) = self.fields().find(|(_, field)| field.due.iter().next().is_some())?;
        let (candidates, places) = (Vec::new(), Vec::new());
        let mut question = Question { model: model.to_owned(), candidates, places, layout: self.layout };
        for (place, mark) in field.due.iter() {
            let members = &field.places[place].members;
            if !question.candidates.is_empty() && question.candidates.len() + members.len() > most {
                break;
            }
            question.candidates.extend(members.iter().map(|member: &Member| member.candidate.clone()));
            question.places.push((place, mark));
        }
        Some(question)
    }

    /// Takes the store's answer to a question; answers whether anything is new. Where accounts were replaced in
    /// between, what was due is asked again.
    pub(crate) fn answer(&mut self, question: &Question, survey: &Survey, clock: &dyn Clock) -> bool {
        let news = self.tell(&question.model, &question.candidates, survey, clock);
        if self.layout == question.layout
            && let Some(field) = self.field(&question.model)
        {
            for (place, mark) in &question.places {
                field.due.clear(*place, *mark);
            }
        }
        news
    }

    /// Takes the store's word on candidates of a model; answers whether anything is new.
    pub(crate) fn tell(
        &mut self,
        model: &str,
        candidates: &[Candidate],
        survey: &Survey,
        clock: &dyn Clock,
    ) -> bool {
        self.told = Some((survey.now, clock.now()));
        let revision = self.revision + 1;
        let news = self.field(model).is_some_and(|field| field.tell(candidates, survey, revision));
        if news {
            self.revision = revision;
        }
        news
    }

    /// What is gone since a revision.
    pub(crate) fn gone_since(&self, revision: u64) -> impl Iterator<Item = &(AccountId, String)> {
        self.gone.iter().filter(move |(_, since)| **since > revision).map(|(gone, _)| gone)
    }
}

/// The one model that a scope concerns, if it is one.
fn concerns(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Domain(domain) => Some(&domain.model),
        Scope::Access(_, model) | Scope::Pool(_, model) => Some(model),
        Scope::Account(_) | Scope::Project(..) => None,
    }
}
