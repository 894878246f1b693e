//! The official Python SDKs drive the real binary: see `tests/sdk`, which says what they prove.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn the_newest_official_sdks_are_served() {
    run("newest");
}

#[test]
fn the_oldest_official_sdks_are_served() {
    run("oldest");
}

/// Runs the whole suite in the Python environment of this name, and prints its output in one piece.
fn run(generation: &str) {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("../sdk/{generation}/bin/python"));
    assert!(
        python.exists(),
        "the Python environment {} is missing: run `cargo xtask test`, which creates it",
        python.display()
    );
    let suite = Command::new(python)
        .args(["-B", "-m", "pytest", "--quiet", "--tb=short", "-rfEs", "-p", "no:cacheprovider", "tests/sdk"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TESSERA_BINARY", env!("CARGO_BIN_EXE_tessera"))
        .stderr(Stdio::inherit())
        .output()
        .expect("the Python of the environment starts");
    // Not `print!`, which the harness would keep to itself: what ran is shown also where it passed.
    let mut terminal = std::io::stdout().lock();
    writeln!(terminal, "\nthe suite of the {generation} SDKs:").expect("standard output takes text");
    terminal.write_all(&suite.stdout).expect("standard output takes text");
    assert!(suite.status.success(), "the suite of the {generation} SDKs ended with {}", suite.status);
}
