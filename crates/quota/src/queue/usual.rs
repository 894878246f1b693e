//! How long a picture of a model usually takes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{CallOutcome, Lease, LeaseId, lease::term};
use tokio::time::Instant;

/// What is taken for usual before any picture was seen.
const ASSUMED: Duration = Duration::from_secs(15);
/// How many of the latest pictures count.
const RECENT: usize = 64;
/// How many calls in flight are followed.
const FOLLOWED: usize = 8_192;

/// The time from grant to settlement of the calls that were both granted and settled here.
#[derive(Debug, Default)]
pub(crate) struct Usual(Mutex<Times>);

#[derive(Debug, Default)]
struct Times {
    /// The model of each call in flight, and when it was granted.
    calls: HashMap<LeaseId, (String, Instant)>,
    /// How long the latest pictures of each model took.
    models: HashMap<String, Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    times: VecDeque<Duration>,
    median: Duration,
}

impl Usual {
    /// Notes leases that were granted.
    pub(crate) fn granted(&self, leases: &[Lease]) {
        let now = Instant::now();
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.calls.len() + leases.len() > FOLLOWED {
            times.calls.retain(|_, (_, granted)| now - *granted < term::LONGEST);
        }
        for lease in leases.iter().take(FOLLOWED.saturating_sub(times.calls.len())) {
            times.calls.entry(lease.id.clone()).or_insert_with(|| (lease.domain.model.clone(), now));
        }
    }

    /// Whether a lease was granted here and is not closed.
    pub(crate) fn is_granted(&self, id: &LeaseId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.contains_key(id)
    }

    /// Notes that a lease was closed, and how its call ended if there was one.
    pub(crate) fn closed(&self, id: &LeaseId, outcome: Option<&CallOutcome>) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((model, granted)) = times.calls.remove(id) else { return };
        if matches!(outcome, Some(CallOutcome::Delivered { .. })) {
            times.models.entry(model).or_default().add(granted.elapsed());
        }
    }

    /// How long a picture of this model usually takes: the median of the latest.
    pub(crate) fn of(&self, model: &str) -> Duration {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.models.get(model).map_or(ASSUMED, |recent| recent.median)
    }
}

impl Recent {
    fn add(&mut self, time: Duration) {
        if self.times.len() == RECENT {
            self.times.pop_front();
        }
        self.times.push_back(time);
        let mut sorted: Vec<_> = self.times.iter().copied().collect();
        let middle = sorted.len() / 2;
        self.median = *sorted.select_nth_unstable(middle).1;
    }
}

#[cfg(test)]
mod tests {
    use domain::{AccountId, Fence, ProjectId, Provider, QuotaDomain, Timestamp, Usage};
    use tokio::time::advance;

    use super::*;

    fn lease(name: &str) -> Lease {
        Lease {
            id: LeaseId::new(name).unwrap(),
            account: AccountId::new("a").unwrap(),
            domain: QuotaDomain {
                provider: Provider::Gemini,
                project: ProjectId::new("p").unwrap(),
                model: "m".into(),
            },
            fence: Fence(1),
            start_by: Timestamp::default(),
            expires_at: Timestamp::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_median_of_delivered_pictures_is_usual() {
        let usual = Usual::default();
        let delivered = CallOutcome::Delivered { images: 1, usage: Usage::default() };
        assert_eq!(usual.of("m"), ASSUMED);
        for (call, (seconds, outcome)) in
            [(3, &delivered), (90, &delivered), (5, &delivered), (1, &CallOutcome::Transient)]
                .iter()
                .enumerate()
        {
            let lease = lease(&call.to_string());
            usual.granted(std::slice::from_ref(&lease));
            advance(Duration::from_secs(*seconds)).await;
            usual.closed(&lease.id, Some(*outcome));
        }
        assert_eq!(usual.of("m"), Duration::from_secs(5));
        assert_eq!(usual.of("other"), ASSUMED);
    }
}
