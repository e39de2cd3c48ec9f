//! Asks the system's name servers. [`Resolve`] is the seam where tests script the answers.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// In the order of preference. May be empty.
    pub addresses: Vec<IpAddr>,
    /// How long the answer may be reused.
    pub ttl: Duration,
}

/// The lookup failed: the name does not exist, or no name server could say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("host not found")]
pub struct Unresolved;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name, A and AAAA. The caller limits the time.
    async fn resolve(&self, name: &str) -> Result<Resolved, Unresolved>;
}

/// The resolver of this machine: its hosts file, then its name servers. Both are read once, at start.
pub struct SystemResolver {
    resolver: Option<TokioResolver>,
}

impl SystemResolver {
    /// Reads the system's configuration. Without a usable one the process works all the same, and knows only the
    /// names of the hosts file.
    #[must_use]
    pub fn from_system() -> Self {
        let builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(error.message = %error, "no usable resolver configuration: only the hosts file is read");
            TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        let mut builder = builder;
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // Answers are kept in one place, `Lookups`, for at most as long as section 8 says.
        options.cache_size = 0;
        let resolver = builder
            .build()
            .inspect_err(|error| tracing::warn!(error.message = %error, "no resolver: every lookup fails"))
            .ok();
        Self { resolver }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> Result<Resolved, Unresolved> {
        let resolver = self.resolver.as_ref().ok_or(Unresolved)?;
        let lookup = match resolver.lookup_ip(name).await {
            Ok(lookup) => lookup,
            Err(error) => {
                log_failure(name, &error);
                return Err(Unresolved);
            }
        };
        let records = lookup.as_lookup().answers();
        let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let addresses = records.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        });
        Ok(Resolved { addresses: addresses.collect(), ttl: Duration::from_secs(u64::from(ttl)) })
    }
}

fn log_failure(name: &str, error: &NetError) {
    tracing::debug!(host.name = name, error.message = %error, "lookup failed");
}
