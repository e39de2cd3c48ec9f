//! What arrives at the endpoint, byte for byte, for usual and unusual URIs.

use crate::server::{OK, Server};
use crate::{BODY, egress, post, send, uri};
use hookline_core::ports::Transport as _;
use hookline_core::values::Secret;

/// Host in the URI, what follows it, the request target and the host on the wire. `{}` is the port.
const CASES: [(&str, &str, &str, &str); 27] = [
    ("127.0.0.1:{}", "", "/", "127.0.0.1:{}"),
    ("127.0.0.1:{}", "/", "/", "127.0.0.1:{}"),
    ("127.0.0.1:{}", "?", "/?", "127.0.0.1:{}"),
    ("127.0.0.1:{}", "?a=b", "/?a=b", "127.0.0.1:{}"),
    ("127.1:{}", "/x", "/x", "127.0.0.1:{}"),
    ("0x7f.0.0.1:{}", "/x", "/x", "127.0.0.1:{}"),
    ("2130706433:{}", "/x", "/x", "127.0.0.1:{}"),
    ("017700000001:{}", "/x", "/x", "127.0.0.1:{}"),
    ("127.0.0.1.:{}", "/x", "/x", "127.0.0.1:{}"),
    ("localhost:{}", "/x", "/x", "localhost:{}"),
    ("hook.example:{}", "/x", "/x", "hook.example:{}"),
    ("HOOK.Example:{}", "/X", "/X", "hook.example:{}"),
    ("hook.example.:{}", "/x", "/x", "hook.example.:{}"),
    ("a_b.example:{}", "/x", "/x", "a_b.example:{}"),
    ("bücher.example:{}", "/x", "/x", "xn--bcher-kva.example:{}"),
    ("xn--bcher-kva.example:{}", "/x", "/x", "xn--bcher-kva.example:{}"),
    ("пример.испытание:{}", "/x", "/x", "xn--e1afmkfd.xn--80akhbyknj4f:{}"),
    ("hook.example:{}", "/a%2Fb%2f/c%20d", "/a%2Fb%2f/c%20d", "hook.example:{}"),
    ("hook.example:{}", "//double//slash/", "//double//slash/", "hook.example:{}"),
    ("hook.example:{}", "/%2e%2eb//c;v=1/a%2eb?s='x'&d=/../", "/%2e%2eb//c;v=1/a%2eb?s='x'&d=/../", "hook.example:{}"),
    ("hook.example:{}", "/%7E/A%c3%bc'(*)", "/%7E/A%c3%bc'(*)", "hook.example:{}"),
    ("hook.example:{}", "/;p=1,2:3@4", "/;p=1,2:3@4", "hook.example:{}"),
    (
        "hook.example:{}",
        "/x?b=2&a=1&a=%2F&c=a+b&d=%7e~!$()*,/:@?;",
        "/x?b=2&a=1&a=%2F&c=a+b&d=%7e~!$()*,/:@?;",
        "hook.example:{}",
    ),
    ("hook.example:{}", "/x?http://other.example/?y", "/x?http://other.example/?y", "hook.example:{}"),
    ("ada%40example.com:p%40ss@hook.example:{}", "/x", "/x", "hook.example:{}"),
    ("ada@hook.example:{}", "/x", "/x", "hook.example:{}"),
    (":secret@hook.example:{}", "", "/", "hook.example:{}"),
];

#[tokio::test]
async fn unusual_uris_are_called_right() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    let port = server.address.port().to_string();
    for (host, rest, target, host_header) in CASES {
        let text = format!("http://{}{rest}", host.replace("{}", &port));
        assert!(egress.permits(&uri(&text)), "{text}");
        let exchange = post(&egress, &text).await;
        assert_eq!(exchange.result.map(|response| response.status), Ok(200), "{text}");
        assert_eq!(exchange.address, Some(server.address), "{text}");
        let request = server.requests().pop().unwrap();
        let host_header = host_header.replace("{}", &port);
        assert!(request.starts_with(&format!("POST {target} HTTP/1.1\r\n")), "{text}: {request}");
        assert!(request.contains(&format!("\r\nHost: {host_header}\r\n")), "{text}: {request}");
        assert!(!request.contains("ecret") && !request.contains("p%40ss"), "{text}: {request}");
    }
    assert_eq!(server.requests().len(), CASES.len());
}

#[tokio::test]
async fn ipv6_literals_are_called() {
    let server =
        Server::start_at("[::1]:0", |mut peer| async move { while peer.request().await && peer.say(OK).await {} });
    let server = server.await;
    let port = server.address.port();
    for literal in ["[::1]", "[0:0:0:0:0:0:0:1]", "[::0.0.0.1]"] {
        let exchange = post(&egress(), &format!("http://{literal}:{port}/x")).await;
        assert_eq!((exchange.result.unwrap().status, exchange.address), (200, Some(server.address)));
        assert!(server.requests().pop().unwrap().contains(&format!("\r\nHost: [::1]:{port}\r\n")));
    }
}

#[tokio::test]
async fn nothing_is_added_to_a_request() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    post(&egress, &server.uri("/x")).await.result.unwrap();
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    let lines: Vec<_> = head.split("\r\n").collect();
    let host = format!("Host: {}", server.address);
    let expected = [
        "POST /x HTTP/1.1",
        &host,
        "Content-Type: application/json; charset=utf-8",
        "Accept: */*",
        "Accept-Encoding: identity",
        "User-Agent: hookline/test",
        "X-4me-Delivery: 2f6cbe1e-0000-8000-8000-000000000000",
        "Webhook-Id: msg_1",
        "Content-Length: 13",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn names_of_headers_are_sent_in_the_case_in_which_they_are_written() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    let names = ["X-API-KEY", "SOAPAction", "x-lower", "Authorization", "DNT", "a!#$%&'*+-.^_`|~9"];
    let headers = names.map(|name| (name.to_owned(), Secret::new(format!("value of {name}"))));
    send(&egress, &server.uri("/"), headers.into(), BODY, false).await.result.unwrap();
    let request = server.requests().remove(0);
    for name in names {
        assert!(request.contains(&format!("\r\n{name}: value of {name}\r\n")), "{name}: {request}");
    }
}

#[tokio::test]
async fn large_bodies_arrive_whole() {
    let (egress, server) = (egress(), Server::answering(OK).await);
    let body = "Ж".repeat(1 << 20);
    for _ in 0..2 {
        assert_eq!(send(&egress, &server.uri("/"), Vec::new(), &body, false).await.result.unwrap().status, 200);
    }
    assert!(server.requests().iter().all(|request| request.ends_with(&body)));
    assert_eq!(server.connections(), 1);
}
