//! An account's use of a model, as browsers are told: all of it once, then what is other.

use domain::{
    lease::Quota,
    standing::{AccountStanding, Hindrance, WindowUse},
};
use serde::Serialize;

/// All of it. What a browser shows of it is called the same in the scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Its number, which stays its own.
    pub(crate) id: u32,
    account: String,
    model: String,
    provider: &'static str,
    project: String,
    tier: &'static str,
    #[serde(flatten)]
    state: State,
}

/// What changes. Of three windows each: requests a minute, pictures a minute, requests a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct State {
    enabled: bool,
    used: [u32; 3],
    configured: [u32; 3],
    learned: [Option<u32>; 3],
    /// When the minute and the day are empty again, in milliseconds.
    resets: [u64; 2],
    in_flight: u32,
    concurrent: u32,
    setbacks: u32,
    /// What rests it, and until when.
    cooling: Option<(&'static str, u64)>,
    /// What the provider said when it began that.
    words: Option<String>,
    /// Why it cannot be leased now.
    why: Option<&'static str>,
    /// When it can be leased again.
    free_at: Option<u64>,
    /// How many requests of its day's quota an hour uses, at the present pace.
    pace: u32,
}

/// What is other; an absent field is as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<[u32; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configured: Option<[u32; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<[Option<u32>; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets: Option<[u64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setbacks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cooling: Option<Said<(&'static str, u64)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Said<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Said<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_at: Option<Said<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pace: Option<u32>,
}

/// What is there, or that nothing is there any more: `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct Said<T>(Option<T>);

impl Row {
    /// The row of a standing, beside which these words of the provider stand. It has no pace yet.
    pub(crate) fn of(id: u32, standing: &AccountStanding, words: Option<String>) -> Self {
        Self {
            id,
            account: standing.account.to_string(),
            model: standing.model.clone(),
            provider: standing.provider.as_str(),
            project: standing.project.to_string(),
            tier: standing.tier.as_str(),
            state: State::of(standing, words),
        }
    }

    /// How many requests of the day's quota are used.
    pub(crate) fn used_in_day(&self) -> u32 {
        self.state.used[2]
    }

    /// Takes another pace; answers whether it is another.
    pub(crate) fn pace(&mut self, pace: u32) -> bool {
        std::mem::replace(&mut self.state.pace, pace) != pace
    }

    /// Takes other words; answers whether they are other.
    pub(crate) fn words(&mut self, words: Option<String>) -> bool {
        let other = self.state.words != words;
        self.state.words = words;
        other
    }

    /// What is other than it was `before`; nothing where everything else than moments is the same. `None` where it is
    /// another account altogether.
    pub(crate) fn since(&self, before: &Self) -> Option<Change> {
        let same = |row: &Self| (row.provider, row.project.clone(), row.tier);
        (same(self) == same(before)).then(|| Change::between(self.id, &before.state, &self.state))
    }
}

impl State {
    fn of(standing: &AccountStanding, words: Option<String>) -> Self {
        let window = |quota| standing.windows.iter().find(|window| window.quota == quota);
        let windows =
            [window(Quota::RequestsPerMinute), window(Quota::ImagesPerMinute), window(Quota::RequestsPerDay)];
        let each = |tell: fn(&WindowUse) -> u32| windows.map(|window| window.map_or(0, tell));
        let resets = windows.map(|window| window.map_or(0, |window| window.resets_at.as_millis()));
        Self {
            enabled: standing.enabled,
            used: each(|window| window.used),
            configured: each(|window| window.configured),
            learned: windows.map(|window| window?.learned),
            resets: [resets[0], resets[2]],
            in_flight: standing.in_flight,
            concurrent: standing.concurrent,
            setbacks: standing.setbacks,
            cooling: standing.cooldown.map(|cooldown| (cooldown.reason.as_str(), cooldown.until.as_millis())),
            words,
            why: standing.hindrance.map(Hindrance::as_str),
            free_at: standing.leasable_at.map(domain::Timestamp::as_millis),
            pace: 0,
        }
    }
}

impl Change {
    fn between(id: u32, before: &State, after: &State) -> Self {
        fn other<T: Copy + PartialEq>(before: T, after: T) -> Option<T> {
            (before != after).then_some(after)
        }
        Self {
            id,
            enabled: other(before.enabled, after.enabled),
            used: other(before.used, after.used),
            configured: other(before.configured, after.configured),
            learned: other(before.learned, after.learned),
            resets: other(before.resets, after.resets),
            in_flight: other(before.in_flight, after.in_flight),
            concurrent: other(before.concurrent, after.concurrent),
            setbacks: other(before.setbacks, after.setbacks),
            cooling: other(before.cooling, after.cooling).map(Said),
            words: (before.words != after.words).then(|| Said(after.words.clone())),
            why: other(before.why, after.why).map(Said),
            free_at: other(before.free_at, after.free_at).map(Said),
            pace: other(before.pace, after.pace),
        }
    }

    /// Of a row that only got another pace.
    pub(crate) fn pace(id: u32, pace: u32) -> Self {
        Self { id, pace: Some(pace), ..Self::default() }
    }

    /// Of a row that only got other words.
    pub(crate) fn words(id: u32, words: Option<String>) -> Self {
        Self { id, words: Some(Said(words)), ..Self::default() }
    }

    /// Whether nothing is other.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self { id: self.id, ..Self::default() }
    }
}
