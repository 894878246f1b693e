//! The mutations: what is broken, and which test must notice by what.

use anyhow::{Result, ensure};

/// A way to break the code.
#[derive(Clone, Copy)]
pub(super) struct Mutation {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What is wrong then.
    pub(super) what: &'static str,
    /// Where.
    pub(super) file: &'static str,
    /// What stands there, once.
    pub(super) text: &'static str,
    /// What stands there then.
    pub(super) instead: &'static str,
    /// The test that must notice.
    pub(super) test: &'static Test,
    /// The rules of the trial's checker of which the test must find one broken; none where it makes one claim.
    pub(super) rules: &'static [&'static str],
}

/// A test in a package's integration binary.
#[derive(PartialEq, Eq)]
pub(super) struct Test {
    pub(super) package: &'static str,
    pub(super) name: &'static str,
}

pub(super) const CHAOS: Test =
    Test { package: "tessera", name: "trial::nothing_is_overspent_or_lost_while_processes_die" };
const AMNESIA: Test =
    Test { package: "tessera", name: "trial::a_ledger_that_lost_its_memory_overspends_nothing_and_learns" };
const ORPHANED: Test = Test {
    package: "tessera",
    name: "trial::a_ledger_that_nobody_remembers_overspends_no_minute_since_its_leases_do",
};
const STORM: Test = Test {
    package: "tessera",
    name: "trial::a_provider_that_fails_is_not_answered_with_more_calls_than_there_is_a_budget_for",
};
pub(super) const OUTBOX: Test =
    Test { package: "generation", name: "outbox::a_settlement_outlives_kill_9_and_is_said_once" };

const WINDOWS: &[&str] = &["RequestsPerMinute", "ImagesPerMinute", "RequestsPerDay"];

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "expiry-refunds",
        what: "a lease that expires gives back its unit of the minute",
        file: "crates/quota/src/store/redis/expire.lua",
        text: "    redis.call('ZREM', named('flight', lease.domain), lease.fence)\n",
        instead: "    redis.call('ZREM', named('flight', lease.domain), lease.fence)\n    \
                  redis.call('ZREM', named('minute', lease.domain), lease.fence)\n",
        test: &CHAOS,
        rules: WINDOWS,
    },
    Mutation {
        name: "one-call-too-many",
        what: "one more lease is active at once than is allowed",
        file: "crates/quota/src/store/redis/acquire.lua",
        text: "candidate.concurrent - flight",
        instead: "candidate.concurrent + 1 - flight",
        test: &CHAOS,
        rules: &["Concurrent"],
    },
    Mutation {
        name: "short-minute",
        what: "a unit leaves the minute ten seconds too soon",
        file: "crates/quota/src/store/redis/settle.lua",
        text: "arrived + asked.minute",
        instead: "arrived + asked.minute - 10000",
        test: &CHAOS,
        rules: WINDOWS,
    },
    Mutation {
        name: "settled-twice",
        what: "a settlement that is said again is counted again",
        file: "crates/quota/src/store/redis/close.lua",
        text: "elseif lease.state == 'closed' or lease.state == 'late' then",
        instead: "elseif lease.state == 'late' then",
        test: &CHAOS,
        rules: &["ClosedOnce", "LateOnce", "Repetition"],
    },
    Mutation {
        name: "strangers-settle",
        what: "whoever knows a lease's name may close it",
        file: "crates/quota/src/store/redis/close.lua",
        text: "elseif tonumber(lease.fence) ~= asked.fence then",
        instead: "elseif false then",
        test: &CHAOS,
        rules: &["Stranger"],
    },
    Mutation {
        name: "short-rest",
        what: "a call that draws ends its project's rest",
        file: "crates/quota/src/store/redis/settle.lua",
        text: "    throttles, failures = 0, 0\n",
        instead: "    throttles, failures = 0, 0\n    \
                  redis.call('HDEL', cooling, redis.call('HGET', lease_key, 'domain_scope'))\n    \
                  touch(redis.call('HGET', lease_key, 'domain_scope'))\n",
        test: &CHAOS,
        rules: &["Rest"],
    },
    Mutation {
        name: "unknown-is-retried",
        what: "a call of which nobody knows whether it drew is made again",
        file: "crates/generation/src/retry/mod.rs",
        text: "            | CallOutcome::Forbidden => Next::Another,",
        instead: "            | CallOutcome::Ambiguous\n            | CallOutcome::Forbidden => Next::Another,",
        test: &CHAOS,
        rules: &["Bill"],
    },
    Mutation {
        name: "met-again",
        what: "a picture is tried again on the account that failed it",
        file: "crates/generation/src/retry/mod.rs",
        text: "        if !blameless {",
        instead: "        if self.most == 0 && !blameless {",
        test: &CHAOS,
        rules: &["AnotherAccount"],
    },
    Mutation {
        name: "nothing-is-learned",
        what: "a ledger that lost its memory grants at once",
        file: "crates/quota/src/store/redis/acquire.lua",
        text: "elseif learns_for() > 0 then",
        instead: "elseif false then",
        test: &AMNESIA,
        rules: WINDOWS,
    },
    Mutation {
        name: "leases-tell-nothing",
        what: "a ledger that nobody remembers does not believe those who hold its leases",
        file: "crates/quota/src/store/redis/acquire.lua",
        text: "elseif lacks(asked.known) then",
        instead: "elseif false then",
        test: &ORPHANED,
        rules: WINDOWS,
    },
    Mutation {
        name: "budget-is-ignored",
        what: "whatever the provider fails is called again",
        file: "crates/generation/src/retry/budget.rs",
        text: "let room = retries < starts / SHARE + FLOOR_PER_MINUTE * minutes;",
        instead: "let room = retries < u32::MAX - starts / SHARE - FLOOR_PER_MINUTE * minutes;",
        test: &STORM,
        rules: &["RetryBudget"],
    },
    Mutation {
        name: "outbox-is-forgotten",
        what: "what an earlier process left in its outbox is not said",
        file: "crates/generation/src/leases/closings.rs",
        text: "        if !words.is_empty() {",
        instead: "        if words.len() > 1_000 {",
        test: &OUTBOX,
        rules: &[],
    },
];

impl Mutation {
    /// The file with it.
    pub(super) fn applied_to(&self, file: &str) -> Result<String> {
        let count = file.matches(self.text).count();
        ensure!(
            count == 1,
            "the mutation {} looks for a text that stands {count} times in {}, not once; it must be written anew: {}",
            self.name,
            self.file,
            self.text.trim()
        );
        Ok(file.replace(self.text, self.instead))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn every_mutation_finds_what_it_breaks() {
        let root = Workspace::read().unwrap().root;
        for mutation in MUTATIONS {
            let file = fs::read_to_string(root.join(mutation.file)).unwrap();
            assert_ne!(mutation.applied_to(&file).unwrap(), file, "{}", mutation.name);
        }
    }

    #[test]
    fn a_text_that_is_gone_or_ambiguous_is_an_error() {
        let mutation = Mutation { text: "a", instead: "b", ..MUTATIONS[0] };
        assert_eq!(mutation.applied_to("cat").unwrap(), "cbt");
        for file in ["", "dog", "banana"] {
            assert!(mutation.applied_to(file).is_err(), "{file}");
        }
    }
}
