//! The HTTP server: plain HTTP/1.1, for loopback or behind a TLS proxy. Slow and greedy clients are cut off.

mod connections;
mod framing;
mod limits;
pub(crate) mod open_files;
mod request_head;
mod slow_client;
mod unread_body;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service as _;

use self::connections::ConnectionsByAddress;
pub(crate) use self::limits::ServerLimits;
use self::request_head::{CheckedHeads, InvalidHeads, MAX_HEAD};
use self::slow_client::SlowClientGuard;
use self::unread_body::TrackedBody;

/// How long the head of a request may take, also between two requests of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a request may take as a whole, body and answer.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// How much of an answer may wait in the kernel, in bytes. It tells only now and then that a client took some of it, and the
/// more it holds, the less often: with megabytes somebody at 12 KB a second seems to take nothing for minutes.
const SEND_BUFFER: usize = 128 * 1024;
/// The first pause when the machine has no more connections to give; it doubles up to the longest.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How often that is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Serves until `stop` is over; then finishes what is in flight, at most for `patience`.
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
    let mut trouble = AcceptBackoff::default();
    let trusted: Arc<[IpNet]> = trusted_proxies.into();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(2 * MAX_HEAD);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room, &mut trouble) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let counted = !peer.is_loopback() && !trusted.iter().any(|range| range.contains(&peer));
        let place = if counted { places.take(peer).map(Some) } else { Some(None) };
        let Some(place) = place else { continue };
        // Small answers must not wait for acknowledgements. If this cannot be set, the connection works all the same.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let (router, trusted) = (router.clone(), Arc::clone(&trusted));
        let heads = InvalidHeads::default();
        let stream = CheckedHeads::new(SlowClientGuard::new(stream, limits.pace), heads.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
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
        tracing::warn!("clients were still connected when the process had to end");
    }
}

/// Answers a request whose client will see the answer, also if its body was not read.
async fn answer(mut router: Router, request: Request<Incoming>) -> Response {
    // Who asks before sending the body need not send it at all.
    let asks_first = request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let (body, remainder) = TrackedBody::new(body);
    let answer = router.call(Request::from_parts(head, body)).await.unwrap_or_else(|never| match never {});
    if !asks_first {
        remainder.discard().await;
    }
    answer
}

/// The next connection; `None` if there was none to be had.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    trouble: &mut AcceptBackoff,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            trouble.pause = ACCEPT_PAUSE;
            Some((stream, peer.ip().to_canonical(), permit))
        }
        Err(error) => {
            if trouble.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                tracing::warn!(%error, "a connection could not be accepted; it is tried again");
                trouble.told = Some(Instant::now());
            }
            tokio::time::sleep(trouble.pause).await;
            trouble.pause = (trouble.pause * 2).min(LONGEST_ACCEPT_PAUSE);
            None
        }
    }
}

/// Connections that cannot be accepted.
struct AcceptBackoff {
    pause: Duration,
    told: Option<Instant>,
}

impl Default for AcceptBackoff {
    fn default() -> Self {
        Self { pause: ACCEPT_PAUSE, told: None }
    }
}

/// Who calls: the peer, or whom a trusted proxy names last.
fn client_address<B>(peer: IpAddr, request: &Request<B>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|range| range.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    hops.iter().rev().map_while(|hop| hop.parse().ok()).find(|address| !is_trusted(address)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpSocket;

    use super::*;
    use crate::server::limits::MINIMUM_RATE;
    use crate::server::slow_client::MinimumRate;

    #[tokio::test]
    async fn whoever_does_not_read_loses_its_place() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let pace = MinimumRate { patience: Duration::from_millis(200), ..MINIMUM_RATE };
        let limits = ServerLimits { connections: 1, pace };
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
    async fn whoever_reads_slowly_but_steadily_gets_everything() {
        const SIZE: usize = 8 * 1024 * 1024;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits =
            ServerLimits { connections: 1, pace: MinimumRate { patience: Duration::from_secs(3), ..MINIMUM_RATE } };
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

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let request = |hops: &str| Request::builder().header("x-forwarded-for", hops).body(()).unwrap();
        let named =
            |peer: &str, hops: &str| client_address(peer.parse().unwrap(), &request(hops), &trusted).to_string();
        assert_eq!(named("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(named("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(named("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(named("10.0.0.1", "198.51.100.7, nonsense"), "10.0.0.1");
    }
}
