//! Sealed boxes: what is sealed for generation, it alone can open.
//!
//! They are libsodium's `crypto_box_seal`. Such a box says nothing of what it is for, so the account's name is sealed
//! in with its credential: a box that was moved to another account opens nothing.

use std::{fmt, str::FromStr};

use domain::{AccountId, ProjectId};
use dryoc::classic::{
    crypto_box::{crypto_box_seal, crypto_box_seal_open},
    crypto_core::crypto_scalarmult_base,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::Credential;

/// How much longer than its content a box is, in bytes.
const OVERHEAD: usize = dryoc::constants::CRYPTO_BOX_SEALBYTES;

/// Room beside the secret itself, so that its copy need not move while it grows.
const AROUND: usize = 1_024;

/// What credentials are sealed with: an X25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// What opens them: the secret key to it.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// The text or bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key is 64 hexadecimal digits, such as `openssl rand -hex 32` prints")]
pub struct NotASealingKey;

/// Why a box cannot be used. Nothing of its content is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was sealed with another key, or changed since.
    #[error("was sealed with another key than this service's")]
    Sealed,
    /// It was sealed for another account.
    #[error("was sealed for another account")]
    Moved,
    /// Its content makes no sense.
    #[error("holds no credential that this version knows")]
    Content,
}

impl PublicKey {
    /// The key of these 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASealingKey> {
        bytes.try_into().map(Self).map_err(|_| NotASealingKey)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals the credential of an account; refused where this is none of the keys that a service can have.
    pub fn seal(&self, account: &AccountId, credential: &Credential) -> Result<Vec<u8>, NotASealingKey> {
        let content = Content::of(account, credential).write();
        let mut sealed = vec![0; content.len() + OVERHEAD];
        crypto_box_seal(&mut sealed, &content, &self.0).map_err(|_| NotASealingKey)?;
        Ok(sealed)
    }
}

impl SealingKey {
    /// The key of a text of 64 hexadecimal digits.
    pub fn parse(text: &SecretString) -> Result<Self, NotASealingKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        from_hex(text.expose_secret(), &mut bytes)?;
        Ok(Self(bytes))
    }

    /// What is to be sealed with.
    pub fn public(&self) -> PublicKey {
        let mut public = [0; 32];
        crypto_scalarmult_base(&mut public, &self.0);
        PublicKey(public)
    }

    /// Opens a box that was sealed for this account.
    pub fn open(&self, account: &AccountId, sealed: &[u8]) -> Result<Credential, OpenError> {
        let length = sealed.len().checked_sub(OVERHEAD).ok_or(OpenError::Sealed)?;
        let mut content = Zeroizing::new(vec![0; length]);
        crypto_box_seal_open(&mut content, sealed, self.public().as_bytes(), &self.0)
            .map_err(|_| OpenError::Sealed)?;
        let content: Content = serde_json::from_slice(&content).map_err(|_| OpenError::Content)?;
        if content.account != account.as_str() {
            return Err(OpenError::Moved);
        }
        content.read().ok_or(OpenError::Content)
    }
}

/// What a box holds.
#[derive(Serialize, Deserialize)]
struct Content {
    account: String,
    secret: Secret,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Secret {
    ApiKey(Wiped),
    ServiceAccount { json: Wiped, project: String, location: String },
}

/// Text that is wiped when it is dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Wiped(String);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Content {
    fn of(account: &AccountId, credential: &Credential) -> Self {
        let wiped = |secret: &SecretString| Wiped(secret.expose_secret().to_owned());
        let secret = match credential {
            Credential::ApiKey(key) => Secret::ApiKey(wiped(key)),
            Credential::ServiceAccount { json, project, location } => Secret::ServiceAccount {
                json: wiped(json),
                project: project.to_string(),
                location: location.to_string(),
            },
        };
        Self { account: account.to_string(), secret }
    }

    fn write(&self) -> Zeroizing<Vec<u8>> {
        let secret = match &self.secret {
            Secret::ApiKey(Wiped(secret)) | Secret::ServiceAccount { json: Wiped(secret), .. } => secret,
        };
        // In JSON, a character of it may take six.
        let mut text = Zeroizing::new(Vec::with_capacity(6 * secret.len() + AROUND));
        serde_json::to_writer(&mut *text, self).expect("these types are always JSON");
        text
    }

