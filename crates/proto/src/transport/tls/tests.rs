//! Certificates that are right, missing, of strangers, for others, and renewed, over this machine's own network.

use std::{fs, net::SocketAddr, path::Path};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tonic::{Code, Request, Status, service::Routes, transport::server::TcpIncoming};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

use super::*;
use crate::{
    Health,
    transport::{Channel, connect, connect_as, server},
    v1::{RenewRequest, leases_client::LeasesClient},
};

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a certificate for these names to a directory, with its key, and believes `believed`.
    fn issue(&self, directory: &Path, names: &[&str], believed: &Self) -> TlsFiles {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        fs::create_dir_all(directory).unwrap();
        let write = |name: &str, text: String| {
            let file = directory.join(name);
            fs::write(&file, text).unwrap();
            file
        };
        TlsFiles {
            ca: write("ca.pem", believed.0.pem()),
            cert: write("cert.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
        }
    }

    fn identity(&self, directory: &Path, names: &[&str]) -> Identity {
        Identity::load(self.issue(directory, names, self)).unwrap()
    }
}

/// A server that knows health, and refuses leases to those who may not ask for them.
async fn serve(identity: Identity) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = Health::new(&["tessera.v1.Leases"]).await;
    health.set(true).await;
    let routes = health.beside(Routes::default());
    let incoming = callers(TcpIncoming::from(listener), Some(identity));
    tokio::spawn(server().layer(Admission).add_routes(routes).serve_with_incoming(incoming));
    address
}

fn channel(address: SocketAddr, identity: &Identity) -> Channel {
    connect_as(&format!("https://localhost:{}", address.port()), Some(identity)).unwrap()
}

async fn health(channel: Channel) -> Result<(), Code> {
    asked(channel).await.map(|_| ()).map_err(|status| status.code())
}

/// Why nobody can be asked there.
async fn mistrust(channel: Channel) -> String {
    let status = asked(channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    status.message().to_owned()
}

async fn asked(channel: Channel) -> Result<tonic::Response<HealthCheckResponse>, Status> {
    HealthClient::new(channel).check(HealthCheckRequest::default()).await
}

/// What one who renews a lease hears; nobody has one here.
async fn renew(channel: Channel) -> Code {
    LeasesClient::new(channel).renew(Request::new(RenewRequest::default())).await.unwrap_err().code()
}

#[tokio::test]
async fn those_who_know_each_other_talk_and_each_may_ask_for_its_own() {
    let (home, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let quota = serve(ca.identity(&home.path().join("quota"), &["quota", "localhost"])).await;
    let generation = ca.identity(&home.path().join("generation"), &["generation"]);
    assert_eq!(health(channel(quota, &generation)).await, Ok(()));
    assert_eq!(renew(channel(quota, &generation)).await, Code::Unimplemented, "it was let through");
    let gateway = ca.identity(&home.path().join("gateway"), &["gateway"]);
    assert_eq!(health(channel(quota, &gateway)).await, Ok(()));
    assert_eq!(renew(channel(quota, &gateway)).await, Code::PermissionDenied);
}

#[tokio::test]
async fn strangers_are_refused_at_either_end() {
    let (home, ca, other) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    let quota = serve(ca.identity(&home.path().join("quota"), &["quota", "localhost"])).await;
    let plain = connect(&format!("http://localhost:{}", quota.port())).unwrap();
    assert_eq!(health(plain).await, Err(Code::Unavailable), "without a certificate");
    let issued = |authority: &Authority, believed| {
        let files = authority.issue(&home.path().join("generation"), &["generation"], believed);
        Identity::load(files).unwrap()
    };
    let said = mistrust(channel(quota, &issued(&other, &ca))).await;
    assert!(said.contains("it knows no authority of our certificate; have one authority sign"), "{said}");
    let said = mistrust(channel(quota, &issued(&other, &other))).await;
    assert!(said.contains("its certificate is of no authority in our ca_file; have one"), "{said}");

    let impostor = serve(ca.identity(&home.path().join("impostor"), &["generation"])).await;
    let said = mistrust(channel(impostor, &issued(&ca, &ca))).await;
    assert!(said.contains("its certificate is not for localhost; issue it with that name"), "{said}");
    assert!(connect("https://localhost:1").is_err(), "there is no https without certificates");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let (home, ca, next) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    let directory = home.path().join("quota");
    let identity = ca.identity(&directory, &["quota", "localhost"]);
    let quota = serve(identity.clone()).await;
    let old = ca.identity(&home.path().join("old"), &["generation"]);
    assert_eq!(health(channel(quota, &old)).await, Ok(()));

    fs::write(directory.join("cert.pem"), "nonsense").unwrap();
    identity.look_again();
    assert_eq!(health(channel(quota, &old)).await, Ok(()), "the old one holds");

    next.issue(&directory, &["quota", "localhost"], &next);
    identity.look_again();
    let new = next.identity(&home.path().join("new"), &["generation"]);
    assert_eq!(health(channel(quota, &new)).await, Ok(()));
    assert_eq!(
        health(channel(quota, &old)).await,
        Err(Code::Unavailable),
        "its authority is believed no more"
    );
}

#[test]
fn what_is_wrong_is_said_with_the_file() {
    let (home, ca) = (tempfile::tempdir().unwrap(), Authority::new());
    let files = ca.issue(home.path(), &["quota"], &ca);
    let problem = |file: &Path, text: &str| {
        let before = fs::read(file).unwrap();
        fs::write(file, text).unwrap();
        let problem = Identity::load(files.clone()).unwrap_err().to_string();
        fs::write(file, before).unwrap();
        problem
    };
    assert!(problem(&files.ca, "").ends_with("ca.pem holds no certificate in PEM"));
    assert!(problem(&files.key, "").ends_with("key.pem holds no private key in PEM"));
    let other = KeyPair::generate().unwrap().serialize_pem();
    assert!(problem(&files.key, &other).contains("cert.pem cannot be used with the key in"));
}
