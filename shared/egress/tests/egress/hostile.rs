//! Endpoints that misbehave: each ends in its outcome, in time, after exactly one request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookline_core::model::ErrorClass::{ConnectTimeout, Protocol, Refused, Timeout};
use hookline_core::model::{ErrorClass, ResponseRecord};
use hookline_core::ports::ConnectionUse;
use hookline_egress::{Egress, EgressSettings};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Full, OK, Peer, Server};
use crate::{DEADLINE, Names, egress, failure, hasty, post, settings};

const NOT_HTTP: &str = "Invalid answer: not HTTP/1.1";
const TOO_LONG: &str = "Invalid answer: no final status line in the first 64 KiB";
const CLOSED: &str = "Connection closed before an answer";

/// POSTs once to a server of this kind, and checks what must hold with every server.
async fn one_post<F, Fut>(serve: F) -> (Result<ResponseRecord, (ErrorClass, String)>, Server)
where
    F: Fn(Peer<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    one_post_by(egress(), serve).await
}

/// The same, where the deadline passes.
async fn one_post_until_the_deadline<F, Fut>(serve: F) -> (Result<ResponseRecord, (ErrorClass, String)>, Server)
where
    F: Fn(Peer<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let posted = one_post_by(hasty(), serve).await;
    assert!(began.elapsed() >= DEADLINE);
    posted
}

async fn one_post_by<F, Fut>(egress: Egress, serve: F) -> (Result<ResponseRecord, (ErrorClass, String)>, Server)
where
    F: Fn(Peer<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let server = Server::start(serve).await;
    let began = Instant::now();
    let exchange = post(&egress, &server.uri("/")).await;
    assert!(exchange.timings.total <= began.elapsed());
    assert_eq!(exchange.address, Some(server.address));
    assert_eq!(server.connections(), 1);
    assert!(server.requests().len() <= 1);
    (exchange.result.map_err(|failure| (failure.class, failure.text)), server)
}

/// Says these bytes once it has the request, then closes.
async fn says(bytes: impl Into<Vec<u8>>) -> Result<ResponseRecord, (ErrorClass, String)> {
    let bytes: Vec<u8> = bytes.into();
    let (result, server) = one_post(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await;
            peer.say(bytes).await;
        }
    })
    .await;
    assert_eq!(server.requests().len(), 1);
    result
}

#[track_caller]
fn is_failure(result: Result<ResponseRecord, (ErrorClass, String)>, class: ErrorClass, text: &str) {
    assert_eq!(result.unwrap_err(), (class, text.to_owned()));
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let (result, _) = one_post_until_the_deadline(|mut peer| async move { peer.hold().await }).await;
    is_failure(result, Timeout, "Timeout");
    for slow in [&b"HTTP/1.1 200 "[..], b"HTTP/1.1 100 Continue\r\nX-A: b\r\n"] {
        let (result, _) = one_post_until_the_deadline(move |mut peer| async move {
            peer.request().await;
            peer.say(slow).await;
            peer.drip(b"x").await;
        })
        .await;
        is_failure(result, Timeout, "Timeout");
    }
}

#[tokio::test]
async fn eight_interim_answers_are_read_and_no_more() {
    let early = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(says(format!("{}{OK}", early.repeat(8))).await.unwrap().status, 200);
    let many = "Invalid answer: more than 8 interim (1xx) answers";
    is_failure(says(format!("{}{OK}", early.repeat(9))).await, Protocol, many);
    for (endless, text) in [
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), many),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".to_owned(), many),
        (format!("HTTP/1.1 102 Processing\r\nX: {}\r\n\r\n", "x".repeat(20_000)), TOO_LONG),
        ("\r\n".repeat(4096), TOO_LONG),
    ] {
        let (result, server) = one_post(move |mut peer| {
            let endless = endless.clone();
            async move {
                peer.request().await;
                peer.repeat(endless.as_bytes()).await;
            }
        })
        .await;
        is_failure(result, Protocol, text);
        assert_eq!(server.connections(), 1);
    }
}

/// The status line decides; nothing after it takes a status back.
#[tokio::test]
async fn whatever_the_headers_do_the_status_stands() {
    let many = |count: usize| "X-Many: x\r\n".repeat(count);
    let rests = [
        many(150) + "\r\n",
        many(5000) + "\r\n",
        "X-Folded: one\r\n two\r\n\tthree\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "X A: b\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "no colon\r\nX: \0\r\n: no name\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\n".to_owned(),
        "Content-Length: minus one\r\nTransfer-Encoding: unheard-of\r\n\r\n".to_owned(),
        "Content-Leng".to_owned(),
        "\n".to_owned(),
        String::new(),
    ];
    for status in [200, 299, 410, 503] {
        for rest in &rests {
            let response = says(format!("HTTP/1.1 {status} Whatever\r\n{rest}")).await;
            assert_eq!(response.unwrap().status, status, "{rest:.60?}");
        }
    }
    let folded = says("HTTP/1.1 429 Slow\r\nX A: b\r\nRETRY-after: 3\r\n\t0\r\nX-Last: y\r\n\r\n").await.unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(folded.headers, [pair("RETRY-after", "3 0"), pair("X-Last", "y")]);
    // Slow, or cut off by a reset.
    let (result, _) = one_post_until_the_deadline(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\n").await;
        peer.drip(b"X-A: b\r\n").await;
    })
    .await;
    assert_eq!(result.unwrap().status, 200);
    let (result, _) = one_post(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nX-").await;
        tokio::time::sleep(DEADLINE / 10).await;
        peer.reset();
    })
    .await;
    assert_eq!(result.unwrap().status, 200);
}

