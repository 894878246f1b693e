//! How candidates stand: the view that ranking goes by.

use domain::{Learned, QuotaDomain, Timestamp};

use super::{
    Ledger,
    place::{Opening, Place},
};
use crate::store::{Candidate, Standing, Survey};

impl Ledger {
    /// Tells how each candidate stands, where what was learned of its domain's limits narrows them.
    pub(crate) fn standing(&mut self, moment: Timestamp, candidates: &[Candidate]) -> Survey {
        let now = self.tick(moment);
        let standings = candidates.iter().map(|candidate| self.stands(candidate)).collect();
        Survey { now, standings }
    }

    fn stands(&self, candidate: &Candidate) -> Standing {
        let now = self.now;
        let learned = self.learned(&candidate.domain);
        let candidate = Candidate { limits: candidate.limits.narrowed_by(&learned), ..candidate.clone() };
        let place = Place::of(self, &candidate);
        let counters = place.counters;
        Standing {
            in_minute: counters.in_minute(now),
            in_day: counters.in_day(now),
            in_flight: counters.in_flight(now),
            setbacks: counters.lasting().streak.setbacks(),
            cooling: place.cooling,
            probation: place.probation.map(|probation| probation.reason),
            learned,
            last_used: self.last_used.get(&candidate.account).copied(),
            minute_clears_at: counters.minute_clears_at().unwrap_or(now),
            steady_until: place.moments(now).min().unwrap_or(now),
            free_at: if place.free(now) > 0 { now } else { Opening::of(&[place], 1, now).surely },
        }
    }

    fn learned(&self, domain: &QuotaDomain) -> Learned {
        self.domains
            .get(domain)
            .map(|counters| counters.lasting().learned.believed(self.now))
            .unwrap_or_default()
    }
}
