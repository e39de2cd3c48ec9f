//! Requests: their URL ([`RequestUrl`]), caller ([`authentication`]), media types ([`negotiation`]) and [`body`]; the form in
//! which handlers get them ([`AuthenticatedRequest`], [`PublicRequest`]); and the [`Route`] that
//! describes them, with what the token of a console link may reach.

pub(crate) mod authentication;
pub(crate) mod body;
mod delivery_loop;
mod incoming;
pub(crate) mod negotiation;
mod route;
mod scope;
mod state;
mod url;

pub(crate) use authentication::Permission;
pub(crate) use delivery_loop::refuse_delivery;
pub(crate) use incoming::{AuthenticatedRequest, PublicRequest};
pub(crate) use route::{BodySpec, FILE, Handler, HandlerFuture, PAGE, QuerySpec, Route, pattern};
pub(crate) use scope::{CONSOLE_LINKS, check_scope};
pub use state::{AlwaysReady, Api, ClientAddress, MalformedRequest, Readiness};
pub(crate) use state::{ApiState, OwnType};
pub(crate) use url::{PublicUrls, RequestUrl};
