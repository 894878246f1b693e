//! What every registry must do, stated once and proved of each; and what those in a file and in Redis do beyond it.

use std::{fs, sync::Arc, time::Duration};

use domain::{Account, AccountId, Client, ClientId, ClientLimits, Limits, ProjectId, Provider, Tier};
use quota::{
    KeyHash,
    registry::{Change, Contents, RegisteredAccount, RegisteredClient, Registry, RegistryError, open},
    store::Location,
};
use tokio::time::timeout;

use crate::redis_server::{self, Server};

/// What a test of the whole path would find if a secret leaked.
const SEALED: &[u8] = b"\0\xffsealed, as far as anybody here can tell";

fn account(id: &str) -> RegisteredAccount {
    let account = Account {
        id: AccountId::new(id).unwrap(),
        provider: Provider::Vertex,
        project: ProjectId::new("studio-4711").unwrap(),
        tier: Tier::Ultra,
        models: vec!["gemini-3-pro-image".into()],
        limits: Limits::new(1, 2, 3, 4),
        enabled: true,
    };
    RegisteredAccount { account, sealed: SEALED.into() }
}

fn client(name: &str, limits: ClientLimits) -> RegisteredClient {
    let client = Client { id: ClientId::new(name).unwrap(), limits };
    RegisteredClient { client, key: KeyHash::of(&name.into(), &"sixteen bytes or more".into()) }
}

fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

fn known(registry: &dyn Registry) -> Arc<Contents> {
    Arc::clone(&registry.contents().borrow())
}

async fn add(registry: &dyn Registry, name: &str) -> Arc<Contents> {
    let revision = known(registry).revision;
    registry.change(revision, Change::AddAccount(account(name))).await.unwrap()
}

/// Makes one test of each behaviour for each registry.
macro_rules! every_registry {
    ($($behaviour:ident,)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&*super::open(&super::Location::Memory).await.unwrap()).await;
            })*
        }

        mod embedded {
            $(#[tokio::test]
            async fn $behaviour() {
                let directory = tempfile::tempdir().unwrap();
                let location = super::Location::Embedded(directory.path().join("ledger.redb"));
                super::$behaviour(&*super::open(&location).await.unwrap()).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $behaviour() {
                let location = super::Location::Redis(super::redis_server::place());
                super::$behaviour(&*super::open(&location).await.unwrap()).await;
            })*
        }
    };
}

every_registry! {
    every_change_is_one_step_that_is_told_at_once,
    a_change_that_goes_by_an_older_revision_is_refused_and_changes_nothing,
    of_two_operators_who_race_one_is_told,
}

async fn every_change_is_one_step_that_is_told_at_once(registry: &dyn Registry) {
    let mut told = registry.contents();
    assert_eq!(**told.borrow_and_update(), Contents::default());
    let limited = ClientLimits { images_per_day: Some(7), ..ClientLimits::NONE };
    for change in [
        Change::AddAccount(account("a")),
        Change::AddAccount(account("b")),
        Change::DisableAccount(id("a")),
        Change::DisableAccount(id("elsewhere")),
        Change::EnableAccount(id("elsewhere")),
        Change::AddClient(client("shop", limited)),
        Change::AddClient(client("studio", ClientLimits::NONE)),
        Change::RemoveClient(ClientId::new("studio").unwrap()),
        Change::RemoveAccount(id("b")),
    ] {
        let revision = told.borrow_and_update().revision;
        let contents = registry.change(revision, change).await.unwrap();
        assert!(told.has_changed().unwrap());
        assert_eq!((contents.revision, &*told.borrow()), (revision + 1, &contents));
    }
    registry.refresh().await.unwrap();
    let contents = known(registry);
    assert_eq!(contents.accounts, [(id("a"), account("a"))].into());
    assert_eq!(contents.disabled, [id("a")].into());
    assert_eq!(contents.clients, [(ClientId::new("shop").unwrap(), client("shop", limited))].into());
}

async fn a_change_that_goes_by_an_older_revision_is_refused_and_changes_nothing(registry: &dyn Registry) {
    add(registry, "a").await;
    let late = registry.change(0, Change::RemoveAccount(id("a"))).await;
    assert_eq!(late.err(), Some(RegistryError::Outdated(1)));
    assert!(known(registry).accounts.contains_key(&id("a")));
}

async fn of_two_operators_who_race_one_is_told(registry: &dyn Registry) {
    let change = |name| registry.change(0, Change::AddAccount(account(name)));
    let (one, other) = tokio::join!(change("a"), change("b"));
    let outdated = [&one, &other].into_iter().filter(|it| matches!(it, Err(RegistryError::Outdated(1))));
    assert_eq!((outdated.count(), known(registry).accounts.len()), (1, 1), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_file_is_read_again_as_it_was_and_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let location = Location::Embedded(directory.path().join("new/ledger.redb"));
    let registry = open(&location).await.unwrap();
    add(&*registry, "a").await;
    let contents = registry.change(1, Change::DisableAccount(id("a"))).await.unwrap();
    drop(registry);
    assert_eq!(known(&*open(&location).await.unwrap()), contents);
    let file = directory.path().join("new/ledger.registry.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(file, "{}").unwrap();
    assert!(matches!(open(&location).await.err(), Some(RegistryError::Corrupt(_))));
}

/// Two services over one registry in Redis, the second of which follows what the first does.
#[tokio::test]
async fn what_one_service_changes_another_hears_of_within_a_second() {
    let location = Location::Redis(redis_server::place());
    let (one, other) = (open(&location).await.unwrap(), open(&location).await.unwrap());
    let mut heard = other.contents();
    let following = async {
        add(&*one, "a").await;
        heard.wait_for(|contents| contents.accounts.contains_key(&id("a"))).await.unwrap();
    };
    tokio::select! {
        () = other.follow() => unreachable!(),
        heard = timeout(Duration::from_secs(1), following) => heard.expect("it was heard in time"),
    }
    let late = other.change(0, Change::RemoveAccount(id("a"))).await;
    assert_eq!(late.err(), Some(RegistryError::Outdated(1)));
}

#[tokio::test]
async fn what_redis_lost_is_put_back_and_a_revoked_client_stays_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::passing(directory.path());
    let location = Location::Redis(server.place());
    let (one, other) = (open(&location).await.unwrap(), open(&location).await.unwrap());
    one.change(0, Change::AddClient(client("shop", ClientLimits::NONE))).await.unwrap();
    other.refresh().await.unwrap();
    let mut connection = server.connection().await;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*registry").query_async(&mut connection).await.unwrap();
    let dump: Vec<u8> = ::redis::cmd("DUMP").arg(&keys[0]).query_async(&mut connection).await.unwrap();
    let contents = one.change(1, Change::RemoveClient(ClientId::new("shop").unwrap())).await.unwrap();

    let _: () = ::redis::cmd("RESTORE")
        .arg(&keys[0])
        .arg(0)
        .arg(dump)
        .arg("REPLACE")
        .query_async(&mut connection)
        .await
        .unwrap();
    one.refresh().await.unwrap();
    other.refresh().await.unwrap();
    assert_eq!((known(&*other), known(&*other).clients.len()), (contents.clone(), 0));

    let _: () = ::redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    other.refresh().await.unwrap();
    assert_eq!(known(&*open(&location).await.unwrap()), contents);
}
