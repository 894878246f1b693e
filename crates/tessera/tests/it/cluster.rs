//! Three processes, each with one role.

use std::{fs, path::Path, process::Command};

use domain::Resolution;

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
api_key_env = "KEY_OF_A"

[[clients]]
name = "website"
key_env = "KEY_OF_WEBSITE"
"#;

fn role(name: &str, config: &Path) -> Command {
    let mut command = tessera([name, "--config"]);
    command.arg(config).env(format!("TESSERA_{}__LISTEN", name.to_uppercase()), "127.0.0.1:0");
    command
}

#[test]
fn three_processes_serve_as_one_does() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("tessera.toml");
    fs::write(&config, OPERATOR).unwrap();
    let simulator = Server::start(tessera(["simulator", "--listen", "127.0.0.1:0"]));

    let mut quota = role("quota", &config);
    quota.env("KEY_OF_WEBSITE", "tsr_website").env("TESSERA_DATA_DIR", home.path().join("data"));
    let quota = Server::start(quota);
    let mut generation = role("generation", &config);
    generation
        .env("KEY_OF_A", "AIza-a")
        .env("TESSERA_GENERATION__OUTBOX", home.path().join("outbox"))
        .env("TESSERA_GENERATION__QUOTA_URL", quota.url())
        .env("TESSERA_GENERATION__GEMINI__BASE_URL", simulator.url());
    let generation = Server::start(generation);
    let mut gateway = role("gateway", &config);
    gateway
        .env("TESSERA_GATEWAY__GENERATION_URL", generation.url())
        .env("TESSERA_GATEWAY__QUOTA_URL", quota.url());
    let gateway = Server::start(gateway);

    let file = home.path().join("wide.png");
    let mut generate = tessera(["generate", "a lighthouse", "--model", "gemini-3-pro-image-21-9", "-o"]);
    generate.arg(&file).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", "tsr_website");
    printed(generate);
    assert!(picture::is_png(&file, "21:9", Resolution::K1));

    for role in [gateway, generation, quota] {
        assert_eq!(role.terminate().code(), Some(0));
    }
}
