//! The JSON Web Token with which a service account asks for a token.

use base64_turbo::URL_SAFE_NO_PAD;
use domain::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::token::TokenRefusal;
use crate::script::ServiceAccounts;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(default)]
    scope: String,
    aud: String,
    /// Seconds since the Unix epoch.
    iat: u64,
    exp: u64,
}

/// Whom every assertion is addressed to, wherever it is sent.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// What the token is to open.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The longest that an assertion may be valid, in seconds.
const LONGEST: u64 = 3_600;
/// How far the signer's clock may be ahead, in seconds.
const SKEW: u64 = 300;

/// The service account that signed this, if all of it is right. Where the script lists none, anybody may sign.
pub(super) fn check(
    assertion: &str,
    accounts: &ServiceAccounts,
    now: Timestamp,
) -> Result<String, TokenRefusal> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let &[header, claims, signature] = parts.as_slice() else {
        return Err(invalid("Bad Request"));
    };
    let Header { alg } = part(header).ok_or_else(|| invalid("Invalid JWT: Failed header."))?;
    let claims: Claims = part(claims).ok_or_else(|| invalid("Invalid JWT: Failed claims."))?;
    if alg != "RS256" {
        return Err(invalid("Invalid JWT: Failed algorithm check."));
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid("Invalid JWT Signature."))?;
    let signed = &assertion[..assertion.rfind('.').unwrap_or_default()];
    match accounts.verify(&claims.iss, signed.as_bytes(), &signature) {
        None => return Err(invalid("Invalid grant: account not found")),
        Some(false) => return Err(invalid("Invalid JWT Signature.")),
        Some(true) => {}
    }
    claims.check(now)?;
    Ok(claims.iss)
}

impl Claims {
    fn check(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        let now = now.as_secs();
        let short = self.exp.checked_sub(self.iat).is_some_and(|length| length <= LONGEST);
        if self.aud != AUDIENCE {
            return Err(invalid("Invalid JWT: Failed audience check."));
        }
        if !short || self.iat > now + SKEW || self.exp <= now {
            return Err(invalid(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                 Check your iat and exp values in the JWT claim.",
            ));
        }
        if !self.scope.split(' ').any(|scope| scope == SCOPE) {
            let description = "Invalid OAuth scope or ID token audience provided.";
            return Err(TokenRefusal::new("invalid_scope", description));
        }
        Ok(())
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&json).ok()
}

fn invalid(description: &str) -> TokenRefusal {
    TokenRefusal::new("invalid_grant", description)
}
