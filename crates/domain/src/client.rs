//! Who calls us.

use crate::ClientId;

/// An application that may ask for pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its name, which logs and usage records carry.
    pub id: ClientId,
}
