//! A wire between two processes, which can be cut and mended, or hold what is sent: a partition without root.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// A wire. Its near end has one address for as long as it exists; what its far end leads to may change.
pub(crate) struct Wire {
    near: SocketAddr,
    state: watch::Sender<State>,
    carrier: JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct State {
    far: SocketAddr,
    condition: Condition,
}

/// How well a wire carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// What is sent arrives.
    Whole,
    /// Nothing arrives and nothing breaks, as if packets were dropped; afterwards all of it arrives.
    Held,
    /// Every connection breaks, and no other is made.
    Cut,
}

impl Wire {
    /// A wire that leads nowhere yet.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = listener.local_addr().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let (state, watched) = watch::channel(State { far: nowhere, condition: Condition::Whole });
        let carrier = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, watched.clone()));
            }
        });
        Self { near, state, carrier }
    }

    /// `http://host:port` of the near end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.near)
    }

    /// `host:port` of the near end.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.near
    }

    /// Lays the far end; what goes on over the wire already goes on to where it led before.
    pub(crate) fn lead_to(&self, far: SocketAddr) {
        self.state.send_modify(|state| state.far = far);
    }

    /// Makes the wire carry so from now on.
    pub(crate) fn set(&self, condition: Condition) {
        self.state.send_modify(|state| state.condition = condition);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

type Watched = watch::Receiver<State>;

async fn carry(near: TcpStream, mut state: Watched) {
    let Ok(State { far, condition }) = unheld(&mut state).await else { return };
    if condition == Condition::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(far).await else { return };
    // Small messages must not wait for one another; a socket that is gone needs no option.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
    let mut watched = state.clone();
    let cut = watched.wait_for(|state| state.condition == Condition::Cut);
    tokio::select! {
        _ = pump(near_reads, far_writes, state.clone()) => {}
        _ = pump(far_reads, near_writes, state) => {}
        _ = cut => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: Watched) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        unheld(&mut state).await.map_err(io::Error::other)?;
        to.write_all(&buffer[..length]).await?;
    }
}

async fn unheld(state: &mut Watched) -> Result<State, watch::error::RecvError> {
    Ok(*state.wait_for(|state| state.condition != Condition::Held).await?)
}
