//! The REST API of Hookline as one [`axum::Router`] over the use cases of `core` (section 2 of the contract).
//!
//! A request comes to the front door ([`router`]): it gets an id, and its path is brought to one form, whichever of the
//! service's URLs it used ([`place`]). The path leads to a route of one table ([`routes`]), from which the OpenAPI
//! document ([`openapi`]) is made as well, so the two cannot tell different stories. [`call`] puts every request through
//! the same checks in the same order: who calls ([`authentication`]), how often ([`rate_limit`]), what it wants to read
//! ([`negotiation`]) and what it brings ([`body`]). Then the handler of the route ([`resources`]) parses the input into
//! the domain ([`input`], [`listing`]), calls one use case, and answers a record ([`views`]) or a [`refusal`].
//!
//! Nothing here keeps state but the counters of the rate limits.

mod answer;
mod authentication;
mod body;
mod call;
mod entity_tag;
mod input;
mod listing;
mod negotiation;
mod openapi;
mod place;
mod publish_rate;
mod rate_limit;
mod refusal;
mod resources;
mod router;
mod routes;
mod views;

pub use openapi::openapi;
pub use rate_limit::{Key, MemoryRateLimit, Rate, RateLimit};
pub use router::{Api, ClientAddress, Readiness, router};
