//! TLS settings for connections to endpoints: the system's root certificates and a configured bundle. Certificates are
//! checked in every handshake; the cryptography is AWS-LC's.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificate;
use super::connect_timer::{self, NoTlsSessions};

/// Why [`crate::Egress`] could not be created from its settings.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The bundle has no certificate, or content that is not a root certificate in PEM.
    #[error("the bundle of root certificates is not valid: {0}")]
    Roots(String),
    /// The TLS library rejected its settings.
    #[error("TLS cannot be set up: {0}")]
    Client(String),
}

/// The TLS configuration of all connections.
pub(crate) fn client_config(extra_roots_pem: Option<&[u8]>) -> Result<ClientConfig, EgressError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = roots(extra_roots_pem)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Client(error.to_string()))?;
    let mut config = if roots.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let checks = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| EgressError::Client(error.to_string()))?;
        // `dangerous` because the verifier is not rustls' own. Ours leaves every decision to rustls' own.
        builder.dangerous().with_custom_certificate_verifier(Arc::new(ObservedVerifier(checks))).with_no_client_auth()
    };
    config.resumption = Resumption::store(Arc::new(NoTlsSessions));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(extra_roots_pem: Option<&[u8]>) -> Result<RootCertStore, EgressError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(system.certs);
    if ignored > 0 || !system.errors.is_empty() {
        let errors = system.errors.len();
        tracing::warn!(
            roots.ignored = ignored,
            roots.errors = errors,
            "reading some of the system's root certificates failed"
        );
    }
    if let Some(pem) = extra_roots_pem {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| EgressError::Roots(error.to_string()))?;
            roots.add(certificate).map_err(|error| EgressError::Roots(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(EgressError::Roots("it has no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        tracing::warn!("no root certificates found: every https delivery fails");
    }
    Ok(roots)
}

/// Delegates to rustls' verifier, and notes the endpoint's certificate and TLS version for test reports. Sessions are
/// never resumed, so every handshake is seen.
#[derive(Debug)]
struct ObservedVerifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for ObservedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        connect_timer::certificate_shown(certificate::expires_at(end_entity));
        self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        connect_timer::version_agreed("TLSv1.2");
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        connect_timer::version_agreed("TLSv1.3");
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
            assert!(matches!(client_config(Some(bad.as_bytes())), Err(EgressError::Roots(_))), "{bad:?}");
        }
        assert!(client_config(None).is_ok());
    }
}
