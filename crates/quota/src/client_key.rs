//! Client keys that Tessera makes.

use std::fmt::Write as _;

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Random bytes of a key.
const RANDOM: usize = 32;

/// A new client key: `tsr_` and 32 random bytes in hexadecimal.
pub fn new_client_key() -> SecretString {
    let mut random = Zeroizing::new([0; RANDOM]);
    getrandom::fill(&mut *random).expect("the operating system has random bytes");
    let mut key = String::with_capacity("tsr_".len() + 2 * RANDOM);
    key.push_str("tsr_");
    for byte in random.iter() {
        write!(key, "{byte:02x}").expect("a string takes all that is written to it");
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn every_key_is_long_and_new() {
        let (one, other) = (new_client_key(), new_client_key());
        assert_eq!(one.expose_secret().len(), 68);
        assert!(one.expose_secret().starts_with("tsr_"));
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
