//! The data directory: what a process keeps from one start to the next.

use std::{
    cell::OnceCell,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::config::{Environment, Invalid};

/// Which directory.
#[derive(Debug, Default, Args)]
pub(crate) struct DataDirOption {
    #[arg(
        long,
        value_name = "DIR",
        env = "TESSERA_DATA_DIR",
        hide_env_values = true,
        help = "Where state is kept [default: $XDG_DATA_HOME/tessera or ~/.local/share/tessera]"
    )]
    data_dir: Option<PathBuf>,
}

/// A directory that belongs to this process alone from its first use for as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// None where nobody said where, and there is no home directory either.
    path: Option<PathBuf>,
    lock: OnceCell<File>,
}

impl DataDirOption {
    /// The directory; nothing is made or taken yet.
    pub(crate) fn resolve(&self, environment: &Environment) -> DataDir {
        DataDir::new(self.path(environment))
    }

    /// Where the directory is, for one who only looks into it.
    pub(crate) fn path(&self, environment: &Environment) -> Option<PathBuf> {
        self.data_dir.clone().or_else(|| default_path(environment))
    }
}

fn default_path(environment: &Environment) -> Option<PathBuf> {
    let data_home = environment.get("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment.get("HOME").map(|home| Path::new(home).join(".local/share"));
    data_home.or_else(home).map(|share| share.join("tessera"))
}

impl DataDir {
    const fn new(path: Option<PathBuf>) -> Self {
        Self { path, lock: OnceCell::new() }
    }

    /// Takes the directory for this process, making it where it is not there yet.
    pub(crate) fn claim(&self) -> anyhow::Result<&Path> {
        let path = self.path()?;
        if self.lock.get().is_none() {
            let _ = self.lock.set(lock(path)?);
        }
        Ok(path)
    }

    /// The path of a directory in this one that guards itself: another process may have the rest.
    pub(crate) fn part(&self, name: &str) -> Result<PathBuf, Invalid> {
        Ok(self.path()?.join(name))
    }

    fn path(&self) -> Result<&Path, Invalid> {
        self.path.as_deref().ok_or_else(|| {
            Invalid::from("there is no home directory to keep state in; say where with --data-dir")
        })
    }

    /// The path of a file in this directory.
    pub(crate) fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        Ok(self.claim()?.join(name))
    }

    /// What was kept under this name.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.file(name)?;
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps text under this name, for the owner's eyes only; whole, or not at all.
    pub(crate) fn keep(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, fresh) = (self.file(name)?, self.file(&format!("{name}.new"))?);
        let directory = self.claim()?;
        let write = || {
            let mut file =
                OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(directory)?.sync_all()
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the data directory {shown} cannot be made"))?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path.join("lock"))
        .with_context(|| format!("the data directory {shown} cannot be written to"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!(
            "the data directory {shown} is in use by another tessera; stop that one, or name another directory with --data-dir"
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("the data directory {shown} cannot be locked"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_belongs_to_one_process_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let (first, second) = (DataDir::new(Some(path.clone())), DataDir::new(Some(path)));
        first.claim().unwrap();
        let refusal = second.claim().unwrap_err().to_string();
        assert!(refusal.contains("in use by another tessera"), "{refusal}");
        drop(first);
        assert!(second.claim().is_ok());
    }

    #[test]
    fn what_is_kept_is_read_back_and_only_by_the_owner() {
        let home = tempfile::tempdir().unwrap();
        let data = DataDir::new(Some(home.path().join("data")));
        assert_eq!(data.read("note").unwrap(), None);
        data.keep("note", "old").unwrap();
        data.keep("note", "new").unwrap();
        assert_eq!(data.read("note").unwrap().as_deref(), Some("new"));
        let mode = fs::metadata(data.file("note").unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_directory_follows_the_environment() {
        let environment = |variables: &[(&str, &str)]| -> Environment {
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let path = |variables: &[(&str, &str)]| default_path(&environment(variables));
        assert_eq!(path(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]), Some("/d/tessera".into()));
        assert_eq!(path(&[("XDG_DATA_HOME", ""), ("HOME", "/h")]), Some("/h/.local/share/tessera".into()));
        assert_eq!(path(&[]), None);
    }
}
