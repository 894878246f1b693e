//! What the ledger told last of every account, and what of it is news.

use std::collections::{BTreeMap, HashMap};

use domain::{
    Timestamp,
    standing::{AccountStanding, StandingsEvent},
};

use super::{
    Whole,
    pace::Pace,
    row::{Change, Row},
};
use crate::console::refusals::Refusals;

/// Every account with every model.
pub(crate) struct Board {
    rows: BTreeMap<u32, Line>,
    /// The number of a model and an account. It stays while this process lives, though they go and come back.
    numbers: HashMap<(String, String), u32>,
    /// The ledger's moment when it last told, and ours then.
    told: (Timestamp, Timestamp),
    away: Option<String>,
}

/// One account with one model.
struct Line {
    row: Row,
    pace: Pace,
    standing: AccountStanding,
}

/// What an event changed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Rows that are new, or other altogether.
    pub(crate) fresh: Vec<u32>,
    /// Rows that are partly other.
    pub(crate) changes: Vec<Change>,
    /// Rows that are no more.
    pub(crate) gone: Vec<u32>,
}

impl Board {
    /// A board of which nothing is known.
    pub(crate) fn new() -> Self {
        let away = Some("the ledger has not told anything yet".to_owned());
        Self { rows: BTreeMap::new(), numbers: HashMap::new(), told: <_>::default(), away }
    }

    /// Takes what the ledger told, at this moment of ours; beside it goes what providers said.
    pub(crate) fn take(&mut self, event: &StandingsEvent, refusals: &Refusals, here: Timestamp) -> News {
        (self.told, self.away) = ((event.now, here), None);
        let mut before = if event.whole { std::mem::take(&mut self.rows) } else { BTreeMap::new() };
        let mut news = News::default();
        for (account, model) in &event.gone {
            let number = self.number(account.as_str(), model);
            if self.rows.remove(&number).is_some() {
                news.gone.push(number);
            }
        }
        for standing in &event.standings {
            let number = self.number(standing.account.as_str(), &standing.model);
            let known = before.remove(&number).or_else(|| self.rows.remove(&number));
            let words = refusals.words(standing);
            self.place(number, (standing, words), known, event.now, &mut news);
        }
        news
    }

    fn place(
        &mut self,
        number: u32,
        (standing, words): (&AccountStanding, Option<String>),
        known: Option<Line>,
        now: Timestamp,
        news: &mut News,
    ) {
        let (before, mut pace) = known.map_or((None, Pace::default()), |line| (Some(line.row), line.pace));
        let mut row = Row::of(number, standing, words);
        pace.note(row.used_in_day(), now);
        row.pace(pace.per_hour(row.used_in_day(), now));
        match before.and_then(|before| row.since(&before)) {
            Some(change) if change.is_empty() => {}
            Some(change) => news.changes.push(change),
            None => news.fresh.push(number),
        }
        self.rows.insert(number, Line { row, pace, standing: standing.clone() });
    }

    /// Takes what providers said meanwhile; answers which rows have other words.
    pub(crate) fn reword(&mut self, refusals: &Refusals) -> Vec<Change> {
        let others = self.rows.iter_mut().filter_map(|(number, Line { row, standing, .. })| {
            let words = refusals.words(standing);
            row.words(words.clone()).then(|| Change::words(*number, words))
        });
        others.collect()
    }

    /// Reckons every pace anew; answers which are others.
    pub(crate) fn reckon(&mut self, here: Timestamp) -> Vec<Change> {
        let (told, then) = self.told;
        let now = told + here.since(then);
        let others = self.rows.iter_mut().filter_map(|(number, Line { row, pace, .. })| {
            pace.note(row.used_in_day(), now);
            let per_hour = pace.per_hour(row.used_in_day(), now);
            row.pace(per_hour).then(|| Change::pace(*number, per_hour))
        });
        others.collect()
    }

    /// Nothing is told any more; answers whether that is new.
    pub(crate) fn lose(&mut self, why: &str) -> bool {
        self.away.replace(why.to_owned()).as_deref() != Some(why)
    }

    /// A row.
    pub(crate) fn row(&self, number: u32) -> Option<&Row> {
        self.rows.get(&number).map(|line| &line.row)
    }

