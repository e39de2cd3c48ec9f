//! TLS towards endpoints: the system's roots and a configured bundle, certificates checked at every handshake,
//! cryptography from AWS-LC.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::phases::NoSessions;

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
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| BadEgress::Client(error.to_string()))?
        .with_root_certificates(roots(extra_roots_pem)?)
        .with_no_client_auth();
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
