//! Which service accounts are given tokens, and whose quota they spend.

use std::fmt;

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64_turbo::STANDARD;
use serde::Deserialize;

use super::{
    keyring::{self, Caller},
    span::Span,
};
use crate::quota::Limits;

/// The service accounts that are known: those of the script, or anybody where it lists none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<Entry>")]
pub(crate) struct ServiceAccounts(Vec<ServiceAccount>);

/// One service account.
#[derive(Clone)]
struct ServiceAccount {
    client_email: String,
    name: Option<String>,
    project: String,
    limits: Option<Limits>,
    /// In DER.
    public_key: Vec<u8>,
}

/// How long tokens last.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "TokensTable")]
pub(crate) struct Tokens {
    pub(crate) lifetime: std::time::Duration,
}

impl ServiceAccounts {
    /// Whether the script lists none, so that anybody is one.
    pub(crate) const fn are_unlisted(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose account this is; none where it is unknown.
    pub(crate) fn caller(&self, client_email: &str) -> Option<Caller> {
        let account = self.find(client_email)?;
        let told = self.0.iter().filter(|other| other.project == account.project);
        let limits = told.into_iter().find_map(|other| other.limits).unwrap_or_default();
        Some(Caller { key: self.label_of(client_email), project: account.project.clone(), limits })
    }

    /// What it is called: its name in the script, or its address.
    pub(crate) fn label_of(&self, client_email: &str) -> String {
        let named = self.find(client_email).and_then(|account| account.name.clone());
        named.unwrap_or_else(|| client_email.to_owned())
    }

    /// Whether this account signed the message; none where it is unknown.
    pub(crate) fn verify(&self, client_email: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        if self.are_unlisted() {
            return Some(true);
        }
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.find(client_email)?.public_key);
        Some(key.verify(message, signature).is_ok())
    }

    fn find(&self, client_email: &str) -> Option<&ServiceAccount> {
        self.0.iter().find(|account| account.client_email == client_email)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} with {:?}", self.client_email, self.project, self.limits)
    }
}

impl Default for Tokens {
    /// As long as Google's.
    fn default() -> Self {
        Self { lifetime: std::time::Duration::from_secs(3_599) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensTable {
    lifetime: Span,
}

impl TryFrom<TokensTable> for Tokens {
    type Error = &'static str;

    fn try_from(TokensTable { lifetime: Span(lifetime) }: TokensTable) -> Result<Self, Self::Error> {
        if lifetime.as_secs() == 0 { Err("lifetime must be at least 1s") } else { Ok(Self { lifetime }) }
    }
}

/// A service account as it is written, with one of the two keys in PEM.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    client_email: String,
    name: Option<String>,
    project: String,
    public_key: Option<String>,
    private_key: Option<String>,
    limits: Option<Limits>,
}

impl TryFrom<Entry> for ServiceAccount {
    type Error = String;

    fn try_from(written: Entry) -> Result<Self, Self::Error> {
        let Entry { client_email, name, project, public_key, private_key, limits } = written;
        if client_email.is_empty() || project.is_empty() {
            return Err("client_email and project must not be empty".to_owned());
        }
        let public_key = match (public_key, private_key) {
            (Some(pem), None) => der(&pem),
            (None, Some(pem)) => der(&pem).and_then(|der| public_half(&der)),
            _ => return Err(format!("give {client_email} one of public_key and private_key")),
        };
        let unusable = || format!("the key of {client_email} is no RSA key in PEM");
        let public_key = public_key.ok_or_else(unusable)?;
        Ok(Self { client_email, name, project, limits, public_key })
    }
}

impl TryFrom<Vec<Entry>> for ServiceAccounts {
    type Error = String;

    fn try_from(entries: Vec<Entry>) -> Result<Self, Self::Error> {
        let accounts: Vec<ServiceAccount> =
            entries.into_iter().map(ServiceAccount::try_from).collect::<Result<_, _>>()?;
        for (place, account) in accounts.iter().enumerate() {
            if accounts[..place].iter().any(|other| other.client_email == account.client_email) {
                return Err(format!("{} is listed twice", account.client_email));
            }
        }
        keyring::agree(accounts.iter().map(|account| (account.project.as_str(), account.limits)))?;
        Ok(Self(accounts))
    }
}

fn der(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok().filter(|der| !der.is_empty())
}

fn public_half(private_key: &[u8]) -> Option<Vec<u8>> {
    let pair = RsaKeyPair::from_pkcs8(private_key).ok()?;
    Some(pair.public_key().as_ref().to_vec())
}