    fn read(self) -> Option<Credential> {
        let secret = |text: &Wiped| SecretString::from(text.0.as_str());
        Some(match self.secret {
            Secret::ApiKey(key) => Credential::ApiKey(secret(&key)),
            Secret::ServiceAccount { json, project, location } => Credential::ServiceAccount {
                json: secret(&json),
                project: ProjectId::new(project).ok()?,
                location: location.parse().ok()?,
            },
        })
    }
}

impl FromStr for PublicKey {
    type Err = NotASealingKey;

    fn from_str(text: &str) -> Result<Self, NotASealingKey> {
        let mut bytes = [0; 32];
        from_hex(text, &mut bytes).map(|()| Self(bytes))
    }
}

impl fmt::Display for PublicKey {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SealingKey {
    /// Shows the public key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey(for {})", self.public())
    }
}

fn from_hex(text: &str, bytes: &mut [u8; 32]) -> Result<(), NotASealingKey> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(NotASealingKey);
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = str::from_utf8(digits).map_err(|_| NotASealingKey)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| NotASealingKey)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "AIzaCanary-7f3d";

    fn key(digit: char) -> SealingKey {
        SealingKey::parse(&digit.to_string().repeat(64).into()).unwrap()
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    #[test]
    fn what_is_sealed_for_an_account_opens_there_and_nowhere_else() {
        let sealed = key('a').public().seal(&id("a"), &Credential::ApiKey(CANARY.into())).unwrap();
        let Ok(Credential::ApiKey(opened)) = key('a').open(&id("a"), &sealed) else {
            panic!("it stays shut")
        };
        assert_eq!(opened.expose_secret(), CANARY);
        assert_eq!(key('a').open(&id("b"), &sealed).err(), Some(OpenError::Moved));
        assert_eq!(key('b').open(&id("a"), &sealed).err(), Some(OpenError::Sealed));
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(key('a').open(&id("a"), &changed).err(), Some(OpenError::Sealed));
        assert_eq!(key('a').open(&id("a"), &[7; 20]).err(), Some(OpenError::Sealed));
    }

    #[test]
    fn a_service_account_keeps_its_project_and_place() {
        let credential = Credential::ServiceAccount {
            json: format!("{{\"private_key\": \"{CANARY}\\n\"}}").into(),
            project: ProjectId::new("studio-4711").unwrap(),
            location: "eu".parse().unwrap(),
        };
        let sealed = key('a').public().seal(&id("a"), &credential).unwrap();
        match key('a').open(&id("a"), &sealed) {
            Ok(Credential::ServiceAccount { json, project, location }) => {
                assert!(json.expose_secret().contains(CANARY));
                assert_eq!((project.as_str(), location.as_str()), ("studio-4711", "eu"));
            }
            _ => panic!("it is another credential"),
        }
    }

    #[test]
    fn a_box_shows_nothing_and_no_two_are_alike() {
        let seal = || key('a').public().seal(&id("a"), &Credential::ApiKey(CANARY.into())).unwrap();
        let (one, other) = (seal(), seal());
        assert_ne!(one, other);
        assert!(CANARY.as_bytes().windows(4).all(|part| !one.windows(4).any(|found| found == part)));
    }

    #[test]
    fn keys_are_read_as_they_print_and_other_texts_are_refused() {
        let public = key('a').public();
        assert_eq!(public.to_string().parse(), Ok(public));
        assert_eq!(PublicKey::from_bytes(public.as_bytes()), Ok(public));
        for text in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<PublicKey>().is_err() && SealingKey::parse(&text.into()).is_err(), "{text}");
        }
        assert!(!format!("{:?}", key('a')).contains("aaaa"));
        let degenerate = PublicKey([0; 32]).seal(&id("a"), &Credential::ApiKey(CANARY.into()));
        assert_eq!(degenerate, Err(NotASealingKey));
    }
}