#[tokio::test]
async fn headers_that_decide_are_kept_among_hundreds() {
    let many = "X-Many: x\r\n".repeat(150);
    let response = says(format!("HTTP/1.1 429 Slow\r\n{many}Retry-After: 30\r\n\r\n")).await.unwrap();
    assert_eq!(response.headers.len(), 50);
    assert!(response.headers.contains(&("Retry-After".to_owned(), "30".to_owned())), "{response:?}");
}

#[tokio::test]
async fn by_default_an_answer_has_ten_seconds() {
    let defaults = EgressSettings { deadline: EgressSettings::default().deadline, ..settings() };
    let egress = Egress::with_resolver(defaults, Arc::new(Names::default())).unwrap();
    let silent = Server::start(|mut peer| async move { peer.hold().await }).await;
    let exchange = post(&egress, &silent.uri("/")).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Timeout, "Timeout"));
    assert!(exchange.timings.total >= Duration::from_secs(10), "{:?}", exchange.timings);
}

#[tokio::test]
async fn connections_are_not_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // In the backlog: connected, never served.
    let exchange = post(&hasty(), &format!("http://{address}/")).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Timeout, "Timeout"));
    assert!(exchange.timings.connect.is_some() && exchange.timings.first_byte.is_none());
    drop(listener);
    let exchange = post(&egress(), &format!("http://{address}/")).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Refused, "Connection refused"));
    assert_eq!((exchange.address, exchange.timings.connect), (Some(address), None));
}

#[tokio::test]
async fn a_full_backlog_is_a_connect_timeout() {
    let full = Full::start_at("127.0.0.1:0").await;
    let exchange = post(&hasty(), &format!("http://{}/", full.address)).await;
    assert_eq!(exchange.result.unwrap_err(), failure(ConnectTimeout, "Timeout"));
    assert_eq!(exchange.timings.connect, None);
    assert!(exchange.timings.total >= DEADLINE);
}

#[tokio::test]
async fn whatever_the_body_does_a_2xx_is_a_success() {
    let head = |rest: &str| format!("HTTP/1.1 202 Accepted\r\n{rest}\r\n\r\n");
    let succeeded = |result: Result<ResponseRecord, _>| {
        let response = result.unwrap();
        assert_eq!((response.status, response.body.as_str()), (202, ""));
    };
    // Cut, wrong, or still coming when the connection ends.
    succeeded(says(head("Content-Length: 100") + "cut").await);
    succeeded(says(head("Transfer-Encoding: chunked") + "5\r\nhel").await);
    succeeded(says(head("Transfer-Encoding: chunked") + "no number\r\nx").await);
    succeeded(says(head("X-Until: the end") + "body").await);
    let mut zeros_as_gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    zeros_as_gzip.resize(1_000_000, 0);
    succeeded(says([head("Content-Encoding: gzip").into_bytes(), zeros_as_gzip].concat()).await);
    // Endless, in three framings: reading stops at 64 KiB, else it would go on until the deadline passes.
    for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked", "X-Until: the end"] {
        let head = head(framing);
        let (result, _) = one_post(move |mut peer| {
            let head = head.clone();
            async move {
                peer.request().await;
                peer.say(head).await;
                peer.repeat(&[b"400\r\n".as_slice(), &[b'x'; 1024], b"\r\n"].concat()).await;
            }
        })
        .await;
        succeeded(result);
    }
    // Slow: read until the deadline.
    let (result, _) = one_post_until_the_deadline(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n").await;
        peer.drip(b"x").await;
    })
    .await;
    succeeded(result);
    // Reset in the middle.
    let (result, _) = one_post(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\nx").await;
        tokio::time::sleep(DEADLINE / 10).await;
        peer.reset();
    })
    .await;
    succeeded(result);
}

