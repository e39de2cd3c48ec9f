//! TLS: who is trusted, who is not, and what the record says about it.

use std::sync::Arc;

use hookline_core::model::ErrorClass::{Timeout, Tls};
use hookline_core::ports::Exchange;
use hookline_egress::{Egress, EgressSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::server::{OK, Server};
use crate::{Names, egress, failure, hasty, post, settings};

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
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
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
    config(vec![certificate.der().clone()], &key, versions)
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
    assert_eq!(text, "TLS error: certificate expired on 2001-01-01");
    let text = refusal(&egress, named(&trusted, |params| params.not_before = date_time_ymd(2400, 1, 1))).await;
    let begins = "it begins on 2400-01-01; check the certificate and this machine's clock";
    assert_eq!(text, format!("TLS error: certificate not valid yet: {begins}"));
    let text = refusal(&egress, issued(&trusted, &["other.example"], ALL_VERSIONS, |_| {})).await;
    assert_eq!(text, "TLS error: certificate not valid for the host's name");
    let text = refusal(&egress, named(&stranger, |_| {})).await;
    assert_eq!(text, "TLS error: certificate from an unknown issuer");
}

/// An authority with a name, a root and an intermediate.
struct Authority {
    root: Issuer,
    intermediate: Issuer,
}

impl Authority {
    fn new() -> Self {
        let root = issuer("Test Root");
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Test CA\u{1b}[2J R1\r\n");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let intermediate = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, intermediate }
    }

    /// A server with a certificate of the intermediate, which tells where the intermediate is, and with these others.
    fn serving(&self, tells_issuer: bool, others: &[&Issuer]) -> ServerConfig {
        let mut params = CertificateParams::new(vec!["hook.example".to_owned()]).unwrap();
        if tells_issuer {
            // One description: caIssuers, at the URI `x`.
            let access = vec![0x30, 15, 0x30, 13, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, 1, b'x'];
            params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
        }
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.intermediate).unwrap().der().clone();
        let chain = [leaf].into_iter().chain(others.iter().map(|issuer| issuer.der().clone()));
        config(chain.collect(), &key, ALL_VERSIONS)
    }
}

#[tokio::test]
async fn a_missing_intermediate_is_named_with_the_remedy() {
    let authority = Authority::new();
    let egress = trusting(&authority.root);
    let text = refusal(&egress, authority.serving(true, &[])).await;
    let remedy = "configure it to send its full certificate chain";
    let expected =
        format!("TLS error: the endpoint does not send the intermediate certificate \"Test CA2J R1\": {remedy}");
    assert_eq!(text, expected, "and nothing of the name can do harm");
    // Another certificate beside it does not help; the right one does.
    let other = issuer("Other");
    assert_eq!(refusal(&egress, authority.serving(true, &[&other])).await, expected);
    let whole = serving(authority.serving(true, &[&authority.intermediate])).await;
    assert_eq!(post_to(&egress, "hook.example", &whole).await.result.unwrap().status, 200);
    // Without the hint there is no telling.
    let unknown = "TLS error: certificate from an unknown issuer";
    assert_eq!(refusal(&egress, authority.serving(false, &[])).await, unknown);
}

#[tokio::test]
async fn a_root_that_is_not_trusted_is_told_from_a_missing_intermediate() {
    let authority = Authority::new();
    let egress = trusting(&issuer("Another"));
    let untrusted = "TLS error: certificate from an authority that is not trusted: add its root to the trusted roots";
    let whole = authority.serving(true, &[&authority.intermediate, &authority.root]);
    assert_eq!(refusal(&egress, whole).await, untrusted);
}

#[tokio::test]
async fn self_signed_certificates_are_called_so() {
    let egress = trusting(&issuer("Trusted"));
    let expected =
        "TLS error: self-signed certificate: use one from a public authority, or add it to the trusted roots";
    let own = rcgen::generate_simple_self_signed(["hook.example".to_owned()]).unwrap();
    let chain = vec![own.cert.der().clone()];
    assert_eq!(refusal(&egress, config(chain, &own.signing_key, ALL_VERSIONS)).await, expected);
    // As `openssl req -x509` makes them: a certificate of an authority, and used for a server.
    let mut params = CertificateParams::new(vec!["hook.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    assert_eq!(refusal(&egress, config(vec![own.der().clone()], own.key(), ALL_VERSIONS)).await, expected);
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
    let exchange = post_to(&hasty(), "hook.example", &server).await;
    assert_eq!(exchange.result.unwrap_err(), failure(Timeout, "Timeout"));
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
}
