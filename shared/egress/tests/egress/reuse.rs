//! Idle connections: when they are used again, when not, and what happens when the endpoint closes one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookline_core::model::ErrorClass::{Protocol, Timeout};
use hookline_core::ports::ConnectionUse;
use hookline_egress::{Egress, EgressSettings};

use crate::server::{OK, Server};
use crate::{Names, egress, failure, hasty, post, send, settings};

const CLOSED: &str = "Connection closed before an answer";

/// What a server does with the second request on a connection.
#[derive(Clone, Copy, Debug)]
enum Second {
    Closes,
    Resets,
    SaysAByte,
    Hangs,
}

/// A server that answers the first request of each connection.
async fn unreliable(second: Second) -> Server {
    Server::start(move |mut peer| async move {
        if !peer.request().await || !peer.say(OK).await || !peer.request().await {
            return;
        }
        match second {
            Second::Closes => {}
            Second::Resets => peer.reset(),
            Second::SaysAByte => assert!(peer.say("H").await),
            Second::Hangs => peer.hold().await,
        }
    })
    .await
}

#[tokio::test]
async fn a_reused_connection_that_is_closed_before_an_answer_is_stale() {
    for (second, text) in [(Second::Closes, CLOSED), (Second::Resets, "Connection reset")] {
        let (egress, server) = (egress(), unreliable(second).await);
        let first = post(&egress, &server.uri("/1")).await;
        assert_eq!((first.result.unwrap().status, first.connection), (200, ConnectionUse::New));
        let stale = post(&egress, &server.uri("/2")).await;
        assert_eq!((stale.result.unwrap_err(), stale.connection), (failure(Protocol, text), ConnectionUse::Stale));
        assert_eq!(server.requests().len(), 2, "the transport repeats nothing by itself");
        // What the caller does then.
        let again = send(&egress, &server.uri("/2"), Vec::new(), "{}", true).await;
        assert_eq!((again.result.unwrap().status, again.connection), (200, ConnectionUse::New));
        assert_eq!((server.requests().len(), server.connections()), (3, 2));
    }
}

/// Once a byte came, or the time is over, the endpoint has had the request.
#[tokio::test]
async fn other_failures_on_a_reused_connection_are_failures() {
    for (second, expected) in
        [(Second::SaysAByte, failure(Protocol, CLOSED)), (Second::Hangs, failure(Timeout, "Timeout"))]
    {
        let egress = if matches!(second, Second::Hangs) { hasty() } else { egress() };
        let server = unreliable(second).await;
        post(&egress, &server.uri("/")).await.result.unwrap();
        let failed = post(&egress, &server.uri("/")).await;
        assert_eq!((failed.result.unwrap_err(), failed.connection), (expected, ConnectionUse::Reused), "{second:?}");
    }
    // On a new connection the same close is a failure of the endpoint.
    let closing = Server::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let failed = post(&egress(), &closing.uri("/")).await;
    assert_eq!((failed.result.unwrap_err(), failed.connection), (failure(Protocol, CLOSED), ConnectionUse::New));
}

#[tokio::test]
async fn a_fresh_connection_is_opened_where_one_is_asked_for() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    for n in 1..=5 {
        send(&egress, &server.uri("/"), Vec::new(), "{}", true).await.result.unwrap();
        assert_eq!(server.connections(), n);
    }
    assert_eq!(post(&egress, &server.uri("/")).await.connection, ConnectionUse::Reused);
}

/// Answers after which the connection must not be used again.
#[tokio::test]
async fn connections_that_the_endpoint_does_not_keep_are_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5, max=0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore than it said",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    ] {
        let (egress, server) = (egress(), Server::answering(answer).await);
        for n in 1..=3 {
            let exchange = post(&egress, &server.uri("/")).await;
            assert_eq!((exchange.result.unwrap().status, exchange.connection), (200, ConnectionUse::New), "{answer:?}");
            assert_eq!(server.connections(), n, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_the_endpoint_would() {
    // The endpoint keeps it for a second, so we keep it for half of that; the default is longer than the test.
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=1\r\n\r\n";
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    let server = Server::start(move |mut peer| {
        let counted = Arc::clone(&counted);
        async move {
            while peer.request().await && peer.say(short).await {}
            counted.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let patient = EgressSettings { idle_timeout: Duration::from_hours(1), ..settings() };
    let egress = Egress::with_resolver(patient, Arc::new(Names::default())).unwrap();
    post(&egress, &server.uri("/")).await.result.unwrap();
    crate::server::until(|| closed.load(Ordering::SeqCst) == 1).await;
    assert_eq!(post(&egress, &server.uri("/")).await.connection, ConnectionUse::New);
}

#[tokio::test]
async fn without_an_idle_time_every_request_has_its_own_connection() {
    let settings = EgressSettings { idle_timeout: Duration::ZERO, ..settings() };
    let egress = Egress::with_resolver(settings, Arc::new(Names::default())).unwrap();
    let server = Server::answering(OK).await;
    for n in 1..=5 {
        assert_eq!(post(&egress, &server.uri("/")).await.connection, ConnectionUse::New);
        assert_eq!(server.connections(), n);
    }
}

#[tokio::test]
async fn chunked_answers_are_read_to_their_end_and_the_connection_is_kept() {
    let chunked = "HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: t\r\n\r\n";
    let (egress, server) = (egress(), Server::answering(chunked).await);
    for _ in 0..5 {
        assert_eq!(post(&egress, &server.uri("/")).await.result.unwrap().body, "abcde");
    }
    assert_eq!(server.connections(), 1);
}
