//! `tessera generate`, which brings up everything itself where no gateway listens.

use std::{
    io,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use domain::{MediaType, Resolution};

use crate::{
    picture,
    process::{printed, tessera},
    provider::Provider,
};

/// Where nobody listens: the discard port.
const NOBODY: &str = "http://127.0.0.1:9";

fn generate(home: &Path, arguments: &[&str]) -> Command {
    let mut command = tessera(["generate", "a lighthouse"]);
    command.args(arguments).current_dir(home).env("HOME", home).env("TESSERA_GATEWAY_URL", NOBODY);
    command
}

#[test]
fn pictures_are_made_without_a_gateway_and_nothing_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let lines = printed(generate(home.path(), &["--size", "16:9", "-n", "2"]));
    assert_eq!(lines, ["picture.png  1376x768", "picture-2.png  1376x768"]);
    let lines = printed(generate(home.path(), &["--quality", "medium"]));
    assert_eq!(lines, ["picture-3.png  2048x2048"]);
    assert!(picture::is_png(&home.path().join("picture.png"), "16:9", Resolution::K1));
    assert!(picture::is_png(&home.path().join("picture-3.png"), "1:1", Resolution::K2));
}

#[test]
fn the_name_gives_way_to_what_the_bytes_are() {
    let home = tempfile::tempdir().unwrap();
    let provider = Provider::start(home.path(), "[picture]\nformat = 'jpeg'");
    let mut command = generate(home.path(), &["-o", "night.png"]);
    command.env("GEMINI_API_KEY", "k").env("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url());
    let ended = command.output().unwrap();
    let remark = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{remark}");
    assert!(remark.contains("No gateway listens on http://127.0.0.1:9"), "{remark}");
    assert!(remark.contains("The picture is of type image/jpeg, so its name ends in .jpg."), "{remark}");
    assert_eq!(picture::read(&home.path().join("night.jpg")).media_type(), MediaType::Jpeg);
    assert!(!home.path().join("night.png").exists());
}

#[test]
fn pictures_that_did_not_come_are_told_beside_those_that_did() {
    let home = tempfile::tempdir().unwrap();
    let script = "[[rules]]\nfault = 'blocked-prompt'\nmatch = { nth = 2 }";
    let provider = Provider::start(home.path(), script);
    let mut command = generate(home.path(), &["-n", "3"]);
    command.env("GEMINI_API_KEY", "k").env("TESSERA_GENERATION__GEMINI__BASE_URL", provider.url());
    let ended = command.output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{message}");
    assert!(message.contains("tessera: the provider's safety system refused"), "{message}");
    assert_eq!(String::from_utf8(ended.stdout).unwrap().lines().count(), 2);
}

#[test]
fn pictures_are_written_also_where_nobody_reads_their_names() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = generate(home.path(), &["-n", "2"]);
    let ended = command.stdout(writer).stderr(Stdio::null()).status().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(home.path().join("picture-2.png").exists());
}

#[test]
fn what_listens_here_and_is_no_gateway_is_not_replaced() {
    let home = tempfile::tempdir().unwrap();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", stranger.local_addr().unwrap());
    thread::spawn(move || stranger.incoming().for_each(drop));
    let ended = generate(home.path(), &[]).env("TESSERA_GATEWAY_URL", &url).output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("the gateway at {url} does not answer")), "{message}");
}

#[test]
fn a_gateway_on_another_machine_is_not_replaced_by_this_one() {
    let home = tempfile::tempdir().unwrap();
    let mut command = generate(home.path(), &[]);
    let ended = command.env("TESSERA_GATEWAY_URL", "http://gateway.invalid:8045").output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{message}");
    assert!(message.contains("tessera: no gateway listens on http://gateway.invalid:8045"), "{message}");
}

#[test]
fn a_refusal_is_printed_plainly() {
    let home = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (["--model", "dall-e-3"], "the model `dall-e-3` does not exist"),
        (["--quality", "best"], "quality"),
        (["-o", "no/such/directory.png"], "the directory no/such does not exist"),
    ] {
        let ended = generate(home.path(), &arguments).output().unwrap();
        let message = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{message}");
        assert!(message.lines().last().unwrap().starts_with("tessera: "), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
