//! The time line of a request: which share of it lies where.

use std::time::Duration;

use domain::Timestamp;

use super::words;

/// The narrowest part that is drawn, in hundredths of the whole: what was, is seen.
const NARROWEST: f64 = 0.35;

/// From the first moment of a request to its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    begin: Timestamp,
    whole: Duration,
}

/// A part of a time line, in hundredths of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stretch {
    /// What went on: `queued`, `leased`, `called`, `answering`, `settling`.
    pub(crate) what: &'static str,
    pub(crate) left: f64,
    pub(crate) width: f64,
    /// Whether it goes on.
    pub(crate) open: bool,
    /// How long it took.
    pub(crate) took: String,
}

/// A line with a time beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) left: f64,
    pub(crate) text: String,
}

impl Scale {
    /// The scale from one moment to another.
    pub(super) fn between(begin: Timestamp, end: Timestamp) -> Self {
        Self { begin, whole: end.since(begin).max(Duration::from_millis(1)) }
    }

    /// What went on from one moment to another, or goes on until now.
    pub(super) fn stretch(
        self,
        what: &'static str,
        (from, to): (Timestamp, Option<Timestamp>),
        now: Timestamp,
    ) -> Stretch {
        let until = to.unwrap_or(now);
        let left = self.place(from);
        let width = (self.place(until) - left).max(NARROWEST);
        let (left, open) = (left.min(100.0 - width), to.is_none());
        Stretch { what, left: round(left), width: round(width), open, took: words::span(until.since(from)) }
    }

    /// Four to nine lines at round times.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let step = self.step();
        let at = |number: u32| {
            let after = step * number;
            Tick { left: round(self.place(self.begin + after)), text: label(after) }
        };
        (0..10).map(at).take_while(|tick| tick.left <= 97.0).collect()
    }

    /// The longest round time that is in the whole four times.
    fn step(self) -> Duration {
        let round = |power| [1, 2, 5].map(|first| Duration::from_millis(first * 10_u64.pow(power)));
        let steps = (0..7).flat_map(round).take_while(|step| *step * 4 <= self.whole);
        steps.last().unwrap_or(Duration::from_millis(1))
    }

    fn place(self, moment: Timestamp) -> f64 {
        (moment.since(self.begin).as_secs_f64() / self.whole.as_secs_f64()).min(1.0) * 100.0
    }
}

fn round(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

fn label(after: Duration) -> String {
    match (after.as_secs(), after.subsec_millis()) {
        (0, 0) => "0".to_owned(),
        (0, millis) => format!("{millis} ms"),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, millis) => format!("{seconds}.{} s", millis / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn after(millis: u64) -> Timestamp {
        BEGIN + Duration::from_millis(millis)
    }

    #[test]
    fn what_took_a_quarter_of_the_time_is_a_quarter_of_the_line_and_what_was_short_is_still_seen() {
        let scale = Scale::between(BEGIN, after(8_000));
        let called = scale.stretch("called", (after(4_000), Some(after(6_000))), after(8_000));
        assert_eq!((called.left, called.width, called.took.as_str()), (50.0, 25.0, "2.0 s"));
        let settled = scale.stretch("settling", (after(8_000), Some(after(8_000))), after(8_000));
        assert_eq!((settled.left, settled.width), (99.65, 0.35));
        let open = scale.stretch("queued", (BEGIN, None), after(8_000));
        assert!(open.open && (open.width - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn lines_stand_at_round_times() {
        let texts = |whole| {
            let ticks = Scale::between(BEGIN, after(whole)).ticks();
            ticks.into_iter().map(|tick| tick.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(8_400), "0 2 s 4 s 6 s 8 s");
        assert_eq!(texts(430), "0 100 ms 200 ms 300 ms 400 ms");
        assert_eq!(texts(2_100), "0 500 ms 1 s 1.5 s 2 s");
        assert_eq!(texts(0), "0");
        assert!(texts(10_000_000).split(" s").count() < 11);
    }
}