    /// The ledger's moment when it last told, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.told.0.as_millis()
    }

    /// Everything, as it is told.
    pub(crate) fn whole(&self) -> Whole<'_> {
        let rows = self.rows.values().map(|line| &line.row).collect();
        Whole { now: self.now(), away: self.away.as_deref(), rows }
    }

    fn number(&mut self, account: &str, model: &str) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry((account.to_owned(), model.to_owned())).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{
        AccountId, ProjectId, Provider, Tier,
        activity::Refusal,
        lease::Quota,
        standing::{Cooldown, Hindrance, WindowUse},
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_043_200_000);

    fn standing(account: &str, used: u32) -> AccountStanding {
        let window = |quota, configured| WindowUse { quota, used, configured, learned: None, resets_at: NOW };
        AccountStanding {
            account: AccountId::new(account).unwrap(),
            model: "m".into(),
            provider: Provider::Gemini,
            project: ProjectId::new("p").unwrap(),
            tier: Tier::Pro,
            enabled: true,
            windows: vec![
                window(Quota::RequestsPerMinute, 20),
                window(Quota::ImagesPerMinute, 20),
                window(Quota::RequestsPerDay, 250),
            ],
            in_flight: 0,
            concurrent: 8,
            setbacks: 0,
            cooldown: None,
            hindrance: None,
            leasable_at: None,
        }
    }

    fn event(whole: bool, standings: Vec<AccountStanding>) -> StandingsEvent {
        StandingsEvent { now: NOW, whole, standings, gone: Vec::new() }
    }

    impl Board {
        fn tell(&mut self, event: &StandingsEvent) -> News {
            self.take(event, &Refusals::new(), NOW)
        }
    }

    fn json(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn of_a_change_only_what_is_other_is_told() {
        let mut board = Board::new();
        let news = board.tell(&event(true, vec![standing("a", 1), standing("b", 1)]));
        assert_eq!(news.fresh, [0, 1]);
        let mut busy = standing("b", 1);
        (busy.in_flight, busy.hindrance) = (8, Some(Hindrance::AllInFlight));
        let news = board.tell(&event(false, vec![standing("a", 1), busy]));
        assert_eq!(json(&news.changes), r#"[{"id":1,"in_flight":8,"why":"all_in_flight"}]"#);
        let news = board.tell(&event(false, vec![standing("b", 2)]));
        assert_eq!(json(&news.changes), r#"[{"id":1,"used":[2,2,2],"in_flight":0,"why":null}]"#);
    }

    #[test]
    fn an_account_that_goes_and_comes_back_keeps_its_number_and_one_of_another_project_is_told_whole() {
        let mut board = Board::new();
        board.tell(&event(true, vec![standing("a", 1), standing("b", 1)]));
        let gone = vec![(AccountId::new("a").unwrap(), "m".to_owned())];
        let news = board.tell(&StandingsEvent { gone, ..event(false, Vec::new()) });
        assert_eq!((news.gone, board.whole().rows.len()), (vec![0], 1));
        let mut moved = standing("b", 1);
        moved.project = ProjectId::new("other").unwrap();
        let news = board.tell(&event(false, vec![standing("a", 1), moved]));
        assert_eq!((news.fresh, news.changes), (vec![0, 1], Vec::new()));
        board.tell(&event(true, vec![standing("b", 1)]));
        assert_eq!(board.whole().rows.len(), 1, "a whole picture makes void what was");
    }

    #[test]
    fn a_pace_goes_down_while_nothing_happens() {
        let mut board = Board::new();
        board.tell(&event(true, vec![standing("a", 120)]));
        assert!(json(&board.whole()).contains("\"pace\":10"));
        let changes = board.reckon(NOW + Duration::from_hours(1));
        assert_eq!(json(&changes), r#"[{"id":0,"pace":0}]"#);
        assert!(board.reckon(NOW + Duration::from_hours(1)).is_empty());
    }

    #[test]
    fn a_cooldown_has_the_providers_words_whichever_is_heard_first() {
        let (mut board, refusals) = (Board::new(), Refusals::new());
        let mut resting = standing("a", 1);
        let reason = Hindrance::CredentialRejected;
        (resting.cooldown, resting.hindrance) = (Some(Cooldown { reason, until: NOW }), Some(reason));
        board.take(&event(true, vec![resting.clone(), standing("b", 1)]), &refusals, NOW);
        refusals.note(Refusal {
            at: NOW,
            account: AccountId::new("a").unwrap(),
            project: ProjectId::new("p").unwrap(),
            provider: Provider::Gemini,
            model: "other".into(),
            outcome: "credential_rejected".parse().unwrap(),
            words: "403 suspended".into(),
        });
        assert_eq!(json(&board.reword(&refusals)), r#"[{"id":0,"words":"403 suspended"}]"#);
        assert!(board.reword(&refusals).is_empty());
        let news = board.take(&event(false, vec![standing("a", 1)]), &refusals, NOW);
        assert!(json(&news.changes).contains(r#""words":null"#), "{news:?}");
        let news = board.take(&event(false, vec![resting]), &refusals, NOW);
        assert!(json(&news.changes).contains(r#""words":"403 suspended""#), "{news:?}");
    }
}
