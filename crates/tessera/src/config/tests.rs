//! Claims about the configuration as a whole.

use std::{collections::BTreeSet, path::PathBuf};

use secrecy::ExposeSecret as _;

use super::{effective::EXPLAINED, *};

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The configuration of a file with this text, below these variables.
fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("tessera.toml");
    fs::write(&path, text).unwrap();
    let shown = format!("{}/", home.path().display());
    Config::load(Some(&path), &environment(variables)).map_err(|error| error.to_string().replace(&shown, ""))
}

/// The explained file with every key switched on, of each group of alternatives the first.
fn switched_on() -> String {
    let alternatives = [
        "console_token_env",
        "console_token_file",
        "key_pepper_env",
        "key_pepper_file",
        "sealing_key_env",
        "sealing_key_file",
        "api_key_env",
        "api_key_file",
        "service_account_file",
        "location",
        "key_env",
        "key_file = \"/run/secrets",
        "store_password_env",
        "store_password_file",
    ];
    let is_key = |line: &&str| {
        let key = line.split([' ', '=']).next().unwrap_or_default();
        line.starts_with("[[")
            || line.contains(" = ") && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let lines = EXPLAINED.lines().filter_map(|line| match line.strip_prefix("# ") {
        Some(key) => Some(key).filter(is_key),
        None => Some(line),
    });
    let chosen = lines.filter(|line| !alternatives.iter().any(|key| line.starts_with(key)));
    chosen.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_explained_file_says_what_tessera_does_when_told_nothing() {
    let explained = load(EXPLAINED, &[]).unwrap();
    let untold = Config::load(None, &Environment::default()).unwrap();
    assert_eq!(format!("{explained:#?}"), format!("{untold:#?}"));
}

#[test]
fn the_examples_of_the_explained_file_are_valid() {
    let config = load(&switched_on(), &[]).unwrap();
    assert_eq!(config.accounts.len(), 1);
    assert_eq!(config.clients.len(), 1);
    assert_eq!(config.catalog.names().last(), Some(&"studio-image"));
}

/// What serde lists when it meets a key it does not know is every key there is.
#[test]
fn the_explained_file_leaves_no_key_out() {
    for (section, header) in [
        ("", ""),
        ("gateway", "[gateway]"),
        ("generation", "[generation]"),
        ("gemini", "[generation.gemini]"),
        ("vertex", "[generation.vertex]"),
        ("quota", "[quota]"),
        ("catalog", "[catalog]"),
        ("accounts", "[[accounts]]"),
        ("limits", "[[accounts]]\nlimits.no_such_key = 1\n#"),
        ("clients", "[[clients]]"),
        ("client limits", "[[clients]]\nlimits.no_such_key = 1\n#"),
        ("models", "[[models]]"),
        ("rates", "[[models]]\nrates = [{ no_such_key = 1 }]\n#"),
    ] {
        let error = load(&format!("{header}\nno_such_key = 1"), &[]).unwrap_err();
        let (_, known) = error.split_once("expected ").unwrap_or_else(|| panic!("{error}"));
        let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(!known.is_empty(), "{error}");
        for key in known {
            let written = [format!("{key} = "), format!("[{key}]"), format!("[[{key}]]"), format!(".{key}]")];
            assert!(
                written.iter().any(|text| EXPLAINED.contains(text)),
                "{key} of {section} is not explained"
            );
        }
    }
}

#[test]
fn what_is_wrong_is_named_with_its_file_and_line() {
    for (text, expected) in [
        ("[gateway]\nlistenn = '127.0.0.1:1'", "tessera.toml:2: unknown field `listenn`"),
        ("\n[gatway]", "tessera.toml:2: unknown field `gatway`"),
        ("[gateway]\nlisten = 'everywhere'", "tessera.toml:2: invalid socket address"),
        ("[gateway]\nbody_limit_bytes = 0", "tessera.toml:2: invalid value: integer `0`"),
        ("[gateway]\nkeep_alive_seconds = 0", "tessera.toml:2: `0` must be more than 0"),
        ("[gateway]\nquota_url = 'quota:8051'", "tessera.toml:2: `quota:8051` must be http://host:port"),
        ("[generation.gemini]\nbase_url = 'https://host/v1'", "tessera.toml:2: `https://host/v1` must be"),
        ("[quota]\nstore = 'sqlite:x'", "tessera.toml:2: `sqlite:` is no place for the ledger"),
        (
            "[quota]\nstore = 'redis+cluster://a:1/0'",
            "tessera.toml:2: this is no place in Redis for the ledger: a",
        ),
        ("[quota]\nkey_pepper = 'a'\nkey_pepper_file = 'b'", "give one of `key_pepper`"),
        ("[catalog]\ndefault = 'dall-e'", "the default model `dall-e` is not in the catalog"),
        ("[[models]]\nname = 'a'\nrates = []\ngemini_id = 'a'", "the model `a` needs at least one"),
        (
            "[[models]]\nname = 'a'\nrates = [{ resolution = '3K', tokens = 1, price_usd = 1 }]",
            "`3K` is not a resolution",
        ),
        ("[gateway", "tessera.toml:1: "),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains(expected), "{text}\ngave {error}\nand not {expected}");
    }
    let missing = Config::load(Some(&PathBuf::from("nowhere.toml")), &Environment::default()).unwrap_err();
    assert!(missing.to_string().contains("nowhere.toml cannot be read"), "{missing}");
}

const ACCOUNT: &str = "[[accounts]]\nid = 'a'\nprovider = 'gemini'\nproject = 'p'\ntier = 'pro'\n";

#[test]
fn an_account_that_cannot_work_is_refused_by_name() {
    for (rest, expected) in [
        ("", "account a: give `api_key`, `api_key_env` or `api_key_file`"),
        ("api_key = 'k'\nlocation = 'global'", "account a: `location` is for accounts of vertex"),
        (
            "api_key = 'k'\napi_key_env = 'K'",
            "account a: give one of `api_key`, `api_key_env` and `api_key_file`",
        ),
        (
            "api_key = 'k'\nservice_account_file = 'f'",
            "account a: give `api_key`, `api_key_env` or `api_key_file`, and no other",
        ),
        ("api_key = 'k'\nmodels = ['dall-e']", "account a: models: `dall-e` is not in the catalog"),
        ("api_key = 'k'\nlimits = { concurrent = 0 }", "expected a nonzero u32"),
        ("api_key = 'k'\nlimits = { per_hour = 1 }", "unknown field `per_hour`"),
    ] {
        let error = load(&format!("{ACCOUNT}{rest}"), &[]).unwrap_err();
        assert!(error.contains(expected), "{rest} gave {error}");
    }
    let vertex = ACCOUNT.replace("gemini", "vertex");
    for (rest, expected) in [
        ("", "account a: give `service_account_file`, and no API key"),
        ("api_key = 'k'", "account a: give `service_account_file`, and no API key"),
        ("service_account_file = 'f'\napi_key_env = 'K'", "account a: give `service_account_file`, and no"),
        ("service_account_file = 'f'\nlocation = 'Mars'", "`Mars` is not a location"),
    ] {
        let error = load(&format!("{vertex}{rest}"), &[]).unwrap_err();
        assert!(error.contains(expected), "{rest} gave {error}");
    }
    let config = load(&format!("{vertex}service_account_file = 'f'\nlocation = 'eu'"), &[]).unwrap();
    assert_eq!(config.accounts[0].location.as_str(), "eu");
    let error = config.accounts[0].open(&Environment::default()).err().unwrap();
    assert!(error.starts_with("f cannot be read: "), "{error}");
}

#[test]
fn everything_that_is_wrong_between_entries_is_told_at_once() {
    let account = format!("{ACCOUNT}api_key = 'k'\nmodels = ['x']\n");
    let client = "[[clients]]\nname = 'c'\nkey = 'k'\n";
    let error = load(&format!("{account}{account}{client}{client}"), &[]).unwrap_err();
    assert_eq!(error.lines().count(), 4, "{error}");
    assert!(error.contains("accounts: two are called a"), "{error}");
    assert!(error.contains("clients: two are called c"), "{error}");
}

#[test]
fn limits_override_the_tier_one_by_one_and_models_go_by_their_public_name() {
    let rest = "api_key = 'k'\nlimits = { concurrent = 2 }\nmodels = ['Gemini-3-Pro-Image-Preview']";
    let config = load(&format!("{ACCOUNT}{rest}"), &[]).unwrap();
    let account = &config.accounts[0].account;
    assert_eq!(account.limits, domain::Limits { concurrent: 2, ..domain::Tier::Pro.default_limits() });
    assert_eq!(account.models, ["gemini-3-pro-image"]);
}

#[test]
fn a_clients_limits_are_checked_and_what_is_not_said_is_not_limited() {
    let client = "[[clients]]\nname = 'c'\nkey = 'k'\n";
    let limits = "limits = { images_per_day = 5, spend_per_day_usd = 2.5 }";
    let config = load(&format!("{client}{limits}"), &[]).unwrap();
    let expected = domain::ClientLimits {
        images_per_day: Some(5),
        spend_per_day_micro_usd: Some(2_500_000),
        ..domain::ClientLimits::NONE
    };
    assert_eq!(config.clients[0].client.limits, expected);
    for (limits, expected) in [
        ("limits = { concurrent = 0 }", "expected a nonzero u32"),
        ("limits = { spend_per_day_usd = 0 }", "`0` must be more than 0 and at most 1000000 dollars"),
        ("limits = { per_hour = 1 }", "unknown field `per_hour`"),
    ] {
        let error = load(&format!("{client}{limits}"), &[]).unwrap_err();
        assert!(error.contains(expected), "{limits} gave {error}");
    }
    let keys = "[generation]\nsealing_key_env = 'K'\nsealing_key_file = 'f'";
    assert!(load(keys, &[]).unwrap_err().contains("generation: give one of `sealing_key`"));
}

#[test]
fn a_certificate_is_three_files_wherever_each_is_named() {
    let two = "[tls]\nca_file = 'ca.crt'\ncert_file = 'tls.crt'";
    assert!(
        load(two, &[]).unwrap_err().contains("tls: needs all of ca_file, cert_file and key_file, or none")
    );
    assert!(load(two, &[("TESSERA_TLS__KEY_FILE", "tls.key")]).unwrap().tls.is_some());
    assert!(load("[tls]", &[]).unwrap().tls.is_none());
}

#[test]
fn a_model_of_a_built_in_name_takes_its_place() {
    let text = "[[models]]\nname = 'gemini-3-pro-image'\ngemini_id = 'g'\n\
                rates = [{ resolution = '2K', tokens = 7, price_usd = 0.0505 }]";
    let catalog = load(text, &[]).unwrap().catalog;
    assert_eq!(catalog.models().len(), domain::Catalog::builtin().models().len());
    let model = catalog.default_model();
    assert_eq!((model.gemini_id.as_deref(), model.rates[0].price_micro_usd), (Some("g"), 50_500));
}

#[test]
fn the_environment_stands_above_the_file() {
    let file = "[gateway]\nlisten = '127.0.0.1:1'\n[generation]\nmax_attempts = 2";
    let config = load(
        file,
        &[
            ("TESSERA_GATEWAY__LISTEN", "0.0.0.0:80"),
            ("TESSERA_GATEWAY__KEEP_ALIVE_SECONDS", "0.5"),
            ("TESSERA_GENERATION__GEMINI__BASE_URL", "http://127.0.0.1:8090"),
            ("TESSERA_QUOTA__STORE", "memory:"),
            ("TESSERA_QUOTA__KEY_PEPPER", "20261122"),
            ("TESSERA_CLIENTS", r#"[{ name = "a", key_env = "KEY_OF_A" }]"#),
            ("KEY_OF_A", "tsr_a"),
            ("TESSERA_GATEWAY_SERVICE_HOST", "10.0.0.7"),
            ("TESSERA_GATEWAY_PORT", "tcp://10.0.0.7:8045"),
            ("TESSERA_LOG", "debug"),
        ],
    )
    .unwrap();
    assert_eq!(config.gateway.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.gateway.settings().keep_alive.as_millis(), 500);
    assert_eq!(config.generation.max_attempts, 2);
    assert!(!config.generation.gemini.is_google());
    let pepper = config.quota.pepper.unwrap().resolve(&Environment::default()).unwrap();
    assert_eq!(pepper.expose_secret(), "20261122");
    let key = config.clients[0].key.resolve(&environment(&[("KEY_OF_A", "tsr_a\n")])).unwrap();
    assert_eq!(key.expose_secret(), "tsr_a");
}

#[test]
fn a_variable_that_means_nothing_is_refused_by_name() {
    for (variable, value, expected) in [
        ("TESSERA_GATEWAY__LISTENN", "x", "TESSERA_GATEWAY__LISTENN: unknown field `listenn`"),
        ("TESSERA_GATWAY__LISTEN", "x", "TESSERA_GATWAY__LISTEN: unknown field `gatway`"),
        ("TESSERA_GATEWAY__LISTEN", "x", "TESSERA_GATEWAY__LISTEN: invalid socket address"),
        ("TESSERA_GATEWAY__LISTEN__PORT", "1", "TESSERA_GATEWAY__LISTEN__PORT: "),
        ("TESSERA_ACCOUNTS", "a,b", "TESSERA_ACCOUNTS: must be a TOML list"),
        (
            "TESSERA_CLIENTS",
            r#"[{ name = "a" }]"#,
            "TESSERA_CLIENTS: client a: give `key`, `key_env` or `key_file`",
        ),
    ] {
        let error = load("", &[(variable, value)]).unwrap_err();
        assert!(error.contains(expected), "{variable}={value} gave {error}");
    }
}

#[test]
fn no_error_shows_a_key() {
    let key = "AIzaVerySecret";
    for text in [
        format!("{ACCOUNT}api_kye = '{key}'"),
        format!("{ACCOUNT}api_key = {key}"),
        format!("{ACCOUNT}api_key = '{key}"),
        format!("{ACCOUNT}api_key = ['{key}']"),
        format!("{ACCOUNT}api_key = '{key}'\napi_key_env = 'K'"),
        format!("[[clients]]\nname = 'two words'\nkey = '{key}'"),
        format!("accounts = ['{key}']"),
        format!("{ACCOUNT}limits = '{key}'"),
        format!("[quota]\nstore = 'redis://:{key}@host:no-port'"),
    ] {
        let error = load(&text, &[]).unwrap_err();
        assert!(!error.contains(key), "{error}");
    }
    for value in [
        format!("[{{ key = {key} }}]"),
        format!("'{key}'"),
        format!("['{key}']"),
        format!("[{{ key = '{key}' }}]"),
    ] {
        let error = load("", &[("TESSERA_CLIENTS", &value)]).unwrap_err();
        assert!(!error.contains(key), "{error}");
    }
    let config = load(&format!("{ACCOUNT}api_key = '{key}'"), &[]).unwrap();
    assert!(!format!("{config:?}").contains(key));
}
