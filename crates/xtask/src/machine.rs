//! What the tests need of the machine, beside Rust.

use anyhow::{Result, bail};

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

const REQUIREMENTS: [Requirement; 5] = [
    Requirement { what: "rustfmt", probe: "cargo fmt --version", from: Source::Rustup("rustfmt") },
    Requirement { what: "clippy", probe: "cargo clippy --version", from: Source::Rustup("clippy") },
    Requirement { what: "Python 3", probe: "python3 --version", from: Source::Apt("python3") },
    Requirement {
        what: "Python's venv",
        probe: "python3 -m ensurepip --version",
        from: Source::Apt("python3-venv"),
    },
    Requirement { what: "curl", probe: "curl --version", from: Source::Apt("curl") },
];

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
