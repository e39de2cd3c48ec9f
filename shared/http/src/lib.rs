//! The REST API of Hookline as one [`axum::Router`] over the use cases of `hookline_core` (section 2 of `docs/api.md`).
//!
//! # The way of a request
//!
//! 1. The [`router`] gives the request an id and parses its URL into a [`RequestUrl`](request::RequestUrl): the account that
//!    it names, and one normal form of the path, whichever of the service's URLs was used.
//! 2. The path and the method select a [`Route`](request::Route) from the table in [`routes`]. The [`openapi`] document is
//!    generated from the same table, so it describes what the router serves.
//! 3. The [`pipeline`] runs the same checks in the same order for every route: the token
//!    ([`Permission`](request::Permission)), the account, the rate limit ([`RateLimit`]), the role, the media types, and
//!    only then the body, up to its limit. Nothing of a body is read before the caller is known.
//! 4. The route's handler in [`resources`] gets an [`AuthenticatedRequest`](request::AuthenticatedRequest) or a
//!    [`PublicRequest`](request::PublicRequest). It parses the body ([`input`]) or the query ([`listing`]), calls one use
//!    case, and renders the result as a [`Record`](listing::Record) ([`views`]).
//! 5. The response is an [`ApiResponse`](response::ApiResponse) or an [`ApiError`](response::ApiError). The router adds the
//!    headers that all responses have, and logs one line.
//!
//! # What is kept
//!
//! The console is a set of static files (`hookline_console`), which [`router`] serves beside the routes.
//!
//! The crate keeps no state but the counters of the rate limits. Everything else is behind the ports of [`Api::service`]. A
//! runtime provides those, a [`Readiness`] check, and the [`ClientAddress`] of each request.

mod console;
mod gateway;
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

pub use gateway::{ApiFunction, gateway};
pub use limits::{MemoryRateLimit, RateKey, RateLimit, RateStatus};
pub use openapi::{openapi, openapi_of_messages};
pub use request::{AlwaysReady, Api, ClientAddress, MalformedRequest, Readiness};
pub use router::{router, router_of};
