//! What the router is built with, and what all handlers share.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::ports::Service;

use super::url::Addresses;
use crate::limits::{PublishRate, RateLimit};

/// What the API is built on.
#[derive(Clone)]
pub struct Api {
    /// The ports and settings.
    pub service: Service,
    /// What `GET /readyz` asks.
    pub readiness: Arc<dyn Readiness>,
    /// Counts calls. [`crate::MemoryRateLimit`] does it for one process.
    pub rate_limit: Arc<dyn RateLimit>,
}

/// Says whether the process can work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// `Err` with a reason for the log if it cannot.
    async fn ready(&self) -> Result<(), String>;
}

/// A process that can work whenever it is asked: a function, which lives only while it answers.
#[derive(Debug, Clone, Copy)]
pub struct AlwaysReady;

#[async_trait]
impl Readiness for AlwaysReady {
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The address that a request came from, for the limit of routes without a token. The runtime puts it into the
/// request's extensions, since only it knows which proxies to trust; without it there is no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) publish_rate: PublishRate,
    pub(crate) addresses: Addresses,
    /// Makes the OpenAPI document.
    pub(crate) document: fn() -> String,
}
