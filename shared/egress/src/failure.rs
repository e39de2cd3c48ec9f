//! Puts errors of the HTTP client, of TLS and of TCP into the words of section 3, `last_error`. The texts are ours:
//! nothing that an endpoint wrote gets into them.

use std::error::Error;
use std::net::SocketAddr;
use std::{fmt, io};

use hookline_core::errors::PortError;
use hookline_core::model::{ErrorClass, Failure};
use rustls::{AlertDescription, CertificateError};

use super::connect_timer::{ConnectStage, ConnectTimedOut, ConnectTimer};
use super::exhaustion;
use super::lookups::LookupError;

/// What became of a request that got no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// TCP did not connect, so nothing was sent: another address may be tried.
    Unconnected(Failure),
    /// It failed otherwise.
    Failed(Failure),
    /// By our own fault.
    Ours(PortError),
}

/// A fault of our own.
pub(crate) fn ours(reason: impl fmt::Display) -> RequestError {
    RequestError::Ours(PortError::unavailable("way out", reason))
}

/// No address that may be connected to.
pub(crate) fn address_not_allowed() -> RequestError {
    RequestError::Failed(Failure::new(ErrorClass::AddressNotAllowed, "Address not allowed"))
}

/// No address at all.
pub(crate) fn no_address(why: LookupError) -> RequestError {
    match why {
        LookupError::NotFound => RequestError::Failed(Failure::new(ErrorClass::Dns, "Host not found")),
        LookupError::TimedOut => RequestError::Failed(Failure::new(ErrorClass::Dns, "Timeout")),
        LookupError::NotAsked(reason) => ours(reason),
    }
}

/// The deadline passed before the head of the answer was there.
pub(crate) fn timed_out(dial: &ConnectTimer) -> RequestError {
    match dial.stage() {
        ConnectStage::Connecting => RequestError::Unconnected(Failure::new(ErrorClass::ConnectTimeout, "Timeout")),
        ConnectStage::Pooled | ConnectStage::Handshake | ConnectStage::Open => {
            RequestError::Failed(Failure::new(ErrorClass::Timeout, "Timeout"))
        }
    }
}

/// The HTTP client gave up on its way to `to`.
pub(crate) fn no_answer(error: &reqwest::Error, dial: &ConnectTimer, to: SocketAddr) -> RequestError {
    let causes = ErrorChain::of(error);
    if let Some(lack) = causes.io.and_then(|error| exhaustion::while_connecting(to, error)) {
        return ours(lack);
    }
    if causes.dial_timed_out {
        return timed_out(dial);
    }
    let connecting = error.is_connect() && dial.stage() != ConnectStage::Handshake;
    let failure = if let Some(error) = causes.tls {
        tls(&tls_text(error))
    } else if connecting {
        unconnected(causes.io)
    } else if error.is_connect() {
        tls(match causes.io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "connection reset in the handshake",
            Some(_) | None => "connection closed in the handshake",
        })
    } else {
        unanswered(&causes)
    };
    if connecting && causes.tls.is_none() { RequestError::Unconnected(failure) } else { RequestError::Failed(failure) }
}

/// What the chain of causes tells.
#[derive(Default)]
struct ErrorChain<'a> {
    dial_timed_out: bool,
    tls: Option<&'a rustls::Error>,
    http: Option<&'a hyper::Error>,
    io: Option<&'a io::Error>,
}

impl<'a> ErrorChain<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut causes = Self::default();
        let mut next: Option<&'a (dyn Error + 'static)> = error.source();
        while let Some(cause) = next {
            causes.dial_timed_out |= cause.is::<ConnectTimedOut>();
            causes.tls = causes.tls.or(cause.downcast_ref());
            causes.http = causes.http.or(cause.downcast_ref());
            next = cause.source();
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                causes.io = Some(error);
                // The source of such an error is the source of what it holds, so look inside.
                if let Some(inner) = error.get_ref() {
                    next = Some(inner);
                }
            }
        }
        causes
    }
}

/// TCP did not connect.
fn unconnected(error: Option<&io::Error>) -> Failure {
    let (class, text) = match error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => (ErrorClass::Refused, "Connection refused"),
        Some(io::ErrorKind::TimedOut) => (ErrorClass::ConnectTimeout, "Timeout"),
        Some(io::ErrorKind::ConnectionReset) => (ErrorClass::Refused, "Connection reset"),
        Some(io::ErrorKind::HostUnreachable) => (ErrorClass::Refused, "Host unreachable"),
        // An address that is not available is one to connect from, of a kind that this machine has not.
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable) => {
            (ErrorClass::Refused, "Network unreachable")
        }
        Some(_) | None => (ErrorClass::Refused, "Connection failed"),
    };
    Failure::new(class, text)
}

/// The connection was open, and no answer came over it.
fn unanswered(causes: &ErrorChain<'_>) -> Failure {
    let text = match (causes.http, causes.io.map(io::Error::kind)) {
        (Some(error), _) if error.is_parse() => "Invalid answer: not HTTP/1.1, or its head is too large",
        (_, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => "Connection reset",
        (Some(_) | None, _) => "Connection closed before an answer",
    };
    Failure::new(ErrorClass::Protocol, text)
}

fn tls(what: &str) -> Failure {
    Failure::new(ErrorClass::Tls, format!("TLS error: {what}"))
}

/// What went wrong with TLS, for whoever runs the endpoint.
fn tls_text(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    let text = match error {
        Tls::InvalidCertificate(error) => certificate_text(error),
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

fn certificate_text(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "certificate expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "certificate not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate not valid for the host's name"
        }
        CertificateError::UnknownIssuer => "certificate from an unknown issuer",
        CertificateError::Revoked => "certificate revoked",
        CertificateError::BadSignature => "certificate with a bad signature",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate not valid for servers"
        }
        _ => "certificate not valid",
    }
}
