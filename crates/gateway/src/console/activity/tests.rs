//! What services tell of requests, put together.

use domain::{
    AspectRatio, ClientId, ImageCount, PictureSpec, RequestId, Resolution,
    activity::{RequestEnd, RequestOutcome, RequestRecord},
    standing::Hindrance,
};

use super::*;
use crate::console::refusals::tests::{refusal, resting};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn known(services: &[&str]) -> Known {
    let replicas = services.iter().map(|name| (Arc::from(*name), Replica::default())).collect();
    let (recent, waiting) = (Recent::default(), Gauge::default());
    let refusals = Arc::new(Refusals::new());
    Known { recent, hour: Hour::since(START), waiting, refusals, replicas }
}

/// A request that began at a second and ended at another, if it has.
fn request(id: &str, begun: u64, ended: Option<u64>) -> RequestRecord {
    RequestRecord {
        id: RequestId::new(id).unwrap(),
        trace: None,
        client: ClientId::new("studio").unwrap(),
        dialect: None,
        model: "m".into(),
        spec: PictureSpec { aspect_ratio: AspectRatio::SQUARE, resolution: Resolution::K4 },
        count: ImageCount::new(1).unwrap(),
        prompt: None,
        begun_at: at(begun),
        end: ended.map(|ended| RequestEnd { at: at(ended), outcome: RequestOutcome::Abandoned }),
        pictures: Vec::new(),
    }
}

impl Known {
    fn tell(&mut self, service: &str, now: u64, whole: bool, requests: Vec<RequestRecord>) {
        let event = ActivityEvent { now: at(now), whole, waiting: 0, requests, refusals: Vec::new() };
        self.take(&service.into(), event, at(now));
    }

    fn counted(&self) -> u64 {
        self.hour.requests()
    }
}

#[test]
fn a_request_is_counted_once_though_its_service_tells_everything_again() {
    let mut known = known(&["one"]);
    known.tell("one", 0, true, vec![]);
    known.tell(
        "one",
        9,
        false,
        vec![request("a", 1, None), request("b", 2, Some(8)), request("c", 3, Some(9))],
    );
    assert_eq!(known.counted(), 2);
    // It had gone away; meanwhile one more came and ended.
    known.recent = Recent::default();
    let all = vec![
        request("a", 1, Some(11)),
        request("b", 2, Some(8)),
        request("c", 3, Some(9)),
        request("d", 10, Some(12)),
    ];
    known.tell("one", 13, true, all.clone());
    assert_eq!(known.counted(), 4, "a and d are new");
    known.tell("one", 14, true, all);
    assert_eq!(known.counted(), 4);
}

#[test]
fn what_was_over_before_the_console_began_is_shown_and_not_counted() {
    let mut known = known(&["one"]);
    let mut before = request("a", 0, Some(0));
    before.end = before.end.map(|end| RequestEnd { at: START - Duration::from_secs(1), ..end });
    known.tell("one", 1, true, vec![before]);
    assert_eq!((known.counted(), known.recent.rows().len()), (0, 1));
}

#[test]
fn what_is_in_flight_goes_with_the_service_that_tells_it_no_more() {
    let mut known = known(&["one", "two"]);
    known.tell("one", 0, true, vec![request("a", 0, None), request("b", 0, Some(1))]);
    known.tell("two", 0, true, vec![request("c", 0, None)]);
    assert_eq!(known.recent.news().unwrap().rows.len(), 3);
    known.tell("one", 5, true, vec![request("b", 0, Some(1))]);
    let news = known.recent.news().unwrap();
    assert_eq!((news.gone, known.recent.rows().len()), (vec!["a".to_owned()], 2));
}

#[test]
fn times_of_a_clock_that_is_wrong_are_written_as_ours() {
    let mut known = known(&["late"]);
    let event =
        |whole, requests| ActivityEvent { now: at(0), whole, waiting: 0, requests, refusals: Vec::new() };
    known.take(&"late".into(), event(true, vec![request("a", 0, Some(3))]), at(600));
    let record = &known.recent.get("a").unwrap().record;
    assert_eq!((record.begun_at, record.end.unwrap().at), (at(600), at(603)));
}

#[test]
fn of_two_refusals_the_later_counts_though_a_clock_is_wrong() {
    let mut known = known(&["fast", "right"]);
    let hour = Duration::from_hours(1);
    for (service, now, words) in [("fast", at(1) + hour, "before"), ("right", at(2), "later")] {
        let refusal = Refusal { at: now, ..refusal("a", "forbidden", 0, words) };
        let event =
            ActivityEvent { now, whole: true, waiting: 0, requests: Vec::new(), refusals: vec![refusal] };
        known.take(&service.into(), event, if service == "fast" { at(1) } else { at(2) });
    }
    let words = known.refusals.words(&resting("a", "m", Hindrance::Forbidden));
    assert_eq!(words.as_deref(), Some("later"));
}

#[test]
fn of_those_that_are_over_the_last_thousand_are_remembered() {
    let mut known = known(&["one"]);
    let all = (0..1_200).map(|number| request(&format!("r{number}"), number, Some(number))).collect();
    known.tell("one", 0, true, all);
    assert_eq!((known.recent.rows().len(), known.recent.get("r199").is_none()), (1_000, true));
    assert!(known.recent.get("r200").is_some());
    assert_eq!(known.recent.news().unwrap().rows.len(), 1_000);
}

#[test]
fn browsers_are_told_rows_that_are_other_and_of_the_rest_only_which() {
    let mut known = known(&["one"]);
    known.tell("one", 0, true, vec![request("a", 0, None)]);
    assert_eq!(known.recent.news().unwrap().rows.len(), 1);
    known.tell("one", 1, false, vec![request("a", 0, None)]);
    let news = known.recent.news().unwrap();
    assert_eq!((news.rows.len(), news.others()), (0, vec!["a"]));
    assert!(known.recent.news().is_none());
}
