//! The credentials of one provider's accounts, ready to be called with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{AccountId, CredentialVersion};
use proto::sealing::Credential;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout_at},
};

use super::{Credentials, Unopened, Vault};
use crate::{
    SettingsError,
    upstream::{Broken, Call, CallFailure},
};

/// How long a credential that nobody uses is kept open.
const IDLE: Duration = Duration::from_hours(1);

/// Makes a credential ready; none where it is for another provider.
type Ready<K> = Box<dyn Fn(&AccountId, &Credential) -> Option<Result<K, SettingsError>> + Send + Sync>;

/// The credentials of one provider's accounts: those of the configuration, which were made ready at the start, and the
/// sealed ones, each of which is fetched and opened when it is first used.
pub(crate) struct Keyring<K> {
    configured: HashMap<AccountId, K>,
    opened: Mutex<HashMap<AccountId, Opened<K>>>,
    vault: Arc<Vault>,
    ready: Ready<K>,
}

/// The one sealed credential of an account that is in use: a newer one takes its place.
struct Opened<K> {
    version: CredentialVersion,
    /// Empty while the first who needs it fetches it; the others wait.
    key: Arc<OnceCell<K>>,
    used: Instant,
}

impl<K: Clone> Keyring<K> {
    /// A keyring of those of these credentials that `ready` can use, and of what the vault has.
    pub(crate) fn new(
        credentials: &Credentials,
        vault: Arc<Vault>,
        ready: Ready<K>,
    ) -> Result<Self, SettingsError> {
        let configured = credentials.iter().filter_map(|(account, credential)| {
            let key = ready(account, credential)?;
            Some(key.map(|key| (account.clone(), key)))
        });
        let configured = configured.collect::<Result<_, _>>()?;
        Ok(Self { configured, opened: Mutex::default(), vault, ready })
    }

    /// The credential to make a call with, where it can be had in the time that the lease leaves.
    pub(crate) async fn get(&self, call: &Call) -> Result<K, CallFailure> {
        let Some(version) = call.credential else {
            let configured = self.configured.get(&call.account).cloned();
            return configured.ok_or_else(|| CallFailure::no_credential(&call.account));
        };
        let place = self.place(&call.account, version);
        let opening = place.get_or_try_init(|| self.open(&call.account, version));
        match timeout_at(call.dispatch.start_by(), opening).await {
            Ok(Ok(key)) => Ok(key.clone()),
            Ok(Err(unopened)) => {
                tracing::error!(account = %call.account, reason = %unopened, "an account cannot be called with");
                Err(unopened.into())
            }
            Err(_) => {
                call.dispatch.revoke();
                Err(Broken::Late.into())
            }
        }
    }

    /// The credentials of the configuration.
    #[cfg(test)]
    pub(crate) fn configured(&self) -> impl Iterator<Item = &K> {
        self.configured.values()
    }

    async fn open(&self, account: &AccountId, version: CredentialVersion) -> Result<K, Unopened> {
        let credential = self.vault.open(account, version).await?;
        match (self.ready)(account, &credential) {
            Some(Ok(key)) => Ok(key),
            Some(Err(error)) => Err(Unopened::Unusable(error.to_string())),
            None => Err(Unopened::Unusable("it is for another provider".to_owned())),
        }
    }

