//! What is said while a trial goes on, so that nobody has to guess how it fares.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    time::Duration,
};

use domain::FailureKind;
use tokio::time::sleep;

use super::{
    load::Desk,
    record::{Answer, End, Refusal},
};

/// How often it is said.
const BEAT: Duration = Duration::from_secs(10);
/// What is told to wait where the ledger does not answer at all; while it learns, it tells how long it does.
const UNKNOWN: Duration = Duration::from_secs(2);

/// Tells again and again what clients got since it last did.
pub(crate) async fn tell(desk: &Desk, tell: &impl Fn(&dyn fmt::Debug)) -> Infallible {
    let mut told = 0;
    loop {
        sleep(BEAT).await;
        let answers = desk.answers_from(told);
        told += answers.len();
        tell(&format_args!("{}", Progress::of(&answers)));
    }
}

/// What some clients got.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    answers: usize,
    pictures: u32,
    /// Answers in which something failed, by why.
    failed: BTreeMap<String, usize>,
    /// How long the ledger went on learning when it last said so.
    learns_for: Option<Duration>,
}

impl Progress {
    fn of(answers: &[Answer]) -> Self {
        let mut progress = Self { answers: answers.len(), ..Self::default() };
        for answer in answers {
            progress.pictures += answer.delivered;
            match &answer.end {
                End::Finished(kinds) => {
                    for why in kinds.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>() {
                        progress.failed(why);
                    }
                }
                End::Refused(refusal) => progress.refused(refusal),
                End::Broken => progress.failed("broken"),
            }
        }
        progress
    }

    fn refused(&mut self, refusal: &Refusal) {
        let kind = if refusal.limited {
            FailureKind::QuotaExhausted.as_str()
        } else if refusal.unavailable {
            self.learns_for = refusal.retry_after.filter(|wait| *wait > UNKNOWN).or(self.learns_for);
            FailureKind::Unavailable.as_str()
        } else {
            refusal.what.split(':').next().unwrap_or_default()
        };
        self.failed(kind);
    }

    fn failed(&mut self, why: &str) {
        *self.failed.entry(why.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, pictures, failed, learns_for } = self;
        write!(f, "{answers} answers, {pictures} pictures")?;
        failed.iter().try_for_each(|(why, times)| write!(f, ", {times} {why}"))?;
        learns_for.map_or(Ok(()), |span| write!(f, "; the ledger learns for {} s more", span.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(wanted: u32, delivered: u32, end: End) -> Answer {
        let (asked, ended) = Default::default();
        Answer { prompt: String::new(), request: None, asked, ended, wanted, delivered, end }
    }

    fn refused(unavailable: bool, limited: bool, wait: u64) -> Answer {
        let retry_after = Some(Duration::from_secs(wait));
        let what = "invalid_request: no".to_owned();
        answer(
            1,
            0,
            End::Refused(Refusal { what, unavailable, limited, retry_after, possibly_billed: false }),
        )
    }

    #[test]
    fn one_sees_what_came_why_the_rest_did_not_and_how_long_that_lasts() {
        let answers = [
            answer(3, 2, End::Finished(vec![FailureKind::UpstreamMalformed])),
            refused(false, true, 4),
            refused(true, false, 41),
            refused(true, false, 2),
            refused(false, false, 0),
        ];
        assert_eq!(
            Progress::of(&answers).to_string(),
            "5 answers, 2 pictures, 1 invalid_request, 1 quota_exhausted, 2 unavailable, 1 upstream_malformed; \
             the ledger learns for 41 s more"
        );
    }
}
