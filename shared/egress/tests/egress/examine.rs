//! Looking closely: what a report tells of the way to an endpoint.

use hookline_core::model::ErrorClass::{AddressNotAllowed, Dns, Refused, Tls};
use hookline_core::ports::TlsInfo;
use hookline_egress::Egress;
use rcgen::date_time_ymd;
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpListener;

use crate::secure::{issued, issuer, serving, trusting};
use crate::server::{OK, Server};
use crate::{Answer, Names, addresses, egress, examine, failure, post, settings};

#[tokio::test]
async fn versions_and_the_end_of_the_certificate_are_told() {
    let issuer = issuer("Trusted");
    let egress = trusting(&issuer);
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let config = issued(&issuer, &["hook.example"], &[version], |params| {
            params.not_after = date_time_ymd(2050, 2, 3);
        });
        let server = serving(config).await;
        let url = format!("https://hook.example:{}/x", server.address.port());
        // What was sent before over a connection that is kept tells nothing.
        post(&egress, &url).await.result.unwrap();
        for _ in 0..2 {
            let seen = examine(&egress, &url).await;
            assert_eq!(seen.exchange.result.unwrap().status, 200);
            let expires_at = Some("2050-02-03T00:00:00Z".parse().unwrap());
            assert_eq!(seen.tls, Some(TlsInfo { version: Some(name), certificate_expires_at: expires_at }));
            assert_eq!(seen.addresses, [server.address.ip()]);
            assert_eq!(seen.exchange.address, Some(server.address));
            let timings = seen.exchange.timings;
            assert!(timings.dns.is_some() && timings.connect.is_some() && timings.tls.is_some(), "{timings:?}");
        }
        assert_eq!(server.connections(), 3, "each report has a connection of its own");
    }
}

#[tokio::test]
async fn a_certificate_that_is_refused_is_told_too() {
    let trusted = issuer("Trusted");
    let config = issued(&trusted, &["hook.example"], &[&TLS13], |params| params.not_after = date_time_ymd(2001, 1, 1));
    let server = serving(config).await;
    let seen = examine(&trusting(&trusted), &format!("https://hook.example:{}/x", server.address.port())).await;
    assert_eq!(seen.exchange.result.unwrap_err(), failure(Tls, "TLS error: certificate expired on 2001-01-01"));
    let expires_at = Some("2001-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(seen.tls, Some(TlsInfo { version: None, certificate_expires_at: expires_at }));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn without_tls_and_without_an_answer() {
    let server = Server::answering(OK).await;
    let seen = examine(&egress(), &format!("http://hook.example:{}/x", server.address.port())).await;
    assert_eq!((seen.exchange.result.unwrap().status, seen.tls), (200, None));
    assert_eq!(seen.addresses, [server.address.ip()]);

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let seen = examine(&egress(), &format!("https://hook.example:{}/x", closed.port())).await;
    assert_eq!(seen.exchange.result.unwrap_err(), failure(Refused, "Connection refused"));
    assert_eq!((seen.addresses, seen.tls), (vec![closed.ip()], None));

    let seen = examine(&egress(), "http://10.0.0.1/").await;
    assert_eq!((seen.exchange.result.unwrap_err().class, seen.addresses), (AddressNotAllowed, Vec::new()));
    // An address that is not allowed is not shown: callers cannot look up names of the internal network.
    let names = Names::script("inside.example", &[addresses(&["10.1.2.3", "127.0.0.1"], 60)]);
    let egress = Egress::with_resolver(settings(), names).unwrap();
    let seen = examine(&egress, &format!("http://inside.example:{}/x", server.address.port())).await;
    assert_eq!(seen.addresses, [server.address.ip()]);
    let names = Names::script("nowhere.example", &[Answer::Unresolved]);
    let seen = examine(&Egress::with_resolver(settings(), names).unwrap(), "http://nowhere.example/").await;
    assert_eq!((seen.exchange.result.unwrap_err().class, seen.addresses), (Dns, Vec::new()));
}
