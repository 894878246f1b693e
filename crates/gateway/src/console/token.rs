//! The operator token, which opens the console.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::hex;

/// The shortest token that may open a console, in bytes.
const SHORTEST: usize = 20;

/// What is known of the operator token: enough to know it again.
#[derive(Clone)]
pub struct ConsoleToken {
    sha256: [u8; 32],
    /// What sessions are signed with. It does not follow from the hash: who reads that can open nothing.
    session_key: [u8; 32],
}

/// The text protects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an operator token needs {SHORTEST} characters or more, such as `openssl rand -hex 32` prints")]
pub struct WeakToken;

/// The text is not what is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of an operator token is 64 hexadecimal digits")]
pub struct NotATokenHash;

impl ConsoleToken {
    /// This token. Its sessions hold in every process that has the same one.
    pub fn of(token: &SecretString) -> Result<Self, WeakToken> {
        let text = token.expose_secret();
        if text.len() < SHORTEST {
            return Err(WeakToken);
        }
        let mut key =
            Hmac::<Sha256>::new_from_slice(text.as_bytes()).expect("HMAC takes a key of any length");
        key.update(b"the sessions of a tessera console");
        let session_key = key.finalize().into_bytes().into();
        Ok(Self { sha256: Sha256::digest(text).into(), session_key })
    }

    /// Whether this is the token; takes as long whether it is or not.
    pub(super) fn is(&self, text: &str) -> bool {
        let sha256: [u8; 32] = Sha256::digest(text.trim()).into();
        sha256.ct_eq(&self.sha256).into()
    }

    /// A tag that nobody makes who does not know the token.
    pub(super) fn tag(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(&self.session_key).expect("HMAC takes a key of any length");
        hmac.update(purpose.as_bytes());
        hmac.update(&[0]);
        hmac.update(text.as_bytes());
        hmac.finalize().into_bytes().into()
    }
}

impl fmt::Display for ConsoleToken {
    /// The SHA-256 of the token, to be kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::write(&self.sha256))
    }
}

impl FromStr for ConsoleToken {
    type Err = NotATokenHash;

    /// The token of which this was kept. Its sessions end with this process.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sha256 = hex::read(text).ok_or(NotATokenHash)?;
        Ok(Self { sha256, session_key: hex::random() })
    }
}

impl fmt::Debug for ConsoleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_by_what_was_kept_of_it() {
        let token = ConsoleToken::of(&"tso_0123456789abcdef".into()).unwrap();
        let kept: ConsoleToken = token.to_string().parse().unwrap();
        assert!(kept.is("tso_0123456789abcdef") && kept.is(" tso_0123456789abcdef\n"));
        assert!(!kept.is("tso_0123456789abcdee") && !kept.is(""));
        assert!("ab".parse::<ConsoleToken>().is_err() && ConsoleToken::of(&"short".into()).is_err());
    }

    #[test]
    fn what_is_kept_signs_no_session() {
        let token = ConsoleToken::of(&"tso_0123456789abcdef".into()).unwrap();
        let stolen: ConsoleToken = token.to_string().parse().unwrap();
        assert_ne!(token.tag("session", "x"), stolen.tag("session", "x"));
        let replica = ConsoleToken::of(&"tso_0123456789abcdef".into()).unwrap();
        assert_eq!(token.tag("session", "x"), replica.tag("session", "x"));
    }
}
