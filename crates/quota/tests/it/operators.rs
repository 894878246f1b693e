//! What operators change while the service runs: accounts and clients, over gRPC.

use domain::{Failure, FailureKind, lease::Acquired};
use proto::{
    failure_of,
    transport::Channel,
    v1::{
        self, accounts_client::AccountsClient, clients_client::ClientsClient,
        credentials_client::CredentialsClient, leases_client::LeasesClient,
    },
};
use sha2::{Digest as _, Sha256};
use tonic::{Response, Status};

use crate::grpc::{Service, acquire, serve, service, wish};

/// The account `b` of a project of its own; the service has `a` of project `p` with limits of its own.
fn new(id: &str, project: &str) -> v1::AddAccountRequest {
    v1::AddAccountRequest {
        id: id.into(),
        provider: "gemini".into(),
        project: project.into(),
        tier: "pro".into(),
        models: vec!["gemini-3-pro-image-preview".into()],
        sealed_credential: format!("sealed for {id}").into_bytes().into(),
        ..Default::default()
    }
}

fn named(id: &str) -> v1::ChangeAccountRequest {
    v1::ChangeAccountRequest { id: id.into(), revision: None }
}

fn clients_of(service: &Service) -> (AccountsClient<Channel>, ClientsClient<Channel>, LeasesClient<Channel>) {
    let channel = serve(&service.quota);
    (AccountsClient::new(channel.clone()), ClientsClient::new(channel.clone()), LeasesClient::new(channel))
}

fn failure<T>(answer: Result<Response<T>, Status>) -> Failure {
    match answer {
        Ok(_) => panic!("it was not refused"),
        Err(status) => failure_of(&status),
    }
}

/// The accounts of a wish for so many pictures, and the sealed credential of each.
async fn granted(leases: &mut LeasesClient<Channel>, name: &str, count: u32) -> Vec<(String, bool)> {
    match acquire(leases, wish(name, count)).await.unwrap() {
        Acquired::Granted(grants) => {
            grants.iter().map(|grant| (grant.account.to_string(), grant.credential.is_some())).collect()
        }
        Acquired::Refused(shortage) => panic!("{shortage:?}"),
    }
}

#[tokio::test]
async fn an_account_that_is_added_is_leased_with_its_sealed_credential_until_it_is_disabled_or_removed() {
    let service = service().await;
    let (mut accounts, _, mut leases) = clients_of(&service);
    let added = accounts.add(new("b", "q")).await.unwrap().into_inner();
    let account = added.account.unwrap();
    assert_eq!(account.models, ["gemini-3-pro-image"]);
    let both = granted(&mut leases, "r", 2).await;
    assert!(both.contains(&("a".into(), false)) && both.contains(&("b".into(), true)), "{both:?}");

    let mut credentials = CredentialsClient::new(serve(&service.quota));
    let version = account.credential_version;
    let fetch = |version| v1::FetchCredentialRequest { account: "b".into(), version };
    assert_eq!(credentials.fetch(fetch(version)).await.unwrap().into_inner().sealed, "sealed for b");
    assert_eq!(failure(credentials.fetch(fetch(version + 2)).await).field.as_deref(), Some("version"));

    let disabled = accounts.disable(named("b")).await.unwrap().into_inner();
    assert!(!disabled.account.unwrap().enabled);
    assert_eq!(granted(&mut leases, "s", 1).await, [("a".into(), false)]);
    accounts.enable(named("b")).await.unwrap();
    assert_eq!(granted(&mut leases, "t", 1).await, [("b".into(), true)]);
    accounts.remove(named("b")).await.unwrap();
    assert_eq!(failure(credentials.fetch(fetch(version)).await).field.as_deref(), Some("version"));
    let show = accounts.show(v1::ShowAccountRequest { id: "b".into() }).await;
    assert!(failure(show).message.contains("there is no account `b`"));
}

