//! Configurations that cannot be used.

use std::fs;

use crate::process::{printed, tessera};

#[test]
fn a_configuration_that_cannot_be_used_ends_every_role_with_64_and_names_the_key() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("tessera.toml");
    fs::write(&config, "[gateway]\nlistenn = '127.0.0.1:0'").unwrap();
    for role in ["up", "gateway", "generation", "quota"] {
        let ended = tessera([role, "--config"]).arg(&config).output().unwrap();
        let message = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(64), "{role}: {message}");
        assert!(message.contains("tessera.toml:2: unknown field `listenn`"), "{role}: {message}");
        assert!(ended.stdout.is_empty(), "{role} listened all the same");
    }
}

#[test]
fn what_only_the_services_can_judge_ends_with_64_too() {
    let home = tempfile::tempdir().unwrap();
    for (variable, value, expected) in [
        ("TESSERA_GENERATION__MAX_ATTEMPTS", "9", "generation.max_attempts must be 1 to 3"),
        ("TESSERA_QUOTA__KEY_PEPPER", "short", "key pepper"),
        (
            "TESSERA_ACCOUNTS",
            "[{ id = 'a', provider = 'gemini', project = 'p', tier = 'pro', api_key_env = 'NO_SUCH' }]",
            "account a: the environment variable NO_SUCH is not set",
        ),
        ("TESSERA_GENERATION__GEMINI__BASE_URL", "http://127.0.0.1:1", "no account is to call it"),
        ("TESSERA_CLIENT_KEY", "two words", "client default: the key must be visible ASCII"),
        ("TESSERA_LOG", "=", "the log filter `=`"),
    ] {
        let mut up = tessera(["up", "--listen", "127.0.0.1:0", "--data-dir"]);
        let ended = up.arg(home.path()).env(variable, value).output().unwrap();
        let message = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(64), "{variable}: {message}");
        assert!(message.contains(expected), "{variable}: {message}");
    }
}

#[test]
fn what_is_in_force_is_shown_with_its_origin_and_without_secrets() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("tessera.toml");
    let file = "[gateway]\nlisten = '127.0.0.1:1'\n[generation]\nmax_attempts = 2\n[quota]\nkey_pepper = 'canary'\n\
                [[accounts]]\nid = 'a'\nprovider = 'gemini'\nproject = 'p'\ntier = 'pro'\napi_key = 'canary'\n\
                limits = { concurrent = 2 }\n\
                [[clients]]\nname = 'c'\nkey_env = 'NOT_YET'\n";
    fs::write(&config, file).unwrap();
    let shown = |arguments: &[&str]| {
        let mut print = tessera([&["config", "print"], arguments].concat());
        print.env("TESSERA_CONFIG", &config).env("TESSERA_QUOTA__STORE", "redis://u:canary@cache/1");
        print.env("TESSERA_GENERATION__SEALING_KEY", "canary");
        printed(print).join("\n")
    };
    let all = shown(&[]);
    for line in [
        "[gateway]",
        "listen = \"127.0.0.1:1\"  # file",
        "keep_alive_seconds = 10  # default",
        "max_attempts = 2  # file",
        "sealing_key = \"(set)\"  # TESSERA_GENERATION__SEALING_KEY",
        "connect_timeout_seconds = 5  # default",
        "store = \"redis://u:(set)@cache/1\"  # TESSERA_QUOTA__STORE",
        "key_pepper = \"(set)\"  # file",
        "[[accounts]]  # file",
        "api_key = \"(set)\"",
        "limits = { concurrent = 2 }",
        "key_env = \"NOT_YET\"",
    ] {
        assert!(all.lines().any(|shown| shown == line), "{line} is missing of\n{all}");
    }
    assert!(!all.contains("canary"), "{all}");
    let of_gateway = shown(&["--role", "gateway"]);
    assert!(of_gateway.contains("[gateway]") && !of_gateway.contains("[quota]"), "{of_gateway}");
    fs::write(&config, all).unwrap();
    shown(&[]);
}
