//! TLS settings for connections to endpoints: the system's root certificates and a configured bundle. Certificates are
//! checked in every handshake; the cryptography is AWS-LC's.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::certificate::CertificateFields;

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

/// What all connections share.
pub(crate) struct TlsSettings {
    config: ClientConfig,
    /// `None` without any root certificate: then no certificate is trusted.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl TlsSettings {
    pub(crate) fn new(extra_roots_pem: Option<&[u8]>) -> Result<Self, EgressError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots(extra_roots_pem)?);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| EgressError::Client(error.to_string()))?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        // A resumed session would skip the check of the certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Without a root rustls' own verifier cannot be built. The configuration then trusts no certificate.
        let verifier = if roots.is_empty() {
            None
        } else {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            Some(verifier.map_err(|error| EgressError::Client(error.to_string()))?)
        };
        Ok(Self { config, verifier })
    }

    /// The configuration of one handshake, and what will be seen in it.
    pub(crate) fn session(&self) -> (Arc<ClientConfig>, Arc<ObservedCertificate>) {
        let observed = Arc::new(ObservedCertificate::default());
        let mut config = self.config.clone();
        if let Some(verifier) = &self.verifier {
            let verifier = ObservedVerifier { verifier: Arc::clone(verifier), observed: Arc::clone(&observed) };
            // `dangerous` because the verifier is not rustls' own. Ours leaves every decision to rustls' own.
            config.dangerous().set_certificate_verifier(Arc::new(verifier));
        }
        (Arc::new(config), observed)
    }
}

fn roots(extra_roots_pem: Option<&[u8]>) -> Result<RootCertStore, EgressError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(system.certs);
    if ignored > 0 || !system.errors.is_empty() {
        let errors = system.errors.len();
        tracing::warn!(ignored, errors, "reading some of the system's root certificates failed");
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
        let action = "install the certificates of the system (package ca-certificates), or set HOOKLINE_EXTRA_ROOTS";
        tracing::error!(action, "no root certificates found: every https delivery fails");
    }
    Ok(roots)
}

/// What the endpoint showed in a handshake.
#[derive(Debug, Default)]
pub(crate) struct ObservedCertificate(OnceLock<Observation>);

#[derive(Debug)]
struct Observation {
    validity: Option<(Timestamp, Timestamp)>,
    chain: ChainEnd,
}

/// Where the certificates that an endpoint sent end, by their names alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChainEnd {
    /// The endpoint's own certificate is its own issuer.
    SelfSigned,
    /// At a root certificate.
    Root,
    /// The next certificate is an intermediate that was not sent. Its name, as far as it can be shown.
    MissingIntermediate(Option<String>),
    /// Nothing more is known.
    Unknown,
}

impl ObservedCertificate {
    /// The first and the last moment at which the certificate is valid.
    pub(crate) fn validity(&self) -> Option<(Timestamp, Timestamp)> {
        self.0.get()?.validity
    }

    /// When the certificate expires.
    pub(crate) fn certificate_expires_at(&self) -> Option<Timestamp> {
        self.validity().map(|(_, not_after)| not_after)
    }

    /// Where the chain ends.
    pub(crate) fn chain_end(&self) -> ChainEnd {
        self.0.get().map_or(ChainEnd::Unknown, |observation| observation.chain.clone())
    }

    fn observe(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) {
        let fields = CertificateFields::read(end_entity);
        let validity = fields.map(|fields| (fields.not_before, fields.not_after));
        let chain = fields.map_or(ChainEnd::Unknown, |fields| chain_end(fields, intermediates));
        let _ = self.0.set(Observation { validity, chain });
    }
}

/// How many certificates are followed: more than any public authority needs. The verifier has a limit too.
const LONGEST: usize = 8;

/// Follows issuers through the certificates that were sent.
fn chain_end(leaf: CertificateFields<'_>, intermediates: &[CertificateDer<'_>]) -> ChainEnd {
    if leaf.is_self_issued() {
        return ChainEnd::SelfSigned;
    }
    let sent: Vec<_> = intermediates.iter().take(LONGEST).filter_map(|der| CertificateFields::read(der)).collect();
    let mut last = leaf;
    for _ in 0..LONGEST {
        match sent.iter().find(|next| last.is_issued_by(next)) {
            Some(root) if root.is_self_issued() => return ChainEnd::Root,
            Some(next) => last = *next,
            None => break,
        }
    }
    // Above an intermediate that was sent, a root that is not trusted looks the same as one more that is missing.
    if last == leaf && leaf.has_issuer_address {
        return ChainEnd::MissingIntermediate(leaf.issuer_name());
    }
    ChainEnd::Unknown
}

/// Delegates to rustls' verifier, and notes what the certificates say, for messages and test reports.
#[derive(Debug)]
struct ObservedVerifier {
    verifier: Arc<WebPkiServerVerifier>,
    observed: Arc<ObservedCertificate>,
}

impl ServerCertVerifier for ObservedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.observed.observe(end_entity, intermediates);
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_must_hold_certificates() {
        for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(TlsSettings::new(Some(bad.as_bytes())), Err(EgressError::Roots(_))), "{bad:?}");
        }
        assert!(TlsSettings::new(None).is_ok());
    }
}
