//! The provider's windows, by its own arrival log: every call counts, whatever became of it.

use std::collections::BTreeMap;

use domain::{Limits, PacificDay, Timestamp, lease::term};

use super::{Findings, Rule};
use crate::trial::record::Record;

/// Holds every project and model against its limits.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let mut domains: BTreeMap<(&str, &str), Vec<Timestamp>> = BTreeMap::new();
    for call in &record.calls {
        domains.entry((&call.project, &call.model)).or_default().push(call.at);
    }
    for ((project, model), mut times) in domains {
        let Some(limits) = record.projects.get(project) else { continue };
        times.sort_unstable();
        let name = format!("{project}/{model}");
        // A call asks for one picture.
        check_minute(&name, &times, Rule::RequestsPerMinute, limits.requests_per_minute, found);
        check_minute(&name, &times, Rule::ImagesPerMinute, limits.images_per_minute, found);
        check_days(&name, &times, *limits, found);
    }
}

fn check_minute(domain: &str, times: &[Timestamp], rule: Rule, limit: u32, found: &mut Findings) {
    let limit = limit as usize;
    for (first, one_too_many) in times.iter().zip(times.iter().skip(limit)) {
        let apart = one_too_many.since(*first);
        if apart < term::MINUTE {
            let what =
                format!("{domain}: {} in {} ms, {limit} allowed a minute", limit + 1, apart.as_millis());
            // One is enough: those that follow are mostly the same again.
            return found.note(rule, format!("{what}, from {} ms", first.as_millis()));
        }
    }
}

fn check_days(domain: &str, times: &[Timestamp], limits: Limits, found: &mut Findings) {
    let mut days: BTreeMap<Timestamp, u32> = BTreeMap::new();
    for time in times {
        *days.entry(PacificDay::of(*time).start).or_default() += 1;
    }
    for (day, count) in days {
        if count > limits.requests_per_day {
            let what = format!("{domain}: {count} on the day of {day}, {} allowed", limits.requests_per_day);
            found.note(Rule::RequestsPerDay, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::scene::Scene;
    use super::*;

    #[test]
    fn one_call_too_many_in_any_minute_is_found_whatever_became_of_it() {
        let mut scene = Scene::with_limits(Limits::new(3, 9, 99, 9));
        for second in [0, 20, 40, 60, 80] {
            scene.at(second * 1000).call("r");
        }
        assert_eq!(scene.breaks(check), []);
        scene.at(99_999).call("r").status = Some(429);
        assert_eq!(scene.breaks(check), [Rule::RequestsPerMinute]);
    }

    #[test]
    fn pictures_are_counted_beside_requests() {
        let mut scene = Scene::with_limits(Limits::new(9, 2, 99, 9));
        for millis in [0, 59_000, 59_999] {
            scene.at(millis).call("r");
        }
        assert_eq!(scene.breaks(check), [Rule::ImagesPerMinute]);
    }

    #[test]
    fn models_and_projects_have_windows_of_their_own() {
        let mut scene = Scene::with_limits(Limits::new(1, 1, 9, 9));
        scene.call("r");
        scene.call("r").model = "another".into();
        scene.call("r").project = "q".into();
        scene.record.projects.insert("q".into(), Limits::new(1, 1, 9, 9));
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn one_call_too_many_in_a_day_is_found_and_midnight_begins_another() {
        let mut scene = Scene::with_limits(Limits::new(99, 99, 2, 9));
        let midnight = PacificDay::of(scene.now).end;
        for before in [5, 4] {
            scene.now = midnight - Duration::from_secs(before);
            scene.call("r");
        }
        scene.now = midnight;
        scene.call("r");
        assert_eq!(scene.breaks(check), []);
        scene.now = midnight - Duration::from_millis(1);
        scene.call("r");
        assert_eq!(scene.breaks(check), [Rule::RequestsPerDay]);
    }
}
