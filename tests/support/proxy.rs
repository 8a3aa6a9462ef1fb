//! A TCP proxy on loopback that misbehaves on demand.
//!
//! Include it with `#[path = "support/proxy.rs"] mod proxy;`.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are closed, new ones at once.
    Cut,
    /// Connections stay and nothing passes; new ones are accepted and left alone.
    Frozen,
}

/// Stands before one upstream address until dropped.
pub(crate) struct Proxy {
    addr: SocketAddr,
    mode: watch::Sender<Mode>,
    acceptor: JoinHandle<()>,
}

#[allow(dead_code, reason = "not every test file needs every fault")]
impl Proxy {
    /// Listens on a free port and passes everything on to `upstream` (`host:port`).
    ///
    /// # Panics
    /// When no port can be bound.
    pub(crate) async fn start(upstream: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let mode = watch::Sender::new(Mode::Open);
        let acceptor = tokio::spawn(accept(listener, upstream.into(), mode.clone()));
        Self { addr, mode, acceptor }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes every connection, and every new one at once.
    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Ends [`cut`](Self::cut): new connections are served again.
    pub(crate) fn resume(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Lets no byte pass any more, without closing anything.
    pub(crate) fn blackhole(&self) {
        self.mode.send_replace(Mode::Frozen);
    }

    /// Ends [`blackhole`](Self::blackhole): what was held back goes on its way.
    pub(crate) fn thaw(&self) {
        self.mode.send_replace(Mode::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Takes the connections with it: their tasks are in the acceptor's set.
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, upstream: String, mode: watch::Sender<Mode>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *mode.borrow() != Mode::Cut {
            connections.spawn(serve(client, upstream.clone(), mode.subscribe()));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(client: TcpStream, upstream: String, mode: watch::Receiver<Mode>) {
    let mut until_cut = mode.clone();
    tokio::select! {
        _ = until_cut.wait_for(|mode| *mode == Mode::Cut) => {}
        () = relay(client, upstream, mode) => {}
    }
}

async fn relay(client: TcpStream, upstream: String, mut mode: watch::Receiver<Mode>) {
    if mode.wait_for(|mode| *mode == Mode::Open).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pump(from_client, to_server, mode.clone()),
        pump(from_server, to_client, mode.clone())
    );
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(num_read @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(|mode| *mode == Mode::Open).await.is_err()
            || to.write_all(&buffer[..num_read]).await.is_err()
        {
            return;
        }
    }
    let _ = to.shutdown().await;
}
