//! When a fault strikes.

use std::fmt;

use serde::Deserialize;

use super::{
    fault::{Fault, Parameters},
    keyring::label,
    span::Span,
};
use crate::chance::Chance;

/// A fault, and which arrivals it strikes.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Table")]
pub(crate) struct Rule {
    key: Option<KeyName>,
    model: Option<String>,
    prompt_contains: Option<String>,
    occurrence: Occurrence,
    fault: Fault,
}

/// A key, by its name or as a whole.
#[derive(Clone, Deserialize)]
struct KeyName(String);

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&label(&self.0))
    }
}

/// Which of the arrivals that match are struck, counted from 1.
#[derive(Debug, Clone, Copy)]
enum Occurrence {
    All,
    Nth(u64),
    Every(u64),
    First(u64),
    Chance { probability: f64, seed: u64 },
}

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The key as it came.
    pub(crate) key: &'a str,
    /// What the key is called.
    pub(crate) label: &'a str,
    pub(crate) model: &'a str,
    pub(crate) prompt: &'a str,
}

impl Rule {
    fn matches(&self, call: Call<'_>) -> bool {
        let is = |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|wanted| wanted == given);
        let by_key = |KeyName(wanted): &KeyName| wanted == call.label || wanted == call.key;
        self.key.as_ref().is_none_or(by_key)
            && is(&self.model, call.model)
            && self.prompt_contains.as_ref().is_none_or(|wanted| call.prompt.contains(wanted))
    }
}

impl Occurrence {
    /// Whether the arrival that is the `count`th to match is struck.
    fn strikes(self, count: u64) -> bool {
        match self {
            Self::All => true,
            Self::Nth(nth) => count == nth,
            Self::Every(every) => count.is_multiple_of(every),
            Self::First(first) => count <= first,
            Self::Chance { probability, seed } => {
                Chance::new(seed ^ count.rotate_left(32)).fraction() < probability
            }
        }
    }
}

/// The rules in force, each with the number of arrivals that have matched it.
#[derive(Debug, Default)]
pub(crate) struct Rulebook(Vec<(Rule, u64)>);

impl Rulebook {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self(rules.into_iter().map(|rule| (rule, 0)).collect())
    }

    /// Puts a rule before the others.
    pub(crate) fn put_first(&mut self, rule: Rule) {
        self.0.insert(0, (rule, 0));
    }

    /// The fault of the first rule that strikes this call. Every rule that matches counts the call, also
    /// where an earlier one strikes.
    pub(crate) fn strike(&mut self, call: Call<'_>) -> Option<Fault> {
        let mut struck = None;
        for (rule, count) in &mut self.0 {
            if rule.matches(call) {
                *count += 1;
                if struck.is_none() && rule.occurrence.strikes(*count) {
                    struck = Some(rule.fault.clone());
                }
            }
        }
        struck
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "match", default)]
    conditions: Conditions,
    fault: String,
    retry_after: Option<Span>,
    bytes_per_second: Option<u32>,
    bytes: Option<usize>,
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    key: Option<KeyName>,
    model: Option<String>,
    prompt_contains: Option<String>,
    nth: Option<u64>,
    every: Option<u64>,
    first: Option<u64>,
    probability: Option<f64>,
    seed: Option<u64>,
}

impl TryFrom<Table> for Rule {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, Self::Error> {
        let occurrence = table.conditions.occurrence()?;
        let Conditions { key, model, prompt_contains, .. } = table.conditions;
        let parameters = Parameters {
            retry_after: table.retry_after.map(|span| span.0),
            bytes_per_second: table.bytes_per_second,
            bytes: table.bytes,
            reason: table.reason,
        };
        let fault = Fault::named(&table.fault, parameters)?;
        Ok(Self { key, model, prompt_contains, occurrence, fault })
    }
}

impl Conditions {
    fn occurrence(&self) -> Result<Occurrence, String> {
        if self.seed.is_some() && self.probability.is_none() {
            return Err("seed makes sense with probability only".to_owned());
        }
        match (self.nth, self.every, self.first, self.probability) {
            (None, None, None, None) => Ok(Occurrence::All),
            (Some(nth), None, None, None) if nth > 0 => Ok(Occurrence::Nth(nth)),
            (None, Some(every), None, None) if every > 0 => Ok(Occurrence::Every(every)),
            (None, None, Some(first), None) => Ok(Occurrence::First(first)),
            (None, None, None, Some(probability)) if (0.0..=1.0).contains(&probability) => {
                Ok(Occurrence::Chance { probability, seed: self.seed.unwrap_or_default() })
            }
            _ => Err("give one of nth and every, from 1; first; and probability, from 0 to 1".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(conditions: &str, calls: &[Call<'_>]) -> Vec<bool> {
        let rule = format!("fault = 'internal'\nmatch = {{ {conditions} }}");
        let mut rules = Rulebook::new(vec![toml::from_str(&rule).unwrap()]);
        calls.iter().map(|call| rules.strike(*call).is_some()).collect()
    }

    fn call<'a>(key: &'a str, model: &'a str, prompt: &'a str) -> Call<'a> {
        Call { key, label: key, model, prompt }
    }

    #[test]
    fn occurrences_count_only_what_matches() {
        let calls = ["cat", "dog", "cat", "cat", "dog", "cat"].map(|prompt| call("key", "model", prompt));
        for (conditions, expected) in [
            ("", [1, 1, 1, 1, 1, 1]),
            ("prompt_contains = 'cat'", [1, 0, 1, 1, 0, 1]),
            ("prompt_contains = 'cat', nth = 2", [0, 0, 1, 0, 0, 0]),
            ("prompt_contains = 'cat', every = 2", [0, 0, 1, 0, 0, 1]),
            ("prompt_contains = 'cat', first = 2", [1, 0, 1, 0, 0, 0]),
            ("key = 'other'", [0, 0, 0, 0, 0, 0]),
            ("model = 'model', nth = 6", [0, 0, 0, 0, 0, 1]),
        ] {
            assert_eq!(struck(conditions, &calls), expected.map(|hit| hit == 1), "{conditions}");
        }
    }

    #[test]
    fn chance_is_near_its_probability_and_fixed_by_its_seed() {
        let calls = vec![call("key", "model", ""); 1000];
        let first = struck("probability = 0.3, seed = 7", &calls);
        assert_eq!(first, struck("probability = 0.3, seed = 7", &calls));
        assert_ne!(first, struck("probability = 0.3, seed = 8", &calls));
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn the_first_rule_that_strikes_wins_and_every_rule_counts() {
        let rule = |text: &str| toml::from_str::<Rule>(text).unwrap();
        let mut rules = Rulebook::new(vec![
            rule("fault = 'internal'\nmatch = { first = 1 }"),
            rule("fault = 'unavailable'\nmatch = { first = 2 }"),
        ]);
        let mut names = || rules.strike(call("key", "model", "")).map(|fault| fault.name);
        assert_eq!([names(), names(), names()], [Some("internal"), Some("unavailable"), None]);
    }
}