#[tokio::test]
async fn of_a_failure_the_first_kib_is_kept() {
    let long = format!("HTTP/1.1 500 Oops\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000));
    assert_eq!(says(long).await.unwrap().body, "x".repeat(1024));
    let bytes = b"HTTP/1.1 404 Not Found\r\nX-Odd: a\xff\xc3\xa9b\r\nContent-Length: 4\r\n\r\na\xffb\x00".to_vec();
    let response = says(bytes).await.unwrap();
    assert_eq!((response.status, response.body.as_str()), (404, "a\u{fffd}b\0"));
    assert_eq!(response.headers[0], ("X-Odd".to_owned(), "a???b".to_owned()));
    let gzip = b"HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec();
    assert_eq!(says(gzip).await.unwrap().body, "\u{1f}\u{fffd}\u{8}\0", "never decoded");
    let cut = says("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\ncut").await.unwrap();
    assert_eq!((cut.status, cut.body.as_str()), (503, "cut"));
    let (slow, _) = one_post_until_the_deadline(|mut peer| async move {
        peer.request().await;
        peer.say("HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n").await;
        peer.drip(b"s").await;
    })
    .await;
    let slow = slow.unwrap();
    assert!(slow.status == 500 && slow.body.starts_with('s') && slow.body.len() < 100);
}

#[tokio::test]
async fn heads_have_limits() {
    let headers = |count: usize| -> String { (0..count).map(|n| ["X-", &n.to_string(), ": x\r\n"].concat()).collect() };
    let many = says(format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", headers(90))).await.unwrap();
    assert_eq!(many.headers.len(), 50);
    let wide = format!("HTTP/1.1 200 OK\r\nX-A: a\r\nX-Wide: {}\r\nContent-Length: 0\r\n\r\n", "w".repeat(20_000));
    assert_eq!(says(wide).await.unwrap().headers, [("X-A".to_owned(), "a".to_owned())]);
    for endless in ["X-A: b\r\n", "X"] {
        let (result, _) = one_post(move |mut peer| async move {
            peer.request().await;
            peer.say("HTTP/1.1 200 OK\r\n").await;
            peer.repeat(endless.repeat(1000).as_bytes()).await;
        })
        .await;
        assert_eq!(result.unwrap().status, 200, "reading stops at 64 KiB");
    }
}

#[tokio::test]
async fn what_is_not_http() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "<html>HTTP/0.9</html>\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "\0\0\0\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
    ] {
        is_failure(says(garbage).await, Protocol, NOT_HTTP);
    }
    let switched = says("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    is_failure(switched, Protocol, "Invalid answer: 101 Switching Protocols");
}

#[tokio::test]
async fn answers_that_are_odd_but_valid() {
    for (answer, status) in [
        ("HTTP/1.0 200 OK\r\n\r\nold", 200),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n", 299),
        ("HTTP/1.1 999 Other\r\nContent-Length: 0\r\n\r\n", 999),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n", 202),
    ] {
        assert_eq!(says(answer).await.unwrap().status, status, "{answer:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_speaks_first() {
    let (result, _) = one_post(|mut peer| async move { peer.drip(b"220 mail.example ESMTP\r\n").await }).await;
    assert_eq!(result.unwrap_err().0, Protocol);
}

#[tokio::test]
async fn connections_that_end_early() {
    is_failure(says("").await, Protocol, CLOSED);
    is_failure(says("HTTP/1.1 200 OK").await, Protocol, CLOSED);
    let (result, _) = one_post(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    is_failure(result, Protocol, "Connection reset");
    // Before it read anything: how far we had come is a matter of luck.
    for reset in [true, false] {
        let (result, _) = one_post(move |peer| async move {
            if reset {
                peer.reset();
            }
        })
        .await;
        let (class, text) = result.unwrap_err();
        assert!(class == Protocol && ["Connection reset", CLOSED].contains(&text.as_str()), "{class:?} {text}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        for to in [elsewhere.uri("/secret"), "http://169.254.169.254/latest/meta-data".to_owned(), "/again".to_owned()]
        {
            let result = says(format!("HTTP/1.1 {status} Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")).await;
            assert_eq!(result.unwrap().status, status);
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_not_taken() {
    let egress = egress();
    let forged = "HTTP/1.1 200 OK\r\nX-Forged: yes\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(format!("{OK}{forged}")).await;
    for _ in 0..10 {
        let exchange = post(&egress, &server.uri("/")).await;
        let Ok(response) = exchange.result else { continue };
        assert!(response.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("x-forged")), "{response:?}");
    }
    assert!(server.requests().len() <= 10);
}

#[tokio::test]
async fn connections_are_kept_and_measured() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    let first = post(&egress, &server.uri("/")).await;
    assert!(first.timings.connect.is_some() && first.timings.first_byte.is_some());
    assert_eq!((first.timings.dns, first.timings.tls), (None, None));
    let mut pooled = 0;
    for _ in 0..50 {
        let exchange = post(&egress, &server.uri("/")).await;
        assert!(exchange.result.is_ok());
        pooled += usize::from(exchange.timings.connect.is_none());
        // Lets the connection return to the pool.
        tokio::task::yield_now().await;
    }
    assert!(pooled >= 40 && server.connections() <= 11, "{pooled} pooled, {} connections", server.connections());
    assert_eq!(server.requests().len(), 51);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used() {
    let egress = egress();
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.say(OK).await;
    })
    .await;
    for n in 1..=20 {
        let before = server.requests().len();
        let exchange = post(&egress, &server.uri("/")).await;
        // Where the close is not known yet, the transport says so, and sends nothing twice.
        if let Err(failure) = exchange.result {
            assert_eq!((failure.class, exchange.connection), (Protocol, ConnectionUse::Stale), "{n}");
        }
        assert!(server.requests().len() <= before + 1);
    }
}
