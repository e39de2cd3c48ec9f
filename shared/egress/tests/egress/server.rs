//! Servers made of bare sockets, which can do everything that a real one should not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::DEADLINE;

/// An answer without a body.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A server, stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl Server {
    /// A server on 127.0.0.1 that treats each connection in a given way.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(Peer<TcpStream>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0", serve).await
    }

    /// The same elsewhere.
    pub(crate) async fn start_at<F, Fut>(address: &str, serve: F) -> Self
    where
        F: Fn(Peer<TcpStream>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let counted = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                // What is said leaves at once, also before a reset.
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(Peer { stream, seen: Arc::clone(&counted) }));
            }
        });
        Self { address, seen, accepting }
    }

    /// A server that answers every request with the same bytes, and keeps the connection.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut peer| {
            let answer = Arc::clone(&answer);
            async move { while peer.request().await && peer.say(&*answer).await {} }
        })
        .await
    }

    /// Its URI with this path.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Every request that arrived in full, as it was on the wire.
    pub(crate) fn requests(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).expect("we send UTF-8");
        self.seen.requests.lock().unwrap().iter().map(text).collect()
    }
}

impl Server {
    /// Waits until so many requests have arrived in full.
    pub(crate) async fn until_requests(&self, count: usize) {
        until(|| self.requests().len() >= count).await;
    }
}

/// Waits for a condition. Only a hang meets the limit.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), waiting).await.expect("the condition");
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A socket that takes no more connections, so that clients wait.
pub(crate) struct Full {
    pub(crate) address: SocketAddr,
    _held: (TcpListener, Vec<TcpStream>),
}

impl Full {
    /// A socket with a full backlog.
    pub(crate) async fn start_at(address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address.parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = tokio::time::timeout(DEADLINE / 2, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
            assert!(waiting.len() < 100, "the backlog has no end");
        }
        Self { address, _held: (listener, waiting) }
    }
}

/// The other end of a connection.
pub(crate) struct Peer<S> {
    pub(crate) stream: S,
    seen: Arc<Seen>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Reads one request; false when there is none.
    pub(crate) async fn request(&mut self) -> bool {
        let mut request = Vec::new();
        loop {
            let mut byte = [0];
            match self.stream.read(&mut byte).await {
                Ok(1) => request.push(byte[0]),
                Ok(_) | Err(_) => return false,
            }
            if request.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if self.stream.read_exact(&mut body).await.is_err() {
            return false;
        }
        request.extend(body);
        self.seen.requests.lock().unwrap().push(request);
        true
    }

    /// Sends bytes; false if the client has closed the connection.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Sends the same bytes for ever.
    pub(crate) async fn repeat(&mut self, bytes: &[u8]) {
        while self.say(bytes).await {}
    }

    /// Sends one byte every 20 ms, over and over.
    pub(crate) async fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().cycle() {
            if !self.say([*byte]).await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Holds the connection until the other end closes it.
    pub(crate) async fn hold(&mut self) {
        let mut bytes = [0; 1024];
        while matches!(self.stream.read(&mut bytes).await, Ok(1..)) {}
    }
}

impl Peer<TcpStream> {
    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The same connection, inside TLS; `None` if the handshake fails.
    pub(crate) async fn secured(self, acceptor: TlsAcceptor) -> Option<Peer<TlsStream<TcpStream>>> {
        let stream = acceptor.accept(self.stream).await.ok()?;
        Some(Peer { stream, seen: self.seen })
    }
}
