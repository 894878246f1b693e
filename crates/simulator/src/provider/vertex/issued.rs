//! The tokens that were given out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64_turbo::URL_SAFE_NO_PAD;
use domain::Timestamp;

use crate::chance::Chance;

/// Every token that is still remembered, and how many requests for one there were.
#[derive(Debug, Default)]
pub(crate) struct Issued(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    tokens: HashMap<String, Token>,
    exchanges: Exchanges,
}

#[derive(Debug)]
struct Token {
    client_email: String,
    expires_at: Timestamp,
}

/// How often a token was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exchanges {
    /// Requests that were given one.
    pub granted: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// What a token is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It opens its account.
    Good { client_email: String },
    /// It once did.
    Expired { client_email: String },
    /// It was never given out, or long ago.
    Unknown,
}

/// How long an expired token is remembered as such.
const REMEMBERED: Duration = Duration::from_hours(24);

impl Issued {
    /// Gives out a token.
    pub(super) fn issue(&self, client_email: String, now: Timestamp, lifetime: Duration) -> String {
        let mut book = self.lock();
        book.tokens.retain(|_, token| now <= token.expires_at + REMEMBERED);
        book.exchanges.granted += 1;
        let number = book.exchanges.granted.to_le_bytes();
        let mut bytes = [0; 24];
        Chance::of([client_email.as_bytes(), &now.as_millis().to_le_bytes(), &number]).fill(&mut bytes);
        let text = format!("ya29.{}", URL_SAFE_NO_PAD.encode(bytes));
        book.tokens.insert(text.clone(), Token { client_email, expires_at: now + lifetime });
        text
    }

    /// Counts a refused request for a token.
    pub(super) fn refuse(&self) {
        self.lock().exchanges.refused += 1;
    }

    pub(super) fn look_up(&self, token: &str, now: Timestamp) -> Standing {
        match self.lock().tokens.get(token) {
            None => Standing::Unknown,
            Some(Token { client_email, expires_at }) if now < *expires_at => {
                Standing::Good { client_email: client_email.clone() }
            }
            Some(Token { client_email, .. }) => Standing::Expired { client_email: client_email.clone() },
        }
    }

    /// How often a token was asked for.
    pub(crate) fn exchanges(&self) -> Exchanges {
        self.lock().exchanges
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_until_it_expires_and_is_like_no_other() {
        let (issued, noon) = (Issued::default(), Timestamp::from_millis(1_768_507_200_000));
        let issue = || issued.issue("a@p".to_owned(), noon, Duration::from_secs(10));
        let (one, other) = (issue(), issue());
        assert_ne!(one, other);
        let client_email = "a@p".to_owned();
        let last = noon + Duration::from_millis(9_999);
        assert_eq!(issued.look_up(&one, last), Standing::Good { client_email: client_email.clone() });
        assert_eq!(issued.look_up(&one, last + Duration::from_millis(1)), Standing::Expired { client_email });
        assert_eq!(issued.look_up("ya29.other", noon), Standing::Unknown);
        assert_eq!(issued.exchanges(), Exchanges { granted: 2, refused: 0 });
    }
}
