//! Credentials as they travel: sealed, so that generation alone can open them.
//!
//! Whoever adds an account seals its credential with the public key that `Sealing.PublicKey` tells; the ledger keeps
//! the box and cannot look into it.

mod sealed_box;

use domain::{Location, ProjectId};
use secrecy::SecretString;

pub use self::sealed_box::{NotASealingKey, OpenError, PublicKey, SealingKey};

/// What opens one account.
#[derive(Clone)]
pub enum Credential {
    /// A key of the Gemini API.
    ApiKey(SecretString),
    /// A service account, which calls Vertex AI.
    ServiceAccount {
        /// Its key file.
        json: SecretString,
        /// The Google project that is called and pays.
        project: ProjectId,
        /// Where it is called.
        location: Location,
    },
}
