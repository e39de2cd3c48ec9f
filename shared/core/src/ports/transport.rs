//! The way out to endpoints.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::model::{Failure, ResponseRecord, Timings};
use crate::values::{EndpointUri, Secret};

/// A request as it goes on the wire: exactly one POST.
#[derive(Debug)]
pub struct OutgoingRequest<'a> {
    /// Where to.
    pub uri: &'a EndpointUri,
    /// All headers but `Host` and `Content-Length`, in order, names in the case written on the wire.
    pub headers: Vec<(String, Secret<String>)>,
    /// The exact bytes of the body.
    pub body: Bytes,
    /// Open a new connection even if an idle one is there.
    pub fresh_connection: bool,
}

/// Over which connection a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionUse {
    /// One opened for this request, or none at all.
    #[default]
    New,
    /// One that had served another request.
    Reused,
    /// One that had served another request, and that the endpoint closed before a byte of the answer came. That is no
    /// failure of the endpoint: the request is signed anew and sent once more, over a new connection (section 8).
    Stale,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The answer's head and the start of its body, or why there is none.
    pub result: Result<ResponseRecord, Failure>,
    /// How long the phases took.
    pub timings: Timings,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// Over which connection the request went.
    pub connection: ConnectionUse,
}

/// The way out to endpoints.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Whether a URI may be registered: its host is not a literal of a forbidden address in any notation, nor a name
    /// such as `localhost` that always means one. Asks no resolver.
    fn permits(&self, uri: &EndpointUri) -> bool;
    /// POSTs once, never more, to an address that was checked, within the time limits of section 8. An endpoint's fault is a value.
    /// `Err` if this process cannot send at all, for want of descriptors, ports or memory, or because of its settings:
    /// which is no failure of the endpoint; the attempt is repeated.
    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange>;
    /// The same, over a connection of its own, and what can be learnt on the way. A transport that sees nothing more
    /// tells nothing more.
    async fn examine(&self, request: OutgoingRequest<'_>) -> PortResult<Inspection> {
        Ok(Inspection { exchange: self.post(request).await?, addresses: Vec::new(), tls: None })
    }
}

/// A request that was looked at closely.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What came of it.
    pub exchange: Exchange,
    /// The host's addresses that the guard let pass.
    pub addresses: Vec<IpAddr>,
    /// The TLS connection; `None` if none was begun.
    pub tls: Option<TlsInfo>,
}

/// What was seen of a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`; `None` if the handshake did not come so far.
    pub version: Option<&'static str>,
    /// When the endpoint's own certificate expires; `None` if it sent none that can be read.
    pub certificate_expires_at: Option<Timestamp>,
}
