//! The only code that opens a connection to an endpoint.
//!
//! An endpoint's URI is whatever an administrator typed, and its answer whatever a stranger's server sends. So
//! [`Egress`] trusts neither (section 8 of the contract, *Success* and *Addresses*):
//!
//! 1. At save, [`guard::AddressGuard`] refuses hosts that can only mean a forbidden address.
//! 2. At every attempt the host's addresses are looked up ([`resolver`]), or taken from a lookup that is still valid.
//!    The guard vets each; forbidden ones are removed, and if none is left the attempt ends: `Address not allowed`.
//!    IP literals never go through a resolver, so they are vetted here just the same.
//! 3. The connection goes to the vetted address and no other: every address has an HTTP client that can reach only
//!    that one. Proxies, redirects, HTTP/2 and repeated requests are off: one attempt is one POST on the wire. Only
//!    while TCP has not connected, and so nothing was sent, is the host's next address tried.
//! 4. The head of the answer must come within 10 s of connecting. A 2xx is a success from there on. Of the body at
//!    most 64 KiB are read, for what is left of the 10 s.
//!
//! Whatever an endpoint does comes back as a value: an answer, or a [`Failure`](hookline_core::delivery::Failure) with
//! a class and a text. What this process cannot do for want of descriptors, ports or memory, because no name server can be
//! reached, or because of its own settings, comes back as a [`Fault`](hookline_core::ports::Fault) and is no word on the
//! endpoint. What an answer means, a success or not, is for the caller to judge by its status.

mod answer;
mod certificate;
mod failure;
pub mod guard;
mod lack;
mod lookups;
mod name_server;
mod phases;
pub mod resolver;
mod routes;
mod settings;
mod tls;
mod transport;

pub use settings::EgressSettings;
pub use tls::BadEgress;
pub use transport::Egress;
