//! Who may ask for pictures, known by key.
//!
//! A key is kept only as HMAC-SHA-256 of its SHA-256: who reads this process or its store learns no key, and who
//! has the pepper alone neither.

use std::collections::HashSet;

use domain::{Client, ClientId, KnownClient, Origin};
use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::{ClientEntry, ClientKey, KeyHash, SettingsError, key_hash::is_weak_pepper, registry::Contents};

type Tag = [u8; 32];

/// Every client that somebody told of: those of the configuration, and those of the registry beside them. Those in
/// force are known by the tag of their key.
pub(crate) struct Clients {
    pepper: Hmac<Sha256>,
    entries: Vec<(Tag, Client)>,
    known: Vec<KnownClient>,
}

impl Clients {
    /// Takes the clients of the configuration, whose names and keys must differ.
    pub(crate) fn new(clients: Vec<ClientEntry>, pepper: &SecretString) -> Result<Self, SettingsError> {
        if is_weak_pepper(pepper) {
            return Err(SettingsError::WeakPepper);
        }
        let pepper =
            Hmac::new_from_slice(pepper.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
        let mut registry = Self { pepper, entries: Vec::new(), known: Vec::new() };
        let mut names = HashSet::new();
        for ClientEntry { client, key } in clients {
            if !names.insert(client.id.clone()) {
                return Err(SettingsError::DuplicateClient(client.id));
            }
            let tag = registry.tag_of(&client, &key)?;
            registry.insert(client.clone(), tag)?;
            registry.known.push(KnownClient { client, origin: Origin::Configuration, set_aside: None });
        }
        Ok(registry)
    }

    /// These clients and those of the registry. What contradicts a client that counts more is set aside.
    pub(crate) fn with(&self, registry: &Contents) -> Self {
        let (entries, known) = (self.entries.clone(), self.known.clone());
        let mut all = Self { pepper: self.pepper.clone(), entries, known };
        for (id, made) in &registry.clients {
            let set_aside = match all.find(id) {
                Some(_) => Some(shadowed()),
                None => all.insert(made.client.clone(), made.key.tag()).err().map(|error| error.to_string()),
            };
            all.known.push(KnownClient { client: made.client.clone(), origin: Origin::Registry, set_aside });
        }
        all
    }

    /// Whose key has this SHA-256. Every client is compared, and each comparison takes the same time, so that
    /// neither how nearly a key is right nor whose it is shows in how long the answer takes.
    pub(crate) fn authenticate(&self, key_sha256: &[u8]) -> Option<&Client> {
        let tag = self.tag(key_sha256);
        let mut found = u64::MAX;
        for (place, (known, _)) in (0u64..).zip(&self.entries) {
            found.conditional_assign(&place, known.ct_eq(&tag));
        }
        let found = usize::try_from(found).ok()?;
        self.entries.get(found).map(|(_, client)| client)
    }

    /// The client of this name, with its limits. One that nobody registered comes from another service of the
    /// operator's, which answers for it: it has none.
    pub(crate) fn named(&self, id: &ClientId) -> Client {
        let known = self.entries.iter().map(|(_, client)| client).find(|client| client.id == *id);
        known.cloned().unwrap_or_else(|| Client::unlimited(id.clone()))
    }

    /// The client of this name that somebody told of; of several the one that counts.
    pub(crate) fn find(&self, id: &ClientId) -> Option<&KnownClient> {
        self.known.iter().find(|known| known.client.id == *id)
    }

    /// Every client that somebody told of, also those that are not in force.
    pub(crate) fn all(&self) -> &[KnownClient] {
        &self.known
    }

    /// What is kept of a new client's key.
    pub(crate) fn hash(&self, key: &SecretString) -> KeyHash {
        KeyHash::under(&self.pepper, &Sha256::digest(key.expose_secret()))
    }

    fn tag_of(&self, client: &Client, key: &ClientKey) -> Result<Tag, SettingsError> {
        match key {
            ClientKey::Plain(key) if key.expose_secret().is_empty() => {
                Err(SettingsError::EmptyKey(client.id.clone()))
            }
            ClientKey::Plain(key) => Ok(self.hash(key).tag()),
            ClientKey::Hashed(hash) => Ok(hash.tag()),
        }
    }

    fn insert(&mut self, client: Client, tag: Tag) -> Result<(), SettingsError> {
        if let Some((_, other)) = self.entries.iter().find(|(known, _)| *known == tag) {
            return Err(SettingsError::SharedKey(other.id.clone(), client.id));
        }
        self.entries.push((tag, client));
        Ok(())
    }

    fn tag(&self, key_sha256: &[u8]) -> Tag {
        KeyHash::under(&self.pepper, key_sha256).tag()
    }
}

fn shadowed() -> String {
    "the configuration has a client of this name, which counts more; revoke this one".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::RegisteredClient;

    const PEPPER: &str = "sixteen bytes or more";

    fn client(name: &str) -> Client {
        Client::unlimited(ClientId::new(name).unwrap())
    }

    fn entry(name: &str, key: &str) -> ClientEntry {
        ClientEntry { client: client(name), key: ClientKey::Plain(key.into()) }
    }

    fn registry(entries: Vec<ClientEntry>) -> Result<Clients, SettingsError> {
        Clients::new(entries, &PEPPER.into())
    }

    #[test]
    fn a_client_is_known_by_its_key_alone() {
        let clients = registry(vec![entry("studio", "tsr_one"), entry("shop", "tsr_two")]).unwrap();
        let known = |key: &str| clients.authenticate(&Sha256::digest(key)).map(|client| client.id.as_str());
        assert_eq!(known("tsr_one"), Some("studio"));
        assert_eq!(known("tsr_two"), Some("shop"));
        assert_eq!(known("tsr_three"), None);
        assert_eq!(known(""), None);
        assert_eq!(clients.authenticate(b"tsr_one"), None);
        assert_eq!(clients.authenticate(b""), None);
        assert_eq!(registry(vec![]).unwrap().authenticate(&[0; 32]), None);
    }

    #[test]
    fn a_client_of_whose_key_only_the_hash_is_known_is_admitted_by_the_key() {
        let hashed = |name: &str| {
            let hash = KeyHash::of(&"tsr_two".into(), &PEPPER.into());
            ClientEntry { client: client(name), key: ClientKey::Hashed(hash) }
        };
        let clients = registry(vec![entry("studio", "tsr_one"), hashed("shop")]).unwrap();
        assert_eq!(clients.authenticate(&Sha256::digest("tsr_two")), Some(&client("shop")));
        let again = registry(vec![hashed("shop"), hashed("shop")]);
        assert!(matches!(again, Err(SettingsError::DuplicateClient(_))));
        let shared = registry(vec![hashed("shop"), entry("other", "tsr_two")]);
        assert!(matches!(shared, Err(SettingsError::SharedKey(..))));
    }

    #[test]
    fn neither_key_nor_its_plain_hash_is_kept() {
        let clients = registry(vec![entry("studio", "tsr_one")]).unwrap();
        let plain: Tag = Sha256::digest("tsr_one").into();
        assert!(clients.entries.iter().all(|(tag, _)| *tag != plain));
        let other = Clients::new(vec![entry("studio", "tsr_one")], &"another pepper altogether".into());
        assert_ne!(other.unwrap().entries[0].0, clients.entries[0].0);
    }

    #[test]
    fn clients_that_cannot_be_told_apart_are_refused_by_name_without_their_key() {
        let refused = |entries| registry(entries).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused(vec![entry("a", "k1"), entry("a", "k2")]).contains("`a` is configured twice"));
        let shared = refused(vec![entry("a", "tsr_secret"), entry("b", "tsr_secret")]);
        assert!(shared.contains("`a` and `b` have the same key") && !shared.contains("tsr_secret"));
        assert!(refused(vec![entry("a", "")]).contains("`a` is empty"));
        assert_eq!(Clients::new(vec![], &"short".into()).err(), Some(SettingsError::WeakPepper));
    }

    #[test]
    fn the_registry_stands_beside_the_configuration_which_counts_more() {
        let clients = registry(vec![entry("studio", "tsr_one")]).unwrap();
        let made = |name: &str, key: &str| {
            let key = KeyHash::of(&key.into(), &PEPPER.into());
            (ClientId::new(name).unwrap(), RegisteredClient { client: client(name), key })
        };
        let clients_made = [made("shop", "tsr_two"), made("studio", "tsr_three")].into();
        let all = clients.with(&Contents { clients: clients_made, ..Contents::default() });
        let known = |key: &str| all.authenticate(&Sha256::digest(key)).map(|client| client.id.as_str());
        assert_eq!((known("tsr_one"), known("tsr_two")), (Some("studio"), Some("shop")));
        assert_eq!(known("tsr_three"), None);
        assert!(all.all()[2].set_aside.as_deref().unwrap().contains("the configuration has a client"));
    }
}
