//! A service account, as its key file tells of it, and what it signs.

use std::sync::Arc;

use base64_turbo::URL_SAFE_NO_PAD;
use domain::Timestamp;
use reqwest::Url;
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::upstream::address;

/// A service account that can sign.
#[derive(Debug)]
pub(super) struct ServiceAccount {
    client_email: String,
    key_id: Option<String>,
    token_uri: Url,
    key: Arc<dyn SigningKey>,
}

/// Why a key file cannot be used. Nothing of the file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// It is not JSON, or a field is missing.
    #[error("must be the JSON key file of a service account, as Google Cloud gives it out")]
    Form,
    /// It is of another kind of credential.
    #[error("must be the key of a service account: its `type` must be `service_account`")]
    Kind,
    /// Its key cannot sign.
    #[error("must have an RSA key in PEM as its `private_key`")]
    Key,
    /// The address is none.
    #[error("must have an http or https address as its `token_uri`")]
    TokenUri,
}

/// Whom every assertion is addressed to, wherever it is sent.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// What the token is to open.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion is valid, in seconds.
const VALIDITY: u64 = 3_600;

/// The fields of a key file that are of use.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

impl ServiceAccount {
    /// Reads a key file.
    pub(super) fn read(json: &SecretString) -> Result<Self, KeyFileError> {
        let file: KeyFile = serde_json::from_str(json.expose_secret()).map_err(|_| KeyFileError::Form)?;
        if file.kind != "service_account" {
            return Err(KeyFileError::Kind);
        }
        let der =
            PrivateKeyDer::from_pem_slice(file.private_key.as_bytes()).map_err(|_| KeyFileError::Key)?;
        let key = any_supported_type(&der).map_err(|_| KeyFileError::Key)?;
        key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or(KeyFileError::Key)?;
        let token_uri = file.token_uri.as_deref().unwrap_or(AUDIENCE);
        let token_uri = address::endpoint(token_uri).ok_or(KeyFileError::TokenUri)?;
        Ok(Self { client_email: file.client_email, key_id: file.private_key_id, token_uri, key })
    }

    /// Where it gets its tokens.
    pub(super) const fn token_uri(&self) -> &Url {
        &self.token_uri
    }

    /// A signed wish for a token: a JSON Web Token. Takes as long as an RSA signature does.
    pub(super) fn assertion(&self, now: Timestamp) -> String {
        let header = Header { alg: "RS256", typ: "JWT", kid: self.key_id.as_deref() };
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: AUDIENCE,
            iat: now.as_secs(),
            exp: now.as_secs() + VALIDITY,
        };
        let message = format!("{}.{}", encoded(&header), encoded(&claims));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signer = signer.expect("was found when the key was read");
        let signature = signer.sign(message.as_bytes()).expect("an RSA key signs any message");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'static str,
    iat: u64,
    exp: u64,
}

fn encoded(part: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).expect("these types are always JSON"))
}
