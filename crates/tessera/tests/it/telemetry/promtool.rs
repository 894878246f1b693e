//! Prometheus's own checker, where it is: on the path, or where `cargo xtask test` puts it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Has it check a text; nothing where it is not to be found.
pub(super) fn check(arguments: &[&str], input: &str) {
    let Some(tool) = find() else {
        eprintln!("promtool is not here: `promtool {}` was left out", arguments.join(" "));
        return;
    };
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?} says: {said}");
}

fn find() -> Option<PathBuf> {
    let binary = Path::new(env!("CARGO_BIN_EXE_tessera"));
    let ours = binary.ancestors().nth(2)?.join("tools/promtool");
    let runs = |tool: &PathBuf| {
        let quiet = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    };
    [ours, "promtool".into()].into_iter().find(runs)
}
