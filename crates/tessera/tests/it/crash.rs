//! What survives `kill -9`.

use std::{fs, path::Path, process::Command};

use serde::Deserialize;

use crate::process::{Server, printed, tessera};

/// One line of the simulator's arrival log.
#[derive(Debug, Deserialize)]
struct Arrival {
    status: Option<u16>,
}

fn curl(arguments: &[&str], url: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-fsS"]).args(arguments).arg(url);
    printed(command).join("\n")
}

fn arrivals(simulator: &Server) -> Vec<Arrival> {
    serde_json::from_str(&curl(&[], &format!("{}/admin/arrivals", simulator.url()))).unwrap()
}

fn config(home: &Path, simulator: &Server) -> std::path::PathBuf {
    let path = home.join("tessera.toml");
    let text = format!(
        r#"
[generation]
deadline_seconds = 20
[generation.gemini]
base_url = "{}"
[[accounts]]
id = "a"
provider = "gemini"
project = "p"
tier = "pro"
api_key = "AIza-a"
limits = {{ requests_per_minute = 2, images_per_minute = 2, concurrent = 2 }}
"#,
        simulator.url()
    );
    fs::write(&path, text).unwrap();
    path
}

/// The project may be called twice a minute. One call was on its way when the process was killed.
#[test]
fn what_was_leased_before_a_kill_is_charged_after_it() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("script.toml");
    fs::write(&script, "latency.default = '1h'\n[[keys]]\nkey = 'AIza-a'\nproject = 'p'\nlimits = { requests_per_minute = 2 }").unwrap();
    let mut simulator = tessera(["simulator", "--listen", "127.0.0.1:0", "--script"]);
    simulator.arg(&script);
    let simulator = Server::start(simulator);
    let config = config(home.path(), &simulator);
    let up = || {
        let mut command = tessera(["up", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(&config).env("HOME", home.path()).env("TESSERA_CLIENT_KEY", "tsr_a");
        Server::start(command)
    };
    let generate = |gateway: &Server| {
        let mut command = tessera(["generate", "a lighthouse"]);
        command
            .current_dir(&home)
            .env("TESSERA_GATEWAY_URL", gateway.url())
            .env("TESSERA_CLIENT_KEY", "tsr_a");
        command
    };

    let first = up();
    let mut waiting = generate(&first).spawn().unwrap();
    while arrivals(&simulator).is_empty() {}
    first.kill();
    assert!(!waiting.wait().unwrap().success());

    let at_once = fs::read_to_string(&script).unwrap().replace("1h", "0s");
    curl(&["-X", "POST", "--data-binary", &at_once], &format!("{}/admin/script", simulator.url()));
    let second = up();
    printed(generate(&second));
    let third = generate(&second).output().unwrap();
    let message = String::from_utf8(third.stderr).unwrap();
    assert_eq!(third.status.code(), Some(1), "{message}");

    let arrivals = arrivals(&simulator);
    assert_eq!(arrivals.len(), 2, "{arrivals:?}");
    assert!(arrivals.iter().all(|arrival| arrival.status != Some(429)), "{arrivals:?}");
}
