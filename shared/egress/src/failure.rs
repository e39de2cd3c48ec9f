//! Puts errors of TCP, TLS and HTTP into the words of section 3, `last_error`. The texts are ours; the only word that an
//! endpoint adds is the name of a missing certificate, as plain text.

use std::fmt;
use std::io;

use hookline_core::errors::PortError;
use hookline_core::model::{ErrorClass, Failure};
use rustls::{AlertDescription, CertificateError};

use super::exchange::NoResponse;
use super::lookups::LookupError;
use super::response_head::HeadError;
use super::tls::{ChainEnd, ObservedCertificate};

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// By the endpoint's fault, or the network's.
    Failed(Failure),
    /// The endpoint closed an idle connection before a byte of the answer. The failure counts only if the caller does not
    /// send the request again.
    Stale(Failure),
    /// By our own fault.
    Ours(PortError),
}

/// A fault of our own.
pub(crate) fn ours(reason: impl fmt::Display) -> RequestError {
    RequestError::Ours(PortError::unavailable("egress", reason))
}

fn failed(class: ErrorClass, text: impl Into<String>) -> RequestError {
    RequestError::Failed(Failure::new(class, text))
}

/// No address may be connected to.
pub(crate) fn address_not_allowed() -> RequestError {
    failed(ErrorClass::AddressNotAllowed, "Address not allowed")
}

/// The lookup gave no address.
pub(crate) fn no_address(why: LookupError) -> RequestError {
    match why {
        LookupError::NotFound => failed(ErrorClass::Dns, "Host not found"),
        LookupError::TimedOut => failed(ErrorClass::Dns, "Timeout"),
        LookupError::NotAsked(reason) => ours(reason),
    }
}

/// No address connected before the deadline.
pub(crate) fn connect_timed_out() -> RequestError {
    failed(ErrorClass::ConnectTimeout, "Timeout")
}

/// The deadline passed on an open connection.
pub(crate) fn timed_out() -> RequestError {
    failed(ErrorClass::Timeout, "Timeout")
}

/// TCP did not connect.
pub(crate) fn unconnected(error: &io::Error) -> Failure {
    let (class, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (ErrorClass::Refused, "Connection refused"),
        io::ErrorKind::TimedOut => (ErrorClass::ConnectTimeout, "Timeout"),
        io::ErrorKind::ConnectionReset => (ErrorClass::Refused, "Connection reset"),
        io::ErrorKind::HostUnreachable => (ErrorClass::Refused, "Host unreachable"),
        // `EADDRNOTAVAIL`, if it is not exhaustion: this machine has no source address of that family.
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            (ErrorClass::Refused, "Network unreachable")
        }
        _ => (ErrorClass::Refused, "Connection failed"),
    };
    Failure::new(class, text)
}

/// The connection was open, and no answer came over it.
pub(crate) fn no_response(why: NoResponse, is_reused: bool) -> RequestError {
    let (text, untouched) = match why {
        NoResponse::TimedOut => return timed_out(),
        NoResponse::Invalid(error) => (invalid_text(error), false),
        NoResponse::Closed { error, untouched } => (closed_text(error.as_ref()), untouched),
    };
    let failure = Failure::new(ErrorClass::Protocol, text);
    if is_reused && untouched { RequestError::Stale(failure) } else { RequestError::Failed(failure) }
}

fn invalid_text(error: HeadError) -> &'static str {
    match error {
        HeadError::NotHttp => "Invalid answer: not HTTP/1.1",
        HeadError::TooLong => "Invalid answer: no final status line in the first 64 KiB",
        HeadError::TooManyInterim => "Invalid answer: more than 8 interim (1xx) answers",
        HeadError::Upgraded => "Invalid answer: 101 Switching Protocols",
    }
}

fn closed_text(error: Option<&io::Error>) -> &'static str {
    match error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "Connection reset",
        Some(_) | None => "Connection closed before an answer",
    }
}

fn tls(what: impl fmt::Display) -> RequestError {
    failed(ErrorClass::Tls, format!("TLS error: {what}"))
}

/// The host's name cannot be in a certificate.
pub(crate) fn no_server_name() -> RequestError {
    tls("no certificate can be valid for the host's name")
}

/// The TLS handshake failed.
pub(crate) fn handshake_failed(error: &io::Error, observed: &ObservedCertificate) -> RequestError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => tls(certificate_text(error, observed)),
        Some(error) => tls(tls_text(error)),
        None => tls(match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "connection reset in the handshake",
            _ => "connection closed in the handshake",
        }),
    }
}

/// What went wrong in the handshake, in words for the operator of the endpoint.
fn tls_text(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    let text = match error {
        Tls::AlertReceived(AlertDescription::ProtocolVersion) | Tls::PeerIncompatible(_) => {
            "no common protocol version or cipher"
        }
        Tls::AlertReceived(AlertDescription::HandshakeFailure) => "the endpoint refused the handshake",
        Tls::AlertReceived(AlertDescription::UnrecognisedName) => "the endpoint does not know the host's name",
        Tls::AlertReceived(AlertDescription::CertificateRequired) => "the endpoint demands a client certificate",
        Tls::AlertReceived(alert) => return format!("the endpoint sent the alert {alert:?}"),
        Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. } => {
            "the endpoint does not speak TLS"
        }
        Tls::NoCertificatesPresented => "the endpoint has no certificate",
        _ => "the handshake failed",
    };
    text.to_owned()
}

/// What is wrong with the certificate, and the remedy.
fn certificate_text(error: &CertificateError, observed: &ObservedCertificate) -> String {
    let validity = observed.validity();
    let text = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => match validity {
            Some((_, not_after)) => return format!("certificate expired on {}", day(not_after)),
            None => "certificate expired",
        },
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => match validity {
            Some((not_before, _)) => {
                let from = day(not_before);
                return format!(
                    "certificate not valid yet: it begins on {from}; check the certificate and this machine's clock"
                );
            }
            None => "certificate not valid yet: check the certificate and this machine's clock",
        },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate not valid for the host's name"
        }
        CertificateError::Revoked => "certificate revoked",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate not valid for servers"
        }
        // A self-signed certificate has other flaws too, and which one is found first says little.
        _ => match (observed.chain_end(), error) {
            (ChainEnd::SelfSigned, _) => {
                "self-signed certificate: use one from a public authority, or add it to the trusted roots"
            }
            (ChainEnd::MissingIntermediate(name), CertificateError::UnknownIssuer) => {
                let name = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
                return format!(
                    "the endpoint does not send the intermediate certificate{name}: \
                     configure it to send its full certificate chain"
                );
            }
            (ChainEnd::Root, CertificateError::UnknownIssuer) => {
                "certificate from an authority that is not trusted: add its root to the trusted roots"
            }
            (_, CertificateError::UnknownIssuer) => "certificate from an unknown issuer",
            (_, CertificateError::BadSignature) => "certificate with a bad signature",
            _ => "certificate not valid",
        },
    };
    text.to_owned()
}

fn day(time: jiff::Timestamp) -> impl fmt::Display {
    time.strftime("%Y-%m-%d")
}
