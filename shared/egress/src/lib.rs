//! The only code that opens a connection to an endpoint.
//!
//! An administrator may register any URI, and an endpoint may send any bytes. [`Egress`] trusts neither; it implements
//! the port [`Transport`](hookline_core::ports::Transport) as section 8 of the contract says (*Success*, *Addresses*):
//!
//! 1. At save, [`guard::AddressGuard`] refuses hosts that can only mean a forbidden address, and forbidden ports.
//! 2. At every attempt, [`resolver::Resolve`] looks up the host's addresses, unless a lookup is still valid. The guard
//!    turns each allowed address into a [`guard::VettedAddress`]. If none is left, the attempt fails with `Address not
//!    allowed`. IP literals need no lookup and are checked in the same way.
//! 3. The request goes over an idle connection to one of these addresses (`idle`), or else over a new one (`connect`): the
//!    addresses are raced, the one that connected last first. There are no proxies, no redirects and no HTTP/2.
//! 4. The request is sent as it was registered, to the byte (`request_bytes`), and exactly once. If the endpoint closed an
//!    idle connection before a byte of the answer, the result says so, and the caller decides.
//! 5. The answer is read with tolerance (`response_head`, `response_body`). Its status line must arrive within 10 s of
//!    connecting. From there on the status stands, whatever headers, body and connection do, and even if a part of the
//!    request could not be written. At most 8 interim answers, 64 KiB of heads and 64 KiB of the body are read.
//!
//! HTTP/1.1 is spoken here and not by a library: libraries normalise targets and the case of headers, refuse answers with
//! odd headers, and give up reading when a write fails. All of that is contrary to section 8.
//!
//! The result of a request is a value: a response, or a [`Failure`](hookline_core::model::Failure) with a class and a
//! text. Faults of our own (no file descriptor, port or memory is left, no name server can be reached, a setting is wrong)
//! are a [`PortError`](hookline_core::errors::PortError) and never count against the endpoint. The caller decides by the status
//! whether a response is a success.

mod certificate;
mod connect;
mod connection;
mod exchange;
mod exhaustion;
mod failure;
pub mod guard;
mod idle;
mod lookups;
mod name_server;
mod own_addresses;
mod request_bytes;
pub mod resolver;
mod response;
mod response_body;
mod response_head;
mod routes;
mod settings;
mod tls;
mod transport;

pub use settings::EgressSettings;
pub use tls::EgressError;
pub use transport::Egress;
