//! The REST API of Hookline as one [`axum::Router`] over the use cases of `core` (section 2 of the contract).
//!
//! A request comes to the front door ([`router`]): it gets an id, and its path is brought to one form, whichever of the
//! service's URLs it used ([`request`]). The path leads to a route of one table ([`routes`]), from which the OpenAPI
//! document ([`openapi`]) is made as well, so the two cannot tell different stories. [`pipeline`] puts every request through
//! the same checks in the same order: who calls ([`request::authentication`]), how often ([`limits`]), what it wants to read
//! ([`request::negotiation`]) and what it brings ([`request::body`]). Then the handler of the route ([`resources`]) parses the input into
//! the domain ([`input`], [`listing`]), calls one use case, and answers a record ([`views`]) or an error ([`response`]).
//!
//! Nothing here keeps state but the counters of the rate limits.

mod input;
mod limits;
mod listing;
mod openapi;
mod pipeline;
mod request;
mod resources;
mod response;
mod router;
mod routes;
mod views;

pub use limits::{Key, MemoryRateLimit, Rate, RateLimit};
pub use openapi::openapi;
pub use request::{AlwaysReady, Api, ClientAddress, Readiness};
pub use router::router;
