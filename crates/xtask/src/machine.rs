//! What the tests need of the machine, beside Rust.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{command::Command, tally::Tally};

/// A program that tests start.
struct Requirement {
    /// What it is, for people.
    what: &'static str,
    /// A command that succeeds where it is installed.
    probe: &'static str,
    /// Where it comes from.
    from: Source,
}

enum Source {
    /// A package of Debian.
    Apt(&'static str),
    /// A component of the Rust toolchain.
    Rustup(&'static str),
}

/// A line for each; what is missing is installed before anything else runs.
const REQUIREMENTS: &[Requirement] = &[
    Requirement::rustup("rustfmt", "cargo fmt --version", "rustfmt"),
    Requirement::rustup("clippy", "cargo clippy --version", "clippy"),
    Requirement::apt("Python 3", "python3 --version", "python3"),
    Requirement::apt("Python's venv", "python3 -m ensurepip --version", "python3-venv"),
    Requirement::apt("curl", "curl --version", "curl"),
    Requirement::apt("jq", "jq --version", "jq"),
    Requirement::apt("Redis", "redis-server --version", "redis-server"),
    Requirement::apt("Chromium", "chromium --version", "chromium"),
    Requirement::apt("OpenSSL", "openssl version", "openssl"),
];

impl Requirement {
    const fn apt(what: &'static str, probe: &'static str, package: &'static str) -> Self {
        Self { what, probe, from: Source::Apt(package) }
    }

    const fn rustup(what: &'static str, probe: &'static str, component: &'static str) -> Self {
        Self { what, probe, from: Source::Rustup(component) }
    }
}

/// Installs what is missing; changes nothing where all is there.
pub(crate) fn prepare() -> Result<Tally> {
    let (mut packages, mut components) = (Vec::new(), Vec::new());
    for requirement in REQUIREMENTS {
        let found = Command::of(requirement.probe).succeeds();
        println!("{:<14} {}", requirement.what, if found { "found" } else { "missing" });
        match requirement.from {
            _ if found => {}
            Source::Apt(package) => packages.push(package),
            Source::Rustup(component) => components.push(component),
        }
    }
    if !components.is_empty() {
        Command::of(&format!("rustup component add {}", components.join(" "))).run()?;
    }
    if !packages.is_empty() {
        install(&packages.join(" "))?;
    }
    Ok(Tally::one_passed())
}

/// Installs packages of Debian, as root or by way of sudo.
fn install(packages: &str) -> Result<()> {
    let Some(apt) = apt() else {
        bail!(
            "cannot install {packages} here: this takes apt-get and root or sudo. Install by hand what Debian \
             calls {packages}, then run this again"
        )
    };
    Command::of(&format!("{apt} update")).run()?;
    Command::of(&format!("{apt} install --yes --no-install-recommends {packages}")).run()?;
    Ok(())
}

/// Fetches a package of Debian into a directory, and installs nothing.
pub(crate) fn download(package: &str, directory: &Path) -> Result<PathBuf> {
    let fetch = || Command::of("env -C").arg(directory).words(&format!("apt-get download {package}")).run();
    if fetch().is_err() {
        // The lists of packages may be old, or missing.
        let Some(apt) = apt() else {
            bail!("cannot fetch {package} here: this takes apt-get and root or sudo")
        };
        Command::of(&format!("{apt} update")).run()?;
        fetch()?;
    }
    let files = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let found = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    found.with_context(|| format!("apt-get fetched no package {package}"))
}

/// How this user runs apt-get, if at all.
fn apt() -> Option<&'static str> {
    let is_root = || Command::of("id -u").output().is_ok_and(|id| id.trim() == "0");
    if !Command::of("apt-get --version").succeeds() {
        None
    } else if is_root() {
        Some("env DEBIAN_FRONTEND=noninteractive apt-get")
    } else if Command::of("sudo --version").succeeds() {
        Some("sudo env DEBIAN_FRONTEND=noninteractive apt-get")
    } else {
        None
    }
}
