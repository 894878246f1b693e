//! Vertex AI: a service account, from its key file to the picture.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use domain::Resolution;

use crate::{
    picture,
    process::{Server, printed, tessera},
    provider::{Arrival, Provider},
};

const EMAIL: &str = "painter@studio-1.iam.gserviceaccount.com";

/// A service account that is made for one test: its key, in PEM, and its file.
pub(crate) struct ServiceAccount {
    key: String,
    file: PathBuf,
}

impl ServiceAccount {
    pub(crate) fn make(home: &Path) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let base64 = base64_turbo::STANDARD.encode(der.as_ref());
        let key = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        let file = home.join("painter.json");
        let json = serde_json::json!({
            "type": "service_account",
            "project_id": "studio-1",
            "private_key_id": "1",
            "private_key": key,
            "client_email": EMAIL,
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        fs::write(&file, json.to_string()).unwrap();
        Self { key, file }
    }

    /// A provider that knows it.
    pub(crate) fn provider(&self, home: &Path) -> Provider {
        let key = &self.key;
        let script = format!(
            "latency.default = '0s'\n[[keys]]\nkey = 'AIza-a'\n[[service_accounts]]\nclient_email = '{EMAIL}'\n\
             project = 'studio-1'\nprivate_key = '''\n{key}'''"
        );
        Provider::start(home, &script)
    }

    /// A configuration with this account at that provider, and more. Its tier is the costliest, so that others are
    /// preferred where nothing speaks for it.
    pub(crate) fn configuration(&self, home: &Path, provider: &Provider, more: &str) -> PathBuf {
        let (config, url, file) = (home.join("tessera.toml"), provider.url(), self.file.display());
        let text = format!(
            "[generation.gemini]\nbase_url = '{url}'\n\
             [generation.vertex]\nbase_url = '{url}'\ntoken_url = '{url}/token'\n\
             [[accounts]]\nid = 'painter'\nprovider = 'vertex'\nproject = 'studio-1'\ntier = 'ultra'\n\
             service_account_file = '{file}'\n{more}"
        );
        fs::write(&config, text).unwrap();
        config
    }
}

fn up(home: &Path, config: &Path) -> Command {
    let mut command = tessera(["up", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(config).env("HOME", home).env("TESSERA_CLIENT_KEY", "tsr_a");
    command
}

#[test]
fn a_service_account_draws() {
    let home = tempfile::tempdir().unwrap();
    let account = ServiceAccount::make(home.path());
    let provider = account.provider(home.path());
    let gateway = Server::start(up(home.path(), &account.configuration(home.path(), &provider, "")));
    let mut generate = tessera(["generate", "a lighthouse", "--size", "16:9"]);
    generate.current_dir(&home).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", "tsr_a");
    printed(generate);
    assert!(picture::is_png(&home.path().join("picture.png"), "16:9", Resolution::K1));
    let arrivals = provider.arrivals();
    assert_eq!((arrivals.len(), arrivals[0].provider.as_str(), arrivals[0].status), (1, "vertex", Some(200)));
}

/// The Gemini API's account is as good as any other, and is used before the service account when nothing is said.
const BOTH: &str = "[[accounts]]\nid = 'a'\nprovider = 'gemini'\nproject = 'p'\ntier = 'free'\n\
    api_key = 'AIza-a'\nlimits = { requests_per_minute = 9, images_per_minute = 9 }\n";

/// What the answer to a request for a crowd says of people, and the call that it became.
fn ask_for_a_crowd(gateway: &Server, provider: &Provider, policy: &str) -> (Option<String>, Arrival) {
    let before = provider.arrivals().len();
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "-o", "-", "-D", "/dev/stderr", "-H", "authorization: Bearer tsr_a"]);
    curl.args(["-H", "content-type: application/json", "-d"]);
    curl.arg(format!(r#"{{"prompt":"a crowd"{policy}}}"#));
    let answer = curl.arg(format!("{}/v1/images/generations", gateway.url())).output().unwrap();
    let headers = String::from_utf8(answer.stderr).unwrap();
    assert!(answer.status.success(), "{headers}");
    let told = headers.lines().find_map(|line| line.strip_prefix("x-tessera-person-generation: "));
    let arrival = provider.arrivals().swap_remove(before);
    (told.map(|told| told.trim().to_owned()), arrival)
}

#[test]
fn where_people_are_denied_a_service_account_is_preferred_and_the_answer_says_how() {
    const DENY: &str = r#","personGeneration":"deny""#;
    let home = tempfile::tempdir().unwrap();
    let account = ServiceAccount::make(home.path());
    let provider = account.provider(home.path());
    let both = Server::start(up(home.path(), &account.configuration(home.path(), &provider, BOTH)));
    let (told, call) = ask_for_a_crowd(&both, &provider, "");
    assert_eq!((told, call.provider.as_str(), call.prompt.as_str()), (None, "gemini", "a crowd"));
    for _ in 0..2 {
        let (told, call) = ask_for_a_crowd(&both, &provider, DENY);
        assert_eq!((told.as_deref(), call.provider.as_str()), (Some("native"), "vertex"));
        assert_eq!(
            (call.person_generation.as_deref(), call.prompt.as_str()),
            (Some("ALLOW_NONE"), "a crowd")
        );
    }
    drop(both);

    let config = provider.configuration(home.path(), "");
    let gemini = Server::start(up(home.path(), &config));
    let (told, call) = ask_for_a_crowd(&gemini, &provider, DENY);
    assert_eq!((told.as_deref(), call.provider.as_str()), (Some("instruction"), "gemini"));
    assert!(call.person_generation.is_none() && call.prompt.contains("people"), "{}", call.prompt);
}

#[test]
fn a_key_file_that_is_none_ends_the_start_with_64_and_is_named_by_its_account() {
    let home = tempfile::tempdir().unwrap();
    let account = ServiceAccount::make(home.path());
    let provider = account.provider(home.path());
    let config = account.configuration(home.path(), &provider, "");
    fs::write(&account.file, r#"{"type":"service_account","private_key":"very-secret"}"#).unwrap();
    let ended = up(home.path(), &config).output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(64), "{message}");
    assert!(message.contains("the service account file of account `painter` must be"), "{message}");
    assert!(!message.contains("very-secret"), "{message}");
}
