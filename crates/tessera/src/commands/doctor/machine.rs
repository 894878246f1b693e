//! The directories that Tessera writes to.

use std::path::{Path, PathBuf};

use quota::store::Location;
use rustix::fs::{Access, access, statvfs};

use super::{Finding, Patient};

/// So much must be free, in bytes, or a closing may soon not be kept.
const LEAST: u64 = 64 << 20;
/// And so much should be.
const SCANT: u64 = 1 << 30;

/// Looks at each directory that is needed.
pub(super) fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let outbox = patient.config.generation.outbox.clone();
    let needs_data = patient.role.is_none()
        || patient.has("generation") && outbox.is_none()
        || patient.has("quota")
            && (patient.config.quota.store.is_none() || patient.config.quota.pepper.is_none());
    if needs_data {
        found.push(match patient.data_dir.path(patient.environment) {
            Some(path) => directory("data directory", &path, "name another with --data-dir"),
            None => Finding::failure(
                "data directory",
                "there is no home directory to keep it in",
                "name one with --data-dir",
            ),
        });
    }
    if let Some(path) = outbox.filter(|_| patient.has("generation")) {
        found.push(directory("outbox", &path, "name another in generation.outbox"));
    }
    if let (true, Some(Location::Embedded(file))) = (patient.has("quota"), &patient.config.quota.store) {
        let path = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        found.push(directory("ledger's directory", path, "name another in quota.store"));
    }
    found
}

fn directory(check: &str, path: &Path, otherwise: &str) -> Finding {
    let shown = path.display();
    let there = nearest(path);
    let free = match access(&there, Access::WRITE_OK | Access::EXEC_OK).and_then(|()| statvfs(&there)) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let remedy =
                format!("let the user that runs Tessera write to {}, or {otherwise}", there.display());
            return Finding::failure(check, format!("{shown} cannot be written to: {error}"), remedy);
        }
    };
    let mebibytes = free >> 20;
    let told = format!("{shown} can be written to, with {mebibytes} MiB free");
    match free {
        ..LEAST => Finding::failure(check, told, format!("free some of its disk, or {otherwise}")),
        LEAST..SCANT => Finding::warning(check, told, "free some of its disk before it is full"),
        SCANT.. => Finding::ok(check, told),
    }
}

/// The directory itself, or what it would be made in.
fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|path| path.exists());
    there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
