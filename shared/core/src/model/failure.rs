//! What went wrong with a delivery, and whose fault it is.

use serde::{Deserialize, Serialize};

use crate::values::http_status::reason_phrase;

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// The host name has no address, or the lookup failed.
    Dns,
    /// The endpoint refused the connection.
    Refused,
    /// No connection in time.
    ConnectTimeout,
    /// The TLS handshake failed.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke, or the answer was not HTTP.
    Protocol,
    /// The address guard refused the address.
    AddressNotAllowed,
    /// An answer that is not 2xx.
    HttpStatus,
    /// The run exceeded its time limit.
    Expired,
    /// The message was cancelled or skipped: its webhook is disabled, deleted or not verified.
    Cancelled,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Refused,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::AddressNotAllowed,
        Self::HttpStatus,
        Self::Expired,
        Self::Cancelled,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::AddressNotAllowed => "address-not-allowed",
            Self::HttpStatus => "http-status",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(self) -> FaultParty {
        match self {
            Self::Dns
            | Self::Refused
            | Self::ConnectTimeout
            | Self::Tls
            | Self::Timeout
            | Self::Protocol
            | Self::AddressNotAllowed
            | Self::HttpStatus
            | Self::Expired => FaultParty::Endpoint,
            Self::Cancelled => FaultParty::Publisher,
        }
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultParty {
    /// The endpoint's.
    Endpoint,
    /// The publisher's or the administrator's.
    Publisher,
    /// Our own.
    Ours,
}

impl FaultParty {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Publisher => "publisher",
            Self::Ours => "ours",
        }
    }
}

/// A failure as it is recorded: its class, and a sentence with nothing secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its class.
    pub class: ErrorClass,
    /// What `last_error` and the record say: `404 Not Found`, `Timeout`, `Connection refused`, `Host not found`,
    /// `TLS error: …`, `Address not allowed`, `Expired`, …
    pub text: String,
}

impl Failure {
    /// A failure.
    #[must_use]
    pub fn new(class: ErrorClass, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
    }
}

/// `404 Not Found`: the status with its standard phrase (RFC 9110), or the number alone.
pub(crate) fn status_text(status: u16) -> String {
    match reason_phrase(status) {
        Some(phrase) => format!("{status} {phrase}"),
        None => status.to_string(),
    }
}
