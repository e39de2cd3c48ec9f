//! What the router is built with, and what all handlers share.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use http::StatusCode;

use super::url::PublicUrls;
use crate::limits::{PublishRate, RateLimit};

/// What the API is built on.
#[derive(Clone)]
pub struct Api {
    /// The ports and settings.
    pub service: Service,
    /// The check behind `GET /readyz`.
    pub readiness: Arc<dyn Readiness>,
    /// The counters of the rate limits. [`crate::MemoryRateLimit`] keeps them for one process.
    pub rate_limit: Arc<dyn RateLimit>,
}

/// Checks whether the process can work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// `Err` with a reason for the log if it cannot.
    async fn ready(&self) -> Result<(), String>;
}

/// The readiness of a function, which runs only to answer a request.
#[derive(Debug, Clone, Copy)]
pub struct AlwaysReady;

#[async_trait]
impl Readiness for AlwaysReady {
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The source address of a request, for the limit of routes without a token. The runtime adds it to the request's
/// extensions, because only the runtime knows which proxies to trust. Requests without it are not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// A request whose head is invalid, and the status of its response. The runtime adds it to the extensions of a request that
/// stands for the invalid one, so that the response has the same form as all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedRequest(pub StatusCode);

/// What all handlers share.
pub(crate) struct ApiState {
    pub(crate) api: Api,
    pub(crate) publish_rate: PublishRate,
    pub(crate) public_urls: PublicUrls,
    /// The OpenAPI document; with own event types, what their receivers get.
    pub(crate) document: fn(&CoreSettings, Option<&[OwnType]>) -> String,
}

/// An own event type of an account, as the OpenAPI document describes it.
pub(crate) struct OwnType {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// The schema of its payload, as JSON text.
    pub(crate) schema: Option<String>,
}
