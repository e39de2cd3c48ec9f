//! TLS: who is trusted, who is not, and what the record says about it.

use std::sync::Arc;
use std::time::Instant;

use hookline_core::model::ErrorClass::{Timeout, Tls};
use hookline_core::ports::Exchange;
use hookline_egress::{Egress, EgressSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::server::{OK, Server};
use crate::{DEADLINE, Names, SLACK, egress, failure, post, settings};

pub(crate) type Issuer = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A way out that trusts this issuer.
pub(crate) fn trusting(issuer: &Issuer) -> Egress {
    let settings = EgressSettings { extra_roots_pem: Some(issuer.pem().into_bytes()), ..settings() };
    Egress::with_resolver(settings, Arc::new(Names::default())).unwrap()
}

fn config(
    chain: CertificateDer<'static>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap()
}

/// A server's configuration with a certificate of this issuer for these names.
pub(crate) fn issued(
    issuer: &Issuer,
    names: &[&str],
    versions: &[&'static SupportedProtocolVersion],
    change: impl FnOnce(&mut CertificateParams),
) -> ServerConfig {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    config(certificate.der().clone(), &key, versions)
}

pub(crate) async fn serving(config: ServerConfig) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(move |peer| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut peer) = peer.secured(acceptor).await else { return };
            while peer.request().await && peer.say(OK).await {}
        }
    })
    .await
}

async fn post_to(egress: &Egress, host: &str, server: &Server) -> Exchange {
    post(egress, &format!("https://{host}:{}/x", server.address.port())).await
}

/// POSTs to a server with this configuration, and gives the text of its TLS failure.
async fn refusal(egress: &Egress, config: ServerConfig) -> String {
    let server = serving(config).await;
    let exchange = post_to(egress, "hook.example", &server).await;
    let failure = exchange.result.unwrap_err();
    assert_eq!(failure.class, Tls, "{}", failure.text);
    assert!(exchange.timings.connect.is_some() && exchange.timings.tls.is_none());
    assert_eq!((server.connections(), server.requests().len()), (1, 0), "{}", failure.text);
    failure.text
}

#[tokio::test]
async fn a_trusted_endpoint_is_measured() {
    let issuer = issuer("Trusted");
    let server = serving(issued(&issuer, &["hook.example", "127.0.0.1"], ALL_VERSIONS, |_| {})).await;
    let egress = trusting(&issuer);
    for host in ["hook.example", "HOOK.example.", "127.0.0.1"] {
        let exchange = post_to(&egress, host, &server).await;
        assert_eq!(exchange.result.map(|response| response.status), Ok(200), "{host}");
        let timings = exchange.timings;
        let (connect, tls) = (timings.connect.unwrap(), timings.tls.unwrap());
        assert!(!tls.is_zero() && connect + tls + timings.first_byte.unwrap() <= timings.total, "{timings:?}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn certificates_are_always_checked() {
    let (trusted, stranger) = (issuer("Trusted"), issuer("Stranger"));
    let egress = trusting(&trusted);
    let named =
        |issuer: &Issuer, change: fn(&mut CertificateParams)| issued(issuer, &["hook.example"], ALL_VERSIONS, change);
    let text = refusal(&egress, named(&trusted, |params| params.not_after = date_time_ymd(2001, 1, 1))).await;
    assert_eq!(text, "TLS error: certificate expired");
    let text = refusal(&egress, named(&trusted, |params| params.not_before = date_time_ymd(2400, 1, 1))).await;
    assert_eq!(text, "TLS error: certificate not valid yet");
    let text = refusal(&egress, issued(&trusted, &["other.example"], ALL_VERSIONS, |_| {})).await;
    assert_eq!(text, "TLS error: certificate not valid for the host's name");
    let text = refusal(&egress, named(&stranger, |_| {})).await;
    assert_eq!(text, "TLS error: certificate from an unknown issuer");
    let own = rcgen::generate_simple_self_signed(["hook.example".to_owned()]).unwrap();
    let text = refusal(&egress, config(own.cert.der().clone(), &own.signing_key, ALL_VERSIONS)).await;
    assert_eq!(text, "TLS error: certificate from an unknown issuer");
}

#[tokio::test]
async fn a_server_without_http_1_is_refused() {
    let issuer = issuer("Trusted");
    let mut config = issued(&issuer, &["hook.example"], ALL_VERSIONS, |_| {});
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert_eq!(
        refusal(&trusting(&issuer), config).await,
        "TLS error: the endpoint sent the alert NoApplicationProtocol"
    );
}

#[tokio::test]
async fn what_is_not_tls() {
    let server = Server::answering(OK).await;
    let plain = Server::start(|mut peer| async move {
        peer.say("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.hold().await;
    })
    .await;
    let exchange = post_to(&egress(), "hook.example", &plain).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Tls, "TLS error: the endpoint does not speak TLS"));
    let closing = Server::start(|mut peer| async move {
        peer.say("").await;
    })
    .await;
    let failed = post_to(&egress(), "hook.example", &closing).await.result.unwrap_err();
    assert!(failed.class == Tls && failed.text.ends_with(" in the handshake"), "{}", failed.text);
    // One that waits for the end of a request that never comes in clear text.
    let began = Instant::now();
    let exchange = post_to(&egress(), "hook.example", &server).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Timeout, "Timeout"));
    assert!(began.elapsed() < DEADLINE + SLACK);
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
}
