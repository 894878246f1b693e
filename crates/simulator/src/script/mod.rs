//! What the simulator is told to do: the script, as it is written in TOML.

mod fault;
mod keyring;
mod latency;
mod picture;
mod rule;
mod service_accounts;
mod span;

pub(crate) use fault::{Content, Delivery, Fault, Flaw, Kind, Outage, Refuse, Silence};
pub(crate) use keyring::{Caller, Keyring, label};
pub(crate) use latency::Latency;
pub(crate) use picture::{Format, Pictures};
pub(crate) use rule::{Call, Rule, Rulebook};
use serde::Deserialize;
pub(crate) use service_accounts::{ServiceAccounts, Tokens};

/// How the simulator behaves; the crate's documentation shows a whole one.
///
/// The default draws PNG pictures with a realistic pause, accepts any non-empty key or token and never fails.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub(crate) latency: Latency,
    #[serde(rename = "picture")]
    pub(crate) pictures: Pictures,
    pub(crate) keys: Keyring,
    pub(crate) tokens: Tokens,
    pub(crate) service_accounts: ServiceAccounts,
    pub(crate) rules: Vec<Rule>,
}

/// Why a script cannot be used: where in it, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the script: {0}")]
pub struct ScriptError(String);

impl Script {
    /// Reads a script.
    pub fn parse(toml: &str) -> Result<Self, ScriptError> {
        toml::from_str(toml).map_err(|error| ScriptError::of(&error, toml))
    }
}

impl ScriptError {
    /// Tells the line by its number: its text may hold a key.
    fn of(error: &toml::de::Error, script: &str) -> Self {
        let before = error.span().and_then(|span| script.get(..span.start)).unwrap_or_default();
        Self(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
    }
}

/// Reads one rule, written in TOML or in JSON.
pub(crate) fn parse_rule(text: &str) -> Result<Rule, ScriptError> {
    // No TOML document begins with a brace.
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| ScriptError(error.to_string()))
    } else {
        toml::from_str(text).map_err(|error| ScriptError::of(&error, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (script, named) in [
            ("colour = 1", "colour"),
            ("[latency]\n\"8K\" = \"1s\"", "8K"),
            ("[latency]\n\"1K\" = \"soon\"", "soon"),
            ("[picture]\nformat = \"gif\"", "gif"),
            ("[picture]\ndrafts = 3", "drafts"),
            ("[picture]\nformat = \"jpeg\"\nbytes = 10", "bytes"),
            ("[[keys]]\nkey = \"\"", "key"),
            ("[[keys]]\nkey = \"a\"\n[[keys]]\nkey = \"a\"", "twice"),
            ("[[keys]]\nkey = \"a\"\nlimits = { requests_per_hour = 1 }", "requests_per_hour"),
            ("[tokens]\nlifetime = \"0s\"", "lifetime"),
            ("[[service_accounts]]\nclient_email = \"a\"\nproject = \"p\"", "public_key"),
            ("[[service_accounts]]\nclient_email = \"a\"\nproject = \"p\"\npublic_key = \"x\"", "no RSA key"),
            ("[[rules]]\nfault = \"earthquake\"", "earthquake"),
            ("[[rules]]\nfault = \"internal\"\nbytes = 3", "bytes"),
            ("[[rules]]\nfault = \"internal\"\nmatch = { nth = 1, first = 2 }", "nth"),
            ("[[rules]]\nfault = \"internal\"\nmatch = { every = 0 }", "every"),
            ("[[rules]]\nfault = \"internal\"\nmatch = { probability = 1.5 }", "probability"),
            ("[[rules]]\nfault = \"slow\"\nbytes_per_second = 0", "bytes_per_second"),
        ] {
            let error = Script::parse(script).unwrap_err().to_string();
            assert!(error.contains(named), "{script:?} was refused with {error:?}");
        }
    }

    #[test]
    fn keys_of_one_project_cannot_have_different_limits() {
        let script = |limit| {
            format!(
                "[[keys]]\nkey = 'a'\nproject = 'p'\nlimits = {{ requests_per_day = 1 }}\n\
                 [[keys]]\nkey = 'b'\nproject = 'p'\nlimits = {{ requests_per_day = {limit} }}"
            )
        };
        assert!(Script::parse(&script(1)).is_ok());
        assert!(Script::parse(&script(2)).is_err());
    }

    #[test]
    fn a_rule_is_read_from_toml_and_from_json() {
        assert!(parse_rule("fault = 'slow'\nbytes_per_second = 10\nmatch = { first = 1 }").is_ok());
        assert!(parse_rule(r#" {"fault": "finish", "reason": "NO_IMAGE", "match": {"every": 2}}"#).is_ok());
        assert!(parse_rule(r#"{"fault": "finish", "reasons": "NO_IMAGE"}"#).is_err());
    }

    #[test]
    fn keys_are_printed_neither_with_a_script_nor_with_what_is_wrong_in_it() {
        let script = "[[keys]]\nkey = 'very-secret-key'\n\
                      [[rules]]\nfault = 'hang'\nmatch = { key = 'very-secret-key' }";
        assert!(!format!("{:?}", Script::parse(script).unwrap()).contains("very-secret"));
        let error = Script::parse("[[keys]]\nkey = 'very-secret-key', colour = 1").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("very-secret"), "{error}");
    }
}
