//! Three processes that show each other certificates, and an operator who has one too.

use std::{fs, path::Path, process::Command};

use domain::Resolution;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{
    picture,
    process::{Server, printed, tessera},
};

const OPERATOR: &str = r#"
[[accounts]]
id = "a"
provider = "gemini"
project = "p"
tier = "ultra"
api_key = "AIza-a"

[[clients]]
name = "website"
key = "tsr_website"
"#;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Has a command be known by a certificate for this role, at this machine's own address.
fn known_as(mut command: Command, role: &str, home: &Path, ca: &Authority) -> Command {
    let key = KeyPair::generate().unwrap();
    let names = vec![role.to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, ca).unwrap();
    for (kind, text) in [("CA", ca.pem()), ("CERT", certificate.pem()), ("KEY", key.serialize_pem())] {
        let file = home.join(format!("{role}-{kind}.pem"));
        fs::write(&file, text).unwrap();
        command.env(format!("TESSERA_TLS__{kind}_FILE"), file);
    }
    command
}

#[test]
fn roles_that_know_each_other_serve_and_let_nobody_else_in() {
    let (home, ca) = (tempfile::tempdir().unwrap(), authority());
    let config = home.path().join("tessera.toml");
    fs::write(&config, OPERATOR).unwrap();
    let simulator = Server::start(tessera(["simulator", "--listen", "127.0.0.1:0"]));
    let role = |name: &str, settings: &[(&str, &str)]| {
        let mut command = tessera([name, "--config"]);
        command.arg(&config).env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0");
        command.env("TESSERA_DATA_DIR", home.path().join(name)).envs(settings.iter().copied());
        Server::start(known_as(command, name, home.path(), &ca))
    };
    let quota = role("quota", &[]);
    assert!(quota.url().starts_with("https://"), "{}", quota.url());
    let provider = ("TESSERA_GENERATION__GEMINI__BASE_URL", simulator.url());
    let generation = role("generation", &[("TESSERA_GENERATION__QUOTA_URL", quota.url()), provider]);
    let gateway = role(
        "gateway",
        &[
            ("TESSERA_GATEWAY__GENERATION_URL", generation.url()),
            ("TESSERA_GATEWAY__QUOTA_URL", quota.url()),
            ("TESSERA_GATEWAY__CONSOLE_LISTEN", "off"),
        ],
    );

    let file = home.path().join("picture.png");
    let mut generate = tessera(["generate", "a lighthouse", "-o"]);
    generate.arg(&file).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", "tsr_website");
    printed(generate);
    assert!(picture::is_png(&file, "1:1", Resolution::K1));

    let list = || {
        let mut command = tessera(["accounts", "list"]);
        command.env("TESSERA_QUOTA_URL", quota.url());
        command
    };
    let listed = printed(known_as(list(), "operator", home.path(), &ca)).join("\n");
    assert!(listed.contains("ultra"), "{listed}");
    for (mut stranger, why) in [
        (list(), "asks for certificates"),
        (known_as(list(), "client", home.path(), &ca), "the certificate does not allow this"),
        (known_as(list(), "operator", home.path(), &authority()), "cannot be reached"),
    ] {
        let refused = stranger.output().unwrap();
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && message.contains(why), "{message}");
    }
}
