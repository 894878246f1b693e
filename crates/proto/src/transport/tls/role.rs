//! Who may call what.
//!
//! A certificate makes its bearer what its names say: one for `generation`, among its DNS names, is generation's.

use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};

/// What the bearer of a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Gateway,
    Generation,
    /// Those who run Tessera, at their command line.
    Operator,
    /// Another service, which asks for pictures without passing the edge.
    Client,
}

use Role::{Client, Gateway, Generation, Operator};

/// What the bearer of a certificate is; nothing, where it names no role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roles(Vec<Role>);

/// What each of our services may be asked by whom. What does not stand here, nobody may ask.
const RULES: [(&str, &[Role]); 11] = [
    ("/tessera.v1.Generation/", &[Gateway, Client]),
    ("/tessera.v1.Activity/", &[Gateway, Operator]),
    ("/tessera.v1.Sealing/", &[Gateway, Operator]),
    ("/tessera.v1.Leases/", &[Generation]),
    ("/tessera.v1.Credentials/", &[Generation]),
    ("/tessera.v1.Clients/Authenticate", &[Gateway]),
    ("/tessera.v1.Clients/", &[Gateway, Operator]),
    // `tessera doctor` looks at them where generation runs, with the certificate that is there.
    ("/tessera.v1.Accounts/List", &[Gateway, Operator, Generation]),
    ("/tessera.v1.Accounts/", &[Gateway, Operator]),
    ("/tessera.v1.Standings/", &[Gateway, Operator]),
    ("/tessera.v1.UsageLog/", &[Gateway, Operator]),
];

/// What anybody may ask who has a certificate: whether we serve, and what.
const OPEN: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

impl Roles {
    /// Those that a certificate names.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = ParsedCertificate::try_from(certificate) else { return Self(Vec::new()) };
        let names = |role: &Role| {
            ServerName::try_from(role.name())
                .is_ok_and(|name| verify_server_name(&certificate, &name).is_ok())
        };
        Self([Gateway, Generation, Operator, Client].into_iter().filter(names).collect())
    }

    /// Why none of them may ask for this, and who may.
    pub(super) fn refusal(&self, path: &str) -> String {
        let names = |roles: &mut dyn Iterator<Item = &Role>| {
            let names: Vec<_> = roles.map(|role| role.name()).collect();
            names.join(" or ")
        };
        let (is, may) = (names(&mut self.0.iter()), names(&mut allowed(path)));
        match (is.as_str(), may.as_str()) {
            (_, "") => "no certificate allows this".to_owned(),
            ("", may) => format!("the certificate names no role; this takes one with the DNS name {may}"),
            (is, may) => format!("the certificate is for {is}; this takes one with the DNS name {may}"),
        }
    }

    /// Whether one of them may ask for this.
    pub(super) fn may_ask(&self, path: &str) -> bool {
        OPEN.iter().any(|open| path.starts_with(open)) || allowed(path).any(|role| self.0.contains(role))
    }
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Gateway => "gateway",
            Generation => "generation",
            Operator => "operator",
            Client => "client",
        }
    }
}

fn allowed(path: &str) -> impl Iterator<Item = &'static Role> {
    let rule = RULES.iter().find(|(prefix, _)| path.starts_with(prefix));
    rule.map_or(&[][..], |(_, roles)| roles).iter()
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn leases_are_generations_alone_and_pictures_are_for_the_edge_and_for_clients() {
        let may = |role: Role, path: &str| Roles(vec![role]).may_ask(path);
        for (path, expected) in [
            ("/tessera.v1.Leases/Settle", vec![Generation]),
            ("/tessera.v1.Credentials/Fetch", vec![Generation]),
            ("/tessera.v1.Generation/Generate", vec![Gateway, Client]),
            ("/tessera.v1.Clients/Authenticate", vec![Gateway]),
            ("/tessera.v1.Clients/Create", vec![Gateway, Operator]),
            ("/tessera.v1.Accounts/Add", vec![Gateway, Operator]),
            ("/tessera.v1.Accounts/List", vec![Gateway, Generation, Operator]),
            ("/tessera.v1.Nonsense/Add", vec![]),
            ("/grpc.health.v1.Health/Check", vec![Gateway, Generation, Operator, Client]),
        ] {
            let all = [Gateway, Generation, Operator, Client];
            assert_eq!(
                all.into_iter().filter(|role| may(*role, path)).collect::<Vec<_>>(),
                expected,
                "{path}"
            );
        }
        assert!(Roles(vec![]).may_ask("/grpc.health.v1.Health/Check"));
    }

    #[test]
    fn who_is_refused_hears_what_a_certificate_must_name() {
        let refusal = |roles: Vec<Role>, path| Roles(roles).refusal(path);
        assert_eq!(
            refusal(vec![Client], "/tessera.v1.Accounts/Add"),
            "the certificate is for client; this takes one with the DNS name gateway or operator"
        );
        assert_eq!(
            refusal(vec![], "/tessera.v1.Leases/Settle"),
            "the certificate names no role; this takes one with the DNS name generation"
        );
    }

    #[test]
    fn somebody_may_ask_for_every_method_that_we_have() {
        let files = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).unwrap();
        let mut services = 0;
        for (file, service) in
            files.file.iter().flat_map(|file| file.service.iter().map(move |it| (file, it)))
        {
            let path = format!("/{}.{}/", file.package(), service.name());
            assert!(allowed(&path).next().is_some(), "nobody may ask for {path}");
            services += 1;
        }
        assert_eq!(services + 2, RULES.len(), "two have a rule for a method of their own");
    }
}
