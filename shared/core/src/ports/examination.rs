//! What can be learnt on the way to an endpoint, beside its answer.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Exchange;

/// A request that was looked at closely.
#[derive(Debug, Clone)]
pub struct Examination {
    /// What came of it.
    pub exchange: Exchange,
    /// The host's addresses that the guard let pass.
    pub addresses: Vec<IpAddr>,
    /// The TLS connection; `None` if none was begun.
    pub tls: Option<TlsSeen>,
}

/// What was seen of a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsSeen {
    /// `TLSv1.3` or `TLSv1.2`; `None` if the handshake did not come so far.
    pub version: Option<&'static str>,
    /// When the endpoint's own certificate expires; `None` if it sent none that can be read.
    pub certificate_expires_at: Option<Timestamp>,
}
