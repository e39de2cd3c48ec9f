//! The only code that opens a connection to an endpoint.
//!
//! An administrator may register any URI, and an endpoint may send any bytes. [`Egress`] trusts neither; it implements
//! the port [`Transport`](hookline_core::ports::Transport) as section 8 of the contract says (*Success*, *Addresses*):
//!
//! 1. At save, [`guard::AddressGuard`] refuses hosts that can only mean a forbidden address.
//! 2. At every attempt, [`resolver::Resolve`] looks up the host's addresses, unless a lookup is still valid. The guard
//!    turns each allowed address into a [`guard::VettedAddress`]. If none is left, the attempt fails with `Address not
//!    allowed`. IP literals need no lookup and are checked in the same way.
//! 3. The connection goes to a vetted address. Each address has its own HTTP client, which can reach no other address.
//!    Proxies, redirects, HTTP/2 and automatic repeats are off: one attempt is one POST on the wire. The next address is
//!    tried only if TCP did not connect, so that nothing was sent.
//! 4. The head of the response must arrive within 10 s of connecting. At most 64 KiB of the body are read, in what is
//!    left of the 10 s.
//!
//! The result of a request is a value: a response, or a [`Failure`](hookline_core::model::Failure) with a class and a
//! text. Faults of our own (no file descriptor, port or memory is left, no name server can be reached, a setting is wrong)
//! are a [`PortError`](hookline_core::errors::PortError) and never count against the endpoint. The caller decides by the status
//! whether a response is a success.

mod certificate;
mod connect_timer;
mod exhaustion;
mod failure;
pub mod guard;
mod lookups;
mod name_server;
pub mod resolver;
mod response;
mod routes;
mod settings;
mod tls;
mod transport;

pub use settings::EgressSettings;
pub use tls::EgressError;
pub use transport::Egress;
