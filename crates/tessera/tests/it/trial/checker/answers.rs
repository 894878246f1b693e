//! What clients got, beside what was paid for.

use std::collections::HashMap;

use super::{Findings, Rule};
use crate::trial::record::{Answer, Call, Record};

/// The most calls for one picture.
const MOST_ATTEMPTS: usize = 3;

/// Holds every answer against the calls that were made for it.
pub(super) fn check(record: &Record, found: &mut Findings) {
    let mut calls: HashMap<&str, Vec<&Call>> = HashMap::new();
    for call in &record.calls {
        calls.entry(&call.prompt).or_default().push(call);
    }
    for answer in &record.answers {
        check_one(answer, calls.get(answer.prompt.as_str()).map_or(&[], Vec::as_slice), found);
        if answer.took() > record.deadline {
            found.note(Rule::InTime, format!("{} was answered after {:?}", answer.prompt, answer.took()));
        }
    }
}

fn check_one(answer: &Answer, calls: &[&Call], found: &mut Findings) {
    let Answer { prompt, wanted, delivered, end, .. } = answer;
    let most = *wanted as usize * MOST_ATTEMPTS;
    if calls.len() > most {
        found.note(Rule::Attempts, format!("{prompt}: {} calls for {wanted} pictures", calls.len()));
    }
    let billed = u32::try_from(calls.iter().filter(|call| call.billed).count()).unwrap_or(u32::MAX);
    let is_right = if answer.is_clear() { billed == *delivered } else { billed >= *delivered };
    if !is_right || billed > *wanted {
        let what =
            format!("{prompt}: {delivered} of {wanted} pictures came, {billed} were paid for; {end:?}");
        found.note(Rule::Bill, what);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::FailureKind;

    use super::super::scene::Scene;
    use super::*;
    use crate::trial::record::End;

    #[test]
    fn more_than_three_calls_for_a_picture_are_found() {
        let mut scene = Scene::default();
        for _ in 0..6 {
            scene.leased_call("r").billed = false;
        }
        scene.answer("r", 2, 0, End::Finished(vec![FailureKind::UpstreamOverloaded; 2]));
        assert_eq!(scene.breaks(check), []);
        scene.call("r").billed = false;
        assert_eq!(scene.breaks(check), [Rule::Attempts]);
    }

    #[test]
    fn a_picture_that_was_paid_for_and_did_not_come_must_be_warned_of() {
        let mut scene = Scene::default();
        scene.call("r");
        scene.answer("r", 1, 0, End::Finished(vec![FailureKind::UpstreamMalformed]));
        assert_eq!(scene.breaks(check), []);
        scene.record.answers[0].end = End::Finished(vec![FailureKind::UpstreamOverloaded]);
        assert_eq!(scene.breaks(check), [Rule::Bill]);
        scene.record.answers[0].end = End::Broken;
        assert_eq!(scene.breaks(check), []);
    }

    #[test]
    fn a_picture_is_paid_for_once_even_where_nobody_heard_the_answer() {
        let mut scene = Scene::default();
        scene.call("r");
        scene.call("r");
        scene.answer("r", 1, 0, End::Broken);
        assert_eq!(scene.breaks(check), [Rule::Bill]);
    }

    #[test]
    fn an_answer_that_comes_too_late_is_found_however_it_ended() {
        let mut scene = Scene::default();
        scene.answer("r", 1, 0, End::Broken);
        scene.record.answers[0].ended = scene.now + scene.record.deadline;
        assert_eq!(scene.breaks(check), []);
        scene.record.answers[0].ended = scene.now + scene.record.deadline + Duration::from_millis(1);
        assert_eq!(scene.breaks(check), [Rule::InTime]);
    }

    #[test]
    fn a_picture_out_of_nowhere_is_found() {
        let mut scene = Scene::default();
        scene.answer("r", 1, 1, End::Finished(vec![]));
        assert_eq!(scene.breaks(check), [Rule::Bill]);
    }
}
