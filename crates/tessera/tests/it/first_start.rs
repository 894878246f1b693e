//! `tessera up`, from nothing.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use domain::Resolution;

use crate::{
    picture,
    process::{Server, printed, tessera},
};

fn up(data: &Path) -> Command {
    let mut command = tessera(["up", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(data);
    command
}

fn generate(gateway: &Server, key: &str, file: &Path) -> Command {
    let mut command = tessera(["generate", "a lighthouse", "--size", "1:1", "-o"]);
    command.arg(file).env("TESSERA_GATEWAY_URL", gateway.url()).env("TESSERA_CLIENT_KEY", key);
    command
}

#[test]
fn the_first_start_shows_a_key_once_and_a_curl_that_works_as_it_stands() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let first = Server::start(up(&data));
    let shown = first.lines_until("> picture.png");
    let told = shown.join("\n");
    assert!(told.contains("Pictures are simulated: set GEMINI_API_KEY"), "{told}");
    let key = shown.iter().find_map(|line| line.strip_prefix("The client key, shown only now: ")).unwrap();

    let curl = &told[told.find("curl ").unwrap()..];
    let pasted = Command::new("sh").args(["-c", curl]).current_dir(&home).stdin(Stdio::null()).status();
    assert!(pasted.unwrap().success());
    assert!(picture::is_png(&home.path().join("picture.png"), "16:9", Resolution::K1));

    let entries = std::fs::read_dir(&data).unwrap().map(Result::unwrap);
    for file in entries.filter(|entry| entry.file_type().unwrap().is_file()) {
        let kept = std::fs::read(file.path()).unwrap();
        assert!(!kept.windows(key.len()).any(|bytes| bytes == key.as_bytes()), "the key itself is kept");
    }
    assert_eq!(first.terminate().code(), Some(0));

    let second = Server::start(up(&data));
    let told = second.lines_until("client key").join("\n");
    assert!(told.contains("was shown at the first start") && !told.contains("tsr_"), "{told}");
    let again = home.path().join("again.png");
    printed(generate(&second, key, &again));
    assert!(picture::is_png(&again, "1:1", Resolution::K1));
}

#[test]
fn a_preset_key_is_the_one_that_opens() {
    let home = tempfile::tempdir().unwrap();
    let mut preset = up(&home.path().join("data"));
    preset.env("TESSERA_CLIENT_KEY", "tsr_preset");
    let server = Server::start(preset);
    let told = server.lines_until("client key").join("\n");
    assert!(!told.contains("tsr_"), "{told}");
    printed(generate(&server, "tsr_preset", &home.path().join("a.png")));

    let refused = generate(&server, "tsr_other", &home.path().join("b.png")).output().unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(message.contains("does not know the client key in TESSERA_CLIENT_KEY"), "{message}");
}

#[test]
fn a_data_directory_serves_one_process_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let _first = Server::start(up(home.path()));
    let second = up(home.path()).output().unwrap();
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(message.contains("is in use by another tessera"), "{message}");
}
