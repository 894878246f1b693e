//! What a test made of a mutation.

use std::{collections::BTreeSet, time::Duration};

use super::table::Mutation;

/// How a mutation fared.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    found: Found,
    took: Duration,
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// By these of the rules that it must be caught by; none where a failure is enough.
    Caught(BTreeSet<String>),
    /// The test failed, but for these reasons.
    Otherwise(BTreeSet<String>),
    /// The test passed.
    Nothing,
}

impl Verdict {
    /// Judges what the test printed.
    pub(super) fn of(mutation: &Mutation, passed: bool, output: &str, took: Duration) -> Self {
        let broken: BTreeSet<String> = output.lines().filter_map(rule).map(str::to_owned).collect();
        let expected = broken.iter().filter(|rule| mutation.rules.contains(&rule.as_str()));
        let expected: BTreeSet<_> = expected.cloned().collect();
        let found = if passed {
            Found::Nothing
        } else if mutation.rules.is_empty() || !expected.is_empty() {
            Found::Caught(expected)
        } else {
            Found::Otherwise(broken)
        };
        Self { found, took }
    }

    /// Whether it was noticed for what it is.
    pub(super) fn is_caught(&self) -> bool {
        matches!(self.found, Found::Caught(_))
    }

    /// A line for people.
    pub(super) fn told_of(&self, mutation: &Mutation) -> String {
        let list = |rules: &BTreeSet<String>| rules.iter().cloned().collect::<Vec<_>>().join(", ");
        let told = match &self.found {
            Found::Caught(rules) if rules.is_empty() => format!("caught by {}", mutation.test.name),
            Found::Caught(rules) => format!("caught by {}", list(rules)),
            Found::Otherwise(rules) => {
                format!(
                    "NOT CAUGHT: the test failed, but not by {} ({})",
                    mutation.rules.join(" or "),
                    list(rules)
                )
            }
            Found::Nothing => format!("NOT CAUGHT: {} passed", mutation.test.name),
        };
        format!("{:<32} {:>4} s  {told}", mutation.name, self.took.as_secs())
    }
}

/// The rule that a line says was broken, as the trial prints it: `VIOLATION Rule: …`, or `"Rule: …"` in a list.
fn rule(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let told = line.strip_prefix("VIOLATION ").or_else(|| line.strip_prefix('"'))?;
    let (rule, _) = told.split_once(": ")?;
    let is_name = rule.starts_with(char::is_uppercase) && rule.chars().all(char::is_alphabetic);
    is_name.then_some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::table::{CHAOS, OUTBOX};

    const MUTATION: Mutation = Mutation {
        name: "m",
        what: "w",
        file: "f",
        text: "t",
        instead: "i",
        test: &CHAOS,
        rules: &["Bill", "Rest"],
    };

    fn found(mutation: &Mutation, passed: bool, output: &str) -> Found {
        Verdict::of(mutation, passed, output, Duration::ZERO).found
    }

    #[test]
    fn a_failure_counts_only_where_it_names_a_rule_that_was_broken() {
        let rules = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let output =
            "VIOLATION Bill: p: 1 of 1\n    \"Concurrent: gemini/p/m: 4\",\nVIOLATION at rest, Rest: x\n";
        assert_eq!(found(&MUTATION, false, output), Found::Caught(rules(&["Bill"])));
        assert_eq!(
            found(&MUTATION, false, "\"Concurrent: 4 active\""),
            Found::Otherwise(rules(&["Concurrent"]))
        );
        assert_eq!(found(&MUTATION, false, "thread panicked: Bill: no"), Found::Otherwise(rules(&[])));
        assert_eq!(found(&MUTATION, true, output), Found::Nothing);
    }

    #[test]
    fn a_test_of_one_claim_needs_no_rule() {
        let mutation = Mutation { test: &OUTBOX, rules: &[], ..MUTATION };
        assert_eq!(found(&mutation, false, "assertion failed"), Found::Caught(BTreeSet::new()));
        assert_eq!(found(&mutation, true, ""), Found::Nothing);
    }
}
