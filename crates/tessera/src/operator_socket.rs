//! The socket in the data directory where `tessera up` serves its operator, who alone may use it.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::Routes;

use crate::{data_dir::DataDir, running::Running, serving};

/// Its name in the data directory.
const NAME: &str = "tessera.sock";

/// How long calls in flight may take once told to stop; streams that only watch end with them.
const GRACE: Duration = Duration::from_secs(1);

/// Where the socket is in a data directory.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// Serves operators on the socket of a data directory that belongs to this process.
pub(crate) fn serve(data: &DataDir, routes: Routes) -> anyhow::Result<Running> {
    let path = path(data.claim()?);
    let listener =
        bind(&path).with_context(|| format!("operators cannot be served on {}", path.display()))?;
    Ok(Running::start("the operators' socket", |stop| async move {
        let served = serving::grpc(routes, UnixListenerStream::new(listener), stop, GRACE).await;
        // Whoever looks for it then learns at once that nobody listens.
        let _gone = fs::remove_file(&path);
        served
    }))
}

/// Listens where others cannot come in, not even for the moment before the socket has its mode: in a directory of
/// its own, from which it moves to its place. What an earlier process left there goes.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let nursery = path.with_extension("new");
    clear(&nursery)?;
    DirBuilder::new().mode(0o700).create(&nursery)?;
    let fresh = nursery.join("s");
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
    fs::rename(&fresh, path)?;
    fs::remove_dir(&nursery)?;
    Ok(listener)
}

fn clear(nursery: &Path) -> io::Result<()> {
    match fs::remove_dir_all(nursery) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one() {
        let home = tempfile::tempdir().unwrap();
        let path = path(home.path());
        drop(bind(&path).unwrap());
        assert!(UnixStream::connect(&path).is_err(), "nobody listens any more");
        let _listener = bind(&path).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
    }
}
