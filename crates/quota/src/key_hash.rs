//! A client key as it may be kept.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The shortest pepper, in bytes.
const SHORTEST_PEPPER: usize = 16;

/// Whether a pepper is too short to protect anything.
pub fn is_weak_pepper(pepper: &SecretString) -> bool {
    pepper.expose_secret().len() < SHORTEST_PEPPER
}

/// HMAC-SHA-256, under the pepper, of a client key's SHA-256: enough to know the key again, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of this key under this pepper.
    pub fn of(key: &SecretString, pepper: &SecretString) -> Self {
        let pepper = Hmac::new_from_slice(pepper.expose_secret().as_bytes()).expect("HMAC takes any key");
        Self::under(&pepper, &Sha256::digest(key.expose_secret()))
    }

    /// The hash of the key that has this SHA-256.
    pub(crate) fn under(pepper: &Hmac<Sha256>, key_sha256: &[u8]) -> Self {
        let mut hmac = pepper.clone();
        hmac.update(key_sha256);
        Self(hmac.finalize().into_bytes().into())
    }

    pub(crate) const fn tag(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for KeyHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// The text is no key hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key hash is 64 hexadecimal digits")]
pub struct NotAKeyHash;

impl FromStr for KeyHash {
    type Err = NotAKeyHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAKeyHash);
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| NotAKeyHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAKeyHash)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_back_from_its_own_text() {
        let hash = KeyHash::of(&"tsr_one".into(), &"sixteen bytes or more".into());
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "ab", &"g".repeat(64), &"é".repeat(32), &format!("{hash}0")] {
            assert!(text.parse::<KeyHash>().is_err(), "{text}");
        }
    }
}