    fn place(&self, account: &AccountId, version: CredentialVersion) -> Arc<OnceCell<K>> {
        let now = Instant::now();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get_mut(account).filter(|known| known.version == version) {
            known.used = now;
            return Arc::clone(&known.key);
        }
        opened.retain(|_, known| now.duration_since(known.used) < IDLE);
        let key = Arc::new(OnceCell::new());
        opened.insert(account.clone(), Opened { version, key: Arc::clone(&key), used: now });
        key
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use bytes::Bytes;
    use domain::{CallOutcome, Failure, FailureKind};
    use proto::sealing::SealingKey;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::{
        credentials::SealedCredentials,
        upstream::{Dispatch, Ending},
    };

    /// A ledger that counts how often it is asked; version 1 is sealed for `a`, version 2 too, and 3 for another key.
    #[derive(Default)]
    struct Source {
        asked: AtomicU32,
        down: bool,
    }

    #[async_trait]
    impl SealedCredentials for Source {
        async fn fetch(&self, _: &AccountId, version: CredentialVersion) -> Result<Bytes, Failure> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.down {
                return Err(Failure::new(FailureKind::Unavailable, "down"));
            }
            let key = if version.get() == 3 { key('b') } else { key('a') };
            let credential = Credential::ApiKey(format!("key-{}", version.get()).into());
            Ok(key.public().seal(&AccountId::new("a").unwrap(), &credential).unwrap().into())
        }
    }

    fn key(digit: char) -> SealingKey {
        SealingKey::parse(&digit.to_string().repeat(64).into()).unwrap()
    }

    fn keyring(source: &Arc<Source>, key: Option<SealingKey>) -> Keyring<String> {
        let configured = Credential::ApiKey("configured".into());
        let configured = Credentials::new([(AccountId::new("c").unwrap(), configured)]);
        let ready = |_: &AccountId, credential: &Credential| match credential {
            Credential::ApiKey(key) => Some(Ok(key.expose_secret().to_owned())),
            Credential::ServiceAccount { .. } => None,
        };
        let source: Arc<dyn SealedCredentials> = Arc::<Source>::clone(source);
        let vault = Arc::new(Vault::new(key.map(Arc::new), source));
        Keyring::new(&configured, vault, Box::new(ready)).unwrap()
    }

    fn call(account: &str, version: u64) -> Call {
        let soon = Instant::now() + Duration::from_secs(2);
        Call {
            account: AccountId::new(account).unwrap(),
            credential: CredentialVersion::new(version),
            model: "m".into(),
            body: Bytes::new(),
            dispatch: Arc::new(Dispatch::new(soon)),
            deadline: soon,
            track: None,
        }
    }

    #[tokio::test]
    async fn a_sealed_credential_is_fetched_once_until_another_takes_its_place() {
        let source = Arc::new(Source::default());
        let keyring = keyring(&source, Some(key('a')));
        let (one, other) = (call("a", 1), call("a", 1));
        let (one, other) = tokio::join!(keyring.get(&one), keyring.get(&other));
        assert_eq!((one.unwrap(), other.unwrap()), ("key-1".to_owned(), "key-1".to_owned()));
        assert_eq!(keyring.get(&call("a", 2)).await.unwrap(), "key-2");
        assert_eq!(keyring.get(&call("a", 2)).await.unwrap(), "key-2");
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
        assert_eq!(keyring.get(&call("c", 0)).await.unwrap(), "configured");
        assert_eq!(keyring.get(&call("a", 0)).await.unwrap_err().ending, Ending::Unsent);
    }

    #[tokio::test]
    async fn a_credential_that_cannot_be_opened_rests_the_account_and_tells_the_operator_the_remedy() {
        let source = Arc::new(Source::default());
        for (key, account, version, told) in [
            (Some(key('a')), "a", 3, "was sealed with another key than this service's; add the account anew"),
            (Some(key('a')), "b", 1, "was sealed for another account; add the account anew"),
            (None, "a", 1, "set generation.sealing_key_file"),
        ] {
            let failed = keyring(&source, key).get(&call(account, version)).await.unwrap_err();
            assert_eq!(failed.ending, Ending::Sent(CallOutcome::CredentialRejected));
            assert!(failed.detail.contains(told), "{}", failed.detail);
        }
    }

    #[tokio::test]
    async fn where_the_ledger_does_not_have_it_nothing_is_spent_and_the_next_call_asks_again() {
        let source = Arc::new(Source { down: true, ..Source::default() });
        let keyring = keyring(&source, Some(key('a')));
        for _ in 0..2 {
            assert_eq!(keyring.get(&call("a", 1)).await.unwrap_err().ending, Ending::Unsent);
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }
}
