//! The talk with the ledger, written down as it happens.

use std::sync::{Mutex, PoisonError};

use domain::{Clock as _, SystemClock};

use super::record::{Asker, Exchange, Moment, Question, Told};

/// Everything that was asked of the ledger so far, by whomever.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    moments: u64,
    exchanges: Vec<Exchange>,
}

/// Where an exchange stands in the journal.
#[derive(Clone, Copy)]
pub(crate) struct Place(usize);

impl Journal {
    /// Notes a question before it is passed on.
    pub(crate) fn asked(&self, by: Asker, question: Question) -> Place {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = pages.moment();
        pages.exchanges.push(Exchange { by, asked, question, answer: None });
        Place(pages.exchanges.len() - 1)
    }

    /// Notes its answer before anybody else learns of it.
    pub(crate) fn told(&self, Place(place): Place, told: Told) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = pages.moment();
        pages.exchanges[place].answer = Some((moment, told));
    }

    /// All of it.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).exchanges.clone()
    }
}

impl Pages {
    fn moment(&mut self) -> Moment {
        self.moments += 1;
        Moment { order: self.moments, at: SystemClock.now() }
    }
}
