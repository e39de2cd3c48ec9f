//! The HTTP server: plain HTTP/1.1, for loopback or behind a TLS proxy. Slow and greedy clients are cut off.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hookline_http::ClientAddress;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::EXPECT;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service as _;

use crate::remainder::Watched;

/// Connections at once; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 4096;
/// How long the head of a request may take, also between two requests of one connection.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a request may take as a whole, body and answer.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// The largest head, in bytes.
const MOST_HEAD: usize = 64 * 1024;
/// The pause when the machine has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is over; then finishes what is in flight, at most for `patience`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    trusted_proxies: Vec<IpNet>,
    stop: impl Future<Output = ()>,
    patience: Duration,
) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let trusted: Arc<[IpNet]> = trusted_proxies.into();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_HEAD);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        // Small answers must not wait for acknowledgements. If that cannot be set, the connection works all the same.
        let _ = stream.set_nodelay(true);
        let (router, trusted) = (router.clone(), Arc::clone(&trusted));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = client_address(peer, &request, &trusted);
            request.extensions_mut().insert(ClientAddress(client));
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
            drop(permit);
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
    let (body, remainder) = Watched::new(body);
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
) -> Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer.ip(), permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
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
    use super::*;

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
