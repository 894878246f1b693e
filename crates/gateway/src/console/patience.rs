//! Bounds how often tokens may be guessed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_mins(1);
/// After how long without another failure all is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(15);
/// Guessers remembered at once; while there are more, all of them are one.
const REMEMBERED: usize = 1_024;

/// What is remembered of those who failed to sign in.
#[derive(Debug, Default)]
pub(crate) struct Patience(Mutex<HashMap<Option<IpAddr>, Strikes>>);

#[derive(Debug, Clone, Copy)]
struct Strikes {
    failures: u32,
    last: Timestamp,
}

impl Strikes {
    fn pause(self) -> Duration {
        match self.failures.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => LONGEST.min(Duration::from_secs(1 << more.min(6))),
        }
    }
}

impl Patience {
    /// How long this one has to wait before another try is looked at; nothing where it may try now.
    pub(crate) fn wait(&self, who: IpAddr, now: Timestamp) -> Option<Duration> {
        let strikes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let strikes = strikes.get(&Some(network(who))).or_else(|| strikes.get(&None))?;
        Some(strikes.pause().saturating_sub(now.since(strikes.last))).filter(|wait| !wait.is_zero())
    }

    /// Notes that this one failed.
    pub(crate) fn failed(&self, who: IpAddr, now: Timestamp) {
        let mut strikes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        strikes.retain(|_, strikes| now.since(strikes.last) < FORGOTTEN);
        let known = strikes.contains_key(&Some(network(who))) || strikes.len() < REMEMBERED;
        let entry = strikes.entry(known.then(|| network(who))).or_insert(Strikes { failures: 0, last: now });
        *entry = Strikes { failures: entry.failures.saturating_add(1), last: now };
    }

    /// Notes that this one succeeded.
    pub(crate) fn succeeded(&self, who: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&Some(network(who)));
    }
}

/// Whoever has one address of IPv6 has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => IpAddr::V6((u128::from(six) & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn whoever_fails_again_and_again_waits_longer_each_time_and_others_do_not() {
        let (patience, who) = (Patience::default(), "10.0.0.1".parse().unwrap());
        let mut waits = Vec::new();
        for _ in 0..13 {
            patience.failed(who, NOW);
            waits.push(patience.wait(who, NOW).map_or(0, |wait| wait.as_secs()));
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(patience.wait("10.0.0.2".parse().unwrap(), NOW), None);
        assert_eq!(patience.wait(who, NOW + LONGEST), None, "a pause ends");
        patience.failed("10.0.0.2".parse().unwrap(), NOW + FORGOTTEN);
        assert_eq!(patience.wait(who, NOW), None, "all was forgotten");
    }

    #[test]
    fn a_guesser_of_many_addresses_is_one() {
        let patience = Patience::default();
        for number in 0..=FREE {
            patience.failed(format!("2001:db8::{number:x}").parse().unwrap(), NOW);
        }
        assert!(patience.wait("2001:db8::ffff".parse().unwrap(), NOW).is_some());
        for number in 0..3_000_u32 {
            patience.failed(IpAddr::V4(number.into()), NOW);
        }
        assert!(patience.0.lock().unwrap().len() <= REMEMBERED + 1);
        assert!(patience.wait("200.0.0.1".parse().unwrap(), NOW).is_some(), "there are too many of them");
    }
}
