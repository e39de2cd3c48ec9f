//! TLS towards endpoints: the system's roots and a configured bundle, certificates checked at every handshake,
//! cryptography from AWS-LC.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::certificate;
use crate::phases::{self, NoSessions};

/// The way out cannot be opened as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum BadEgress {
    /// The bundle holds no certificate, or something that is not a root certificate in PEM.
    #[error("the bundle of root certificates is not valid: {0}")]
    Roots(String),
    /// The TLS library or the HTTP client refused its settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// The configuration that all connections share.
pub(crate) fn client_config(extra_roots_pem: Option<&[u8]>) -> Result<ClientConfig, BadEgress> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = roots(extra_roots_pem)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| BadEgress::Client(error.to_string()))?;
    let mut config = if roots.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let checks = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| BadEgress::Client(error.to_string()))?;
        // What the library calls dangerous is a verifier that is not its own; this one asks its own in everything.
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Watched(checks))).with_no_client_auth()
    };
    config.resumption = Resumption::store(Arc::new(NoSessions));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(extra_roots_pem: Option<&[u8]>) -> Result<RootCertStore, BadEgress> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(system.certs);
    if ignored > 0 || !system.errors.is_empty() {
        let errors = system.errors.len();
        tracing::warn!(roots.ignored = ignored, roots.errors = errors, "some of the system's roots cannot be read");
    }
    if let Some(pem) = extra_roots_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| BadEgress::Roots(error.to_string()))?;
            roots.add(certificate).map_err(|error| BadEgress::Roots(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(BadEgress::Roots("no certificate in it".to_owned()));
        }
    }
    if roots.is_empty() {
        tracing::warn!("no root certificates: every https endpoint fails");
    }
    Ok(roots)
}

/// The library's own checks of certificates, watched: a report tells which certificate the endpoint showed, and which
/// version of TLS was agreed on. Sessions are never resumed, so every handshake comes by here.
#[derive(Debug)]
struct Watched(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Watched {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        phases::certificate_shown(certificate::expires_at(end_entity));
        self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        phases::version_agreed("TLSv1.2");
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        phases::version_agreed("TLSv1.3");
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_must_hold_certificates() {
        for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(client_config(Some(bad.as_bytes())), Err(BadEgress::Roots(_))), "{bad:?}");
        }
        assert!(client_config(None).is_ok());
    }
}
