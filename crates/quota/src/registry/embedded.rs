//! The registry in a file beside the ledger's, for the one process that has that ledger.
//!
//! Every change writes a new file, which takes the old one's place once it is safe from a power cut.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use super::{Change, Contents, Registry, RegistryError, record};

/// A document in a file.
pub(super) struct EmbeddedRegistry {
    path: PathBuf,
    /// Held while the file is written, so that documents are known in the order in which they were written.
    writing: Mutex<()>,
    contents: watch::Sender<Arc<Contents>>,
}

impl EmbeddedRegistry {
    /// Reads the registry beside this ledger; where there is none, one begins with the first change.
    pub(super) fn open(ledger: &Path) -> Result<Self, RegistryError> {
        let path = ledger.with_extension("registry.json");
        let contents = match fs::read_to_string(&path) {
            Ok(text) => record::read(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Contents::default(),
            Err(error) => return Err(RegistryError::failed("be read", &told(&path, &error))),
        };
        Ok(Self { path, writing: Mutex::default(), contents: watch::Sender::new(Arc::new(contents)) })
    }
}

#[async_trait]
impl Registry for EmbeddedRegistry {
    fn contents(&self) -> watch::Receiver<Arc<Contents>> {
        self.contents.subscribe()
    }

    async fn change(&self, revision: u64, change: Change) -> Result<Arc<Contents>, RegistryError> {
        let _writing = self.writing.lock().await;
        let known = Arc::clone(&self.contents.borrow());
        if known.revision != revision {
            return Err(RegistryError::Outdated(known.revision));
        }
        let next = Arc::new(known.after(change));
        let (path, text) = (self.path.clone(), record::write(&next));
        let written = tokio::task::spawn_blocking(move || replace(&path, &text)).await;
        written.unwrap_or_else(|panic| Err(RegistryError::failed("be written", &panic)))?;
        self.contents.send_replace(Arc::clone(&next));
        Ok(next)
    }

    async fn refresh(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Nobody else can change it.
    async fn follow(&self) {
        std::future::pending::<()>().await;
    }
}

/// Puts a file with this text in place of the one that is there; whole, or not at all.
fn replace(path: &Path, text: &str) -> Result<(), RegistryError> {
    let fresh = path.with_extension("json.new");
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let write = || {
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let mut file = private(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        sync_directory(directory.unwrap_or(Path::new(".")))
    };
    write().map_err(|error| RegistryError::failed("be written", &told(path, &error)))
}

/// A new file for its owner's eyes only.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file is safe from a power cut only once its directory is. Only Unix lets a directory be synced.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
