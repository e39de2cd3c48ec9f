//! The HTTP server: plain HTTP/1.1, for loopback or behind a TLS proxy. Slow and greedy clients are cut off.

mod accept;
mod connections;
mod framing;
mod limits;
pub(crate) mod open_files;
mod proxies;
mod request_head;
mod slow_client;
mod unread_body;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hookline_http::{ClientAddress, MalformedRequest};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::EXPECT;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service as _;

use self::accept::{AcceptBackoff, accept};
use self::connections::ConnectionsByAddress;
pub(crate) use self::limits::ServerLimits;
use self::proxies::{UndeclaredProxy, client_address};
use self::request_head::{CheckedHeads, InvalidHeads, MAX_HEAD};
use self::slow_client::SlowClientGuard;
use self::unread_body::TrackedBody;

/// How long a client may take to send the head of a request, including the time since the request before.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a request may take as a whole, body and answer.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// How much of an answer may wait in the kernel, in bytes. The kernel reports progress less often the more it holds: with
/// megabytes, a client at 12 KB a second seems to take nothing for minutes.
const SEND_BUFFER: usize = 128 * 1024;
/// Serves until `stop` ends; then finishes the requests in flight, for at most `patience`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    trusted_proxies: Vec<IpNet>,
    limits: ServerLimits,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    let places = ConnectionsByAddress::new(limits.connections.div_ceil(2));
    let mut backoff = AcceptBackoff::default();
    let trusted: Arc<[IpNet]> = trusted_proxies.into();
    let undeclared = Arc::new(UndeclaredProxy::default());
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(2 * MAX_HEAD);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room, &mut backoff) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let counted = !peer.is_loopback() && !trusted.iter().any(|range| range.contains(&peer));
        let place = if counted { places.take(peer).map(Some) } else { Some(None) };
        let Some(place) = place else { continue };
        // Small answers must not wait for acknowledgements. If this cannot be set, the connection works all the same.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let (router, trusted, undeclared) = (router.clone(), Arc::clone(&trusted), Arc::clone(&undeclared));
        let heads = InvalidHeads::default();
        let stream = CheckedHeads::new(SlowClientGuard::new(stream, limits.rate), heads.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            undeclared.look_for(peer, &request, &trusted);
            let client = client_address(peer, &request, &trusted);
            request.extensions_mut().insert(ClientAddress(client));
            if let Some(status) = heads.next_request() {
                request.extensions_mut().insert(MalformedRequest(status));
            }
            let answer = answer(router.clone(), request);
            async move {
                let answer = tokio::time::timeout(REQUEST_TIMEOUT, answer).await;
                answer.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a client's connection ended early");
            }
            drop((place, permit));
        });
    }
    drop(listener);
    if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
        tracing::warn!("closing connections of clients at the end of the time for it");
    }
}

/// Answers a request so that the client sees the answer even if its body was not read.
async fn answer(mut router: Router, request: Request<Incoming>) -> Response {
    // A client that asks before it sends the body need not send it.
    let asks_first = request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let (body, remainder) = TrackedBody::new(body);
    let answer = router.call(Request::from_parts(head, body)).await.unwrap_or_else(|never| match never {});
    if !asks_first {
        remainder.discard().await;
    }
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpSocket, TcpStream};

    use super::*;
    use crate::server::limits::MINIMUM_RATE;
    use crate::server::slow_client::MinimumRate;

    #[tokio::test]
    async fn a_client_that_does_not_read_loses_its_place() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let rate = MinimumRate { patience: Duration::from_millis(200), ..MINIMUM_RATE };
        let limits = ServerLimits { connections: 1, rate };
        let router = Router::new().fallback(|| async { "x".repeat(1024 * 1024) });
        let forever = std::future::pending();
        let served = tokio::spawn(serve(listener, router, Vec::new(), limits, forever, Duration::ZERO));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut deaf = socket.connect(address).await.unwrap();
        deaf.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)).await.unwrap();
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut read = Vec::new();
        let all = tokio::time::timeout(Duration::from_secs(20), next.read_to_end(&mut read)).await;
        all.expect("it gets the place").unwrap();
        assert!(read.len() > 1024 * 1024);
        drop(deaf);
        served.abort();
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_but_steadily_gets_everything() {
        const SIZE: usize = 8 * 1024 * 1024;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits =
            ServerLimits { connections: 1, rate: MinimumRate { patience: Duration::from_secs(3), ..MINIMUM_RATE } };
        let router = Router::new().fallback(|| async { "x".repeat(SIZE) });
        let forever = std::future::pending();
        let served = tokio::spawn(serve(listener, router, Vec::new(), limits, forever, Duration::ZERO));
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut read = Vec::new();
        // Longer than its patience; then the rest at once.
        for _ in 0..50 {
            let mut piece = vec![0; 20_000];
            let length = slow.read(&mut piece).await.unwrap();
            read.extend_from_slice(&piece[..length]);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        slow.read_to_end(&mut read).await.unwrap();
        assert!(read.len() > SIZE, "{} of {SIZE} bytes came", read.len());
        served.abort();
    }
}
