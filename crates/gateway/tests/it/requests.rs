//! Each fixture is a request; its snapshot is the canonical request it becomes.

use std::{fs, path::Path};

use crate::stage::{DIALECTS, Stage};

#[tokio::test]
async fn requests_are_read_as_recorded() {
    for (dialect, path) in DIALECTS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(dialect);
        let mut fixtures: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        fixtures.sort();
        for fixture in fixtures {
            let body = fs::read_to_string(&fixture).unwrap();
            let stage = Stage::simple();
            stage.post(path, body).await;
            let name = fixture.file_stem().unwrap().to_str().unwrap();
            let asked = stage.asked().pop().unwrap_or_else(|| panic!("{dialect}/{name} was refused"));
            insta::with_settings!({ omit_expression => true }, {
                insta::assert_debug_snapshot!(format!("{dialect}_{name}"), asked);
            });
        }
    }
}
