//! How `tessera up` ends, and what it leaves.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use domain::Resolution;

use crate::{
    picture,
    process::{Server, printed, tessera},
    provider::Provider,
};

fn up(home: &Path, config: &Path) -> Server {
    let mut command = tessera(["up", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(config).env("HOME", home).env("TESSERA_CLIENT_KEY", "tsr_a");
    Server::start(command)
}

fn generate(home: &Path, gateway: &Server) -> Command {
    let mut command = tessera(["generate", "a lighthouse"]);
    command.current_dir(home).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", "tsr_a");
    command
}

#[test]
fn a_picture_on_its_way_is_delivered_though_the_process_is_told_to_stop() {
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), "latency.default = '2s'");
    let gateway = up(home.path(), &provider.configuration(home.path(), ""));
    let mut waiting = generate(home.path(), &gateway).spawn().unwrap();
    provider.until_called();
    assert_eq!(gateway.terminate().code(), Some(0));
    assert!(waiting.wait().unwrap().success());
    assert!(picture::is_png(&home.path().join("picture.png"), "1:1", Resolution::K1));
}

/// The console has listened to the other roles until then, for it tells of pictures.
#[test]
fn a_stop_that_was_asked_for_is_nothing_to_warn_of() {
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), "latency.default = '0s'");
    let config = provider.configuration(home.path(), "");
    let log = home.path().join("log");
    let mut command = tessera(["up", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--config"]);
    command.arg(config).env("HOME", home.path()).env("TESSERA_CLIENT_KEY", "tsr_a");
    command.stderr(File::create(&log).unwrap());
    let gateway = Server::start(command);
    printed(generate(home.path(), &gateway));
    assert_eq!(gateway.terminate().code(), Some(0));
    assert_eq!(fs::read_to_string(log).unwrap(), "");
}

/// The project may be called twice a minute. One call was on its way when the process was killed.
#[test]
fn what_was_leased_before_a_kill_is_charged_after_it() {
    let limited = |latency: &str| {
        format!(
            "latency.default = '{latency}'\n\
             [[keys]]\nkey = 'AIza-a'\nproject = 'p'\nlimits = {{ requests_per_minute = 2 }}"
        )
    };
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), &limited("1h"));
    let config = provider.configuration(home.path(), "limits = { requests_per_minute = 2 }");

    let first = up(home.path(), &config);
    let mut waiting = generate(home.path(), &first).spawn().unwrap();
    provider.until_called();
    first.kill();
    assert!(!waiting.wait().unwrap().success());

    provider.follow(&limited("0s"));
    let second = up(home.path(), &config);
    printed(generate(home.path(), &second));
    let refused = generate(home.path(), &second).output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{message}");
    assert!(message.contains("at a limit"), "{message}");

    let arrivals = provider.arrivals();
    assert_eq!(arrivals.len(), 2, "{arrivals:?}");
    assert!(arrivals.iter().all(|arrival| arrival.status != Some(429)), "{arrivals:?}");
}
