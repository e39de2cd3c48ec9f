//! A request on its way in: where it went ([`Place`]), who calls ([`authentication`]), what it reads and brings
//! ([`negotiation`], [`body`]), and the route that describes it ([`Route`]).

pub(crate) mod authentication;
pub(crate) mod body;
mod incoming;
pub(crate) mod negotiation;
mod route;
mod state;
mod url;

pub(crate) use authentication::Duty;
pub(crate) use incoming::{Call, Visit};
pub(crate) use route::{BodyOf, FILE, Handler, PAGE, Pending, QueryOf, Route, pattern};
pub(crate) use state::Shared;
pub use state::{AlwaysReady, Api, ClientAddress, Readiness};
pub(crate) use url::{Addresses, Place};