#[tokio::test]
async fn an_account_of_the_configuration_can_be_disabled_but_not_removed() {
    let service = service().await;
    let (mut accounts, _, mut leases) = clients_of(&service);
    accounts.disable(named("a")).await.unwrap();
    let acquired = acquire(&mut leases, wish("r", 1)).await.unwrap();
    assert!(matches!(acquired, Acquired::Refused(_)), "{acquired:?}");
    accounts.enable(named("a")).await.unwrap();
    assert_eq!(granted(&mut leases, "s", 1).await, [("a".into(), false)]);
    let refused = failure(accounts.remove(named("a")).await);
    assert!(refused.message.contains("is in the configuration"), "{refused}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_field_and_names_whom_it_contradicts() {
    let service = service().await;
    let (mut accounts, mut clients, _) = clients_of(&service);
    let models = vec!["dall-e-3".into()];
    let large = vec![0; (64 << 10) + 1].into();
    for (request, field, told) in [
        (new("a", "q"), "id", "there is an account `a` already, from the configuration"),
        (new("b", "p"), "limits", "`a` and `b` share the quota of project `p`"),
        (v1::AddAccountRequest { models, ..new("b", "q") }, "models", "`dall-e-3`"),
        (
            v1::AddAccountRequest { sealed_credential: large, ..new("b", "q") },
            "sealed_credential",
            "at most 65536 bytes",
        ),
        (
            v1::AddAccountRequest { revision: Some(3), ..new("b", "q") },
            "revision",
            "have revision 0 by now, not 3",
        ),
    ] {
        let refused = failure(accounts.add(request).await);
        assert_eq!((refused.kind, refused.field.as_deref()), (FailureKind::InvalidRequest, Some(field)));
        assert!(refused.message.contains(told), "{refused}");
    }
    let taken = v1::CreateClientRequest { name: "studio".into(), ..Default::default() };
    assert_eq!(failure(clients.create(taken).await).field.as_deref(), Some("name"));
    let revoke = v1::RevokeClientRequest { name: "studio".into(), revision: None };
    let refused = failure(clients.revoke(revoke).await);
    assert!(refused.message.contains("is in the configuration: remove it from [[clients]]"), "{refused}");
    let listed = accounts.list(v1::ListAccountsRequest {}).await.unwrap().into_inner();
    assert_eq!((listed.revision, listed.accounts.len()), (0, 1));
}

#[tokio::test]
async fn two_operators_who_add_the_same_account_are_told_apart_and_others_do_not_lose_theirs() {
    let service = service().await;
    let add = |id: &'static str| {
        let (mut accounts, ..) = clients_of(&service);
        async move { accounts.add(new(id, id)).await }
    };
    let (one, other, third) = tokio::join!(add("b"), add("b"), add("c"));
    let refused = if one.is_err() { failure(one) } else { failure(other) };
    assert_eq!(refused.field.as_deref(), Some("id"));
    assert!(third.is_ok());
    let (mut accounts, ..) = clients_of(&service);
    let listed = accounts.list(v1::ListAccountsRequest {}).await.unwrap().into_inner();
    let ids: Vec<_> = listed.accounts.iter().map(|account| account.id.as_str()).collect();
    assert_eq!((ids, listed.revision), (vec!["a", "b", "c"], 2));
}

#[tokio::test]
async fn a_client_that_is_created_is_known_by_the_key_that_is_told_once_until_it_is_revoked() {
    let service = service().await;
    let (_, mut clients, _) = clients_of(&service);
    let limits = v1::ClientLimits { images_per_day: Some(5), ..Default::default() };
    let create = v1::CreateClientRequest { name: "shop".into(), limits: Some(limits), revision: None };
    let created = clients.create(create).await.unwrap().into_inner();
    let key_sha256: bytes::Bytes = Sha256::digest(&created.key).to_vec().into();
    let question = || v1::AuthenticateRequest { key_sha256: key_sha256.clone() };
    assert_eq!(clients.authenticate(question()).await.unwrap().into_inner().client, "shop");

    let listed = clients.list(v1::ListClientsRequest {}).await.unwrap().into_inner();
    assert_eq!(listed.clients.iter().map(|client| &client.name).collect::<Vec<_>>(), ["shop", "studio"]);
    assert_eq!(listed.clients[0].limits, Some(limits));
    assert!(!format!("{listed:?}").contains(&created.key));

    clients.revoke(v1::RevokeClientRequest { name: "shop".into(), revision: None }).await.unwrap();
    assert_eq!(failure(clients.authenticate(question()).await).kind, FailureKind::Unauthenticated);
}
