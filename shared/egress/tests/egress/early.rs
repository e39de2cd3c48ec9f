//! Endpoints that answer before they have read the request, and close: the answer counts.

use std::sync::Arc;

use hookline_core::model::ErrorClass::Protocol;
use rustls::ALL_VERSIONS;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::secure::{issued, issuer, trusting};
use crate::server::{OK, Peer, Server};
use crate::{egress, send};

/// Sizes of bodies: one that is on the way before the answer, one larger than all buffers.
const SIZES: [usize; 3] = [100, 20_000, 8 << 20];
const STATUSES: [u16; 6] = [200, 401, 410, 413, 429, 503];

fn answer(status: u16) -> String {
    format!("HTTP/1.1 {status} Early\r\nRetry-After: 7\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwhy?")
}

/// Reads a few bytes of the request, answers and closes with the rest unread: the kernel sends a reset.
async fn answer_early<S: AsyncRead + AsyncWrite + Unpin>(peer: &mut Peer<S>, status: u16) {
    let mut start = [0; 20];
    if peer.stream.read_exact(&mut start).await.is_ok() {
        peer.say(answer(status)).await;
    }
}

#[tokio::test]
async fn an_early_answer_counts() {
    let egress = egress();
    for status in STATUSES {
        let server = Server::start(move |mut peer| async move { answer_early(&mut peer, status).await }).await;
        for size in SIZES {
            let exchange = send(&egress, &server.uri("/"), Vec::new(), &"x".repeat(size), false).await;
            let response = exchange.result.unwrap_or_else(|failure| panic!("{status}, {size} bytes: {failure:?}"));
            assert_eq!(response.status, status, "{size}");
            assert!(response.headers.contains(&("Retry-After".to_owned(), "7".to_owned())));
        }
        assert_eq!(server.connections(), SIZES.len());
    }
}

#[tokio::test]
async fn an_early_answer_counts_over_tls() {
    let issuer = issuer("Trusted");
    let egress = trusting(&issuer);
    for status in STATUSES {
        let acceptor = TlsAcceptor::from(Arc::new(issued(&issuer, &["hook.example"], ALL_VERSIONS, |_| {})));
        let server = Server::start(move |peer| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut peer) = peer.secured(acceptor).await else { return };
                answer_early(&mut peer, status).await;
            }
        })
        .await;
        let url = format!("https://hook.example:{}/", server.address.port());
        for size in SIZES {
            let exchange = send(&egress, &url, Vec::new(), &"x".repeat(size), false).await;
            let response = exchange.result.unwrap_or_else(|failure| panic!("{status}, {size} bytes: {failure:?}"));
            assert_eq!(response.status, status, "{size}");
        }
    }
}

/// A success that comes early is final, and the endpoint gets the rest of the request all the same.
#[tokio::test]
async fn an_early_success_does_not_cut_the_request() {
    let egress = egress();
    let server = Server::start(|mut peer| async move {
        peer.say(OK).await;
        peer.request().await;
    })
    .await;
    let body = "x".repeat(8 << 20);
    let exchange = send(&egress, &server.uri("/"), Vec::new(), &body, false).await;
    assert_eq!(exchange.result.unwrap().status, 200);
    server.until_requests(1).await;
    assert!(server.requests()[0].ends_with(&body));
}

#[tokio::test]
async fn without_an_early_answer_a_broken_connection_is_a_failure() {
    let server = Server::start(|mut peer| async move {
        let mut start = [0; 20];
        let _ = peer.stream.read_exact(&mut start).await;
        peer.reset();
    })
    .await;
    for size in SIZES {
        let exchange = send(&egress(), &server.uri("/"), Vec::new(), &"x".repeat(size), false).await;
        assert_eq!(exchange.result.unwrap_err().class, Protocol, "{size}");
    }
}
