//! Names of things, one type for each kind so that none is taken for another.

use std::fmt;

/// The text cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be 1 to {longest} visible ASCII characters")]
pub struct InvalidId {
    kind: &'static str,
    longest: usize,
}

/// The longest identifier, in bytes.
const LONGEST: usize = 128;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes 1 to 128 visible ASCII characters.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                if text.is_empty() || text.len() > LONGEST || !visible {
                    return Err(InvalidId { kind: $kind, longest: LONGEST });
                }
                Ok(Self(text.into_boxed_str()))
            }

            /// The identifier as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// A credential of the operator's: one Gemini API key or one Vertex AI service account.
    AccountId,
    "account id"
);
identifier!(
    /// The owner of a quota: the cloud project that one or more accounts belong to.
    ProjectId,
    "project id"
);
identifier!(
    /// Who calls us, known by a client key.
    ClientId,
    "client name"
);
identifier!(
    /// One request at the edge, the same in every service, log line and answer.
    RequestId,
    "request id"
);
identifier!(
    /// The right to one upstream call; chosen by whoever asks for it, so that asking again is harmless.
    LeaseId,
    "lease id"
);

impl LeaseId {
    /// The lease for one attempt at one picture of a request; both counts start at 0.
    pub fn for_attempt(request: &RequestId, picture: u32, attempt: u32) -> Self {
        // A request id may itself be as long as a lease id may be: its tail tells requests apart.
        let request = request.as_str();
        let tail = &request[request.len().saturating_sub(LONGEST - 24)..];
        Self(format!("{tail}/{picture}/{attempt}").into_boxed_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_visible_ascii_is_an_identifier() {
        assert!(AccountId::new("gemini-a").is_ok());
        for text in ["", "two words", "line\nbreak", "ünïcode", &"x".repeat(129)] {
            assert!(AccountId::new(text).is_err(), "{text:?} became an identifier");
        }
    }

    #[test]
    fn lease_ids_differ_by_picture_and_attempt_and_stay_valid() {
        let request = RequestId::new("r".repeat(128)).unwrap();
        let lease = LeaseId::for_attempt(&request, 9, 2);
        assert_ne!(lease, LeaseId::for_attempt(&request, 2, 9));
        assert!(LeaseId::new(lease.as_str()).is_ok());
        assert!(LeaseId::new(LeaseId::for_attempt(&request, u32::MAX, u32::MAX).as_str()).is_ok());
    }
}
