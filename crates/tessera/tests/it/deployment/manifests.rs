//! The files for Compose and Kubernetes, which are YAML and have schemas: see `tests/deployment`, which holds them to it.

use std::{io::Write as _, path::Path, process::Command};

#[test]
fn what_tessera_is_deployed_with_is_valid_and_fits_together() {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk/deployment/bin/python");
    assert!(
        python.exists(),
        "the Python environment {} is missing: run `cargo xtask test`, which creates it",
        python.display()
    );
    let suite = Command::new(python)
        .args(["-B", "-m", "pytest", "--quiet", "--tb=short", "-rfEs", "-p", "no:cacheprovider"])
        .arg("tests/deployment")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TESSERA_BINARY", env!("CARGO_BIN_EXE_tessera"))
        .output()
        .expect("the Python of the environment starts");
    let mut terminal = std::io::stdout().lock();
    writeln!(terminal, "\nthe suite of the deployment:").expect("standard output takes text");
    terminal.write_all(&suite.stdout).expect("standard output takes text");
    assert!(suite.status.success(), "the suite of the deployment ended with {}", suite.status);
}
