//! Replicas that answer, and only that they cannot serve.
//!
//! One that fails at once is never busy, and would draw to itself whatever is asked. After a few such answers in a row
//! others are preferred for a moment, which doubles each time; then a single request tries whether it serves again.

use std::time::Duration;

use domain::FailureKind;
use http::HeaderMap;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::carried_by;

/// So many in a row are no accident.
const ENOUGH: u32 = 3;
/// What takes longer keeps a replica busy, and draws nothing to it.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long others are preferred, which doubles each time.
const FIRST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(3);

/// How often a replica said in a row that it cannot serve.
#[derive(Debug, Default)]
pub(super) struct Setbacks {
    in_a_row: u32,
    until: Option<Instant>,
}

impl Setbacks {
    /// Counts an answer that took so long; its status is in its headers or at its end.
    pub(super) fn count(&mut self, headers: &HeaderMap, took: Duration, now: Instant) {
        let Some(status) = Status::from_header_map(headers) else { return };
        if !is_setback(&status) {
            self.forget();
        } else if took < AT_ONCE {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.rest(now);
        }
    }

    /// It serves: an answer goes on.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether others are preferred.
    pub(super) fn is_aside(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// A request goes there: where it is to try, others do not until its answer is there, or for as long as before.
    pub(super) fn rest(&mut self, now: Instant) {
        if let Some(more) = self.in_a_row.checked_sub(ENOUGH) {
            self.until = Some(now + LONGEST_REST.min(FIRST_REST * 2_u32.saturating_pow(more)));
        }
    }
}

/// Whether the replica itself cannot serve. That the provider is overloaded would be heard from any other.
fn is_setback(status: &Status) -> bool {
    status.code() == Code::Unavailable
        && carried_by(status).is_none_or(|failure| failure.kind == FailureKind::Unavailable)
}

#[cfg(test)]
mod tests {
    use domain::Failure;

    use super::*;
    use crate::status_of;

    #[test]
    fn what_is_not_the_replicas_own_fault_puts_none_aside() {
        let aside = |status: Status, took| {
            let (mut setbacks, now) = (Setbacks::default(), Instant::now());
            let mut headers = HeaderMap::new();
            status.add_header(&mut headers).unwrap();
            for _ in 0..10 {
                setbacks.count(&headers, took, now);
            }
            setbacks.is_aside(now)
        };
        let failure = |kind| status_of(Failure::new(kind, "no"));
        let (quick, slow) = (Duration::from_millis(5), Duration::from_secs(2));
        assert!(aside(Status::unavailable("the server is stopping"), quick));
        assert!(aside(failure(FailureKind::Unavailable), quick));
        assert!(!aside(failure(FailureKind::Unavailable), slow));
        assert!(!aside(failure(FailureKind::UpstreamOverloaded), quick));
        assert!(!aside(failure(FailureKind::QuotaExhausted), quick));
        assert!(!aside(Status::new(Code::Ok, ""), quick));
    }
}
