//! Ways to endpoints: for each endpoint host, its vetted addresses, and for each address an HTTP client of its own
//! with a pool of its own.
//!
//! A client's resolver knows one address only, the one that was vetted, whatever DNS says by then. A route lasts as
//! long as the lookup that it came from; the route after it takes over the clients of the addresses that are still
//! there, and the others are dropped with their connections. So a pooled connection is used only while its address is
//! in a valid lookup.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use hookline_core::values::EndpointHost;
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::{Client, redirect, retry};
use rustls::ClientConfig;
use tokio::time::Instant;

use super::connect_timer::TimedConnectorLayer;
use super::guard::VettedAddress;

/// How many connections to one address are kept for later.
const MAX_IDLE: usize = 128;

/// Makes HTTP clients. They are cheap: all share one TLS configuration.
pub(crate) struct HttpClients {
    pub(crate) tls: ClientConfig,
    pub(crate) idle_timeout: Duration,
}

impl HttpClients {
    /// A client that can connect to one address only.
    pub(crate) fn client(&self, only: VettedAddress) -> reqwest::Result<Client> {
        Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(FixedResolver(only))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .http1_only()
            .http1_title_case_headers()
            .tcp_nodelay(true)
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(MAX_IDLE)
            .connector_layer(TimedConnectorLayer)
            .build()
    }
}

/// Answers with one address, whatever the name.
struct FixedResolver(VettedAddress);

impl reqwest::dns::Resolve for FixedResolver {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(self.0.address()));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// One address of an endpoint host.
pub(crate) struct AddressClient {
    vetted: VettedAddress,
    client: OnceLock<Client>,
}

impl AddressClient {
    pub(crate) fn address(&self) -> SocketAddr {
        self.vetted.address()
    }

    /// Its client, made when it is first needed.
    pub(crate) fn client(&self, clients: &HttpClients) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = clients.client(self.vetted)?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// The ways to one endpoint host.
pub(crate) struct HostRoute {
    hops: Vec<Arc<AddressClient>>,
    /// `None` for an IP literal, which always means itself.
    valid_until: Option<Instant>,
    preferred: AtomicUsize,
    last_used: AtomicU64,
}

impl HostRoute {
    /// Its addresses, the one that answered last first.
    pub(crate) fn hops(&self) -> impl ExactSizeIterator<Item = (usize, &Arc<AddressClient>)> {
        let count = self.hops.len();
        let first = self.preferred.load(Ordering::Relaxed);
        (0..count).map(move |n| {
            let index = (first + n) % count;
            (index, &self.hops[index])
        })
    }

    /// The address with this index was reached.
    pub(crate) fn prefer(&self, index: usize) {
        if self.preferred.load(Ordering::Relaxed) != index {
            self.preferred.store(index, Ordering::Relaxed);
        }
    }
}

impl HostRoute {
    /// A route that nobody else goes: its connections are its own, and end with it.
    pub(crate) fn single(vetted: &[VettedAddress]) -> Self {
        let hops = vetted.iter().map(|vetted| Arc::new(AddressClient { vetted: *vetted, client: OnceLock::new() }));
        Self { hops: hops.collect(), valid_until: None, preferred: AtomicUsize::new(0), last_used: AtomicU64::new(0) }
    }
}

/// All routes, the ones used last kept.
pub(crate) struct HostRoutes {
    by_host: RwLock<HashMap<EndpointHost, Arc<HostRoute>>>,
    max_hosts: usize,
    epoch: Instant,
}

impl HostRoutes {
    pub(crate) fn new(max_hosts: usize) -> Self {
        Self { by_host: RwLock::default(), max_hosts: max_hosts.max(1), epoch: Instant::now() }
    }

    /// The route to a host, if there is a valid one.
    pub(crate) fn get(&self, host: &EndpointHost, now: Instant) -> Option<Arc<HostRoute>> {
        let by_host = self.by_host.read().unwrap_or_else(PoisonError::into_inner);
        let route = by_host.get(host).filter(|route| route.valid_until.is_none_or(|until| now < until))?;
        route.last_used.store(self.stamp(now), Ordering::Relaxed);
        Some(Arc::clone(route))
    }

    /// A new route to a host, along these addresses.
    pub(crate) fn renew(
        &self,
        host: &EndpointHost,
        vetted: &[VettedAddress],
        valid_until: Option<Instant>,
        now: Instant,
    ) -> Arc<HostRoute> {
        let mut by_host = self.by_host.write().unwrap_or_else(PoisonError::into_inner);
        let old = by_host.get(host);
        let hops = vetted.iter().map(|vetted| {
            let kept = old.and_then(|old| old.hops.iter().find(|hop| hop.vetted == *vetted));
            kept.map_or_else(|| Arc::new(AddressClient { vetted: *vetted, client: OnceLock::new() }), Arc::clone)
        });
        let route = Arc::new(HostRoute {
            hops: hops.collect(),
            valid_until,
            preferred: AtomicUsize::new(0),
            last_used: AtomicU64::new(self.stamp(now)),
        });
        if by_host.insert(host.clone(), Arc::clone(&route)).is_none() && by_host.len() > self.max_hosts {
            let oldest = by_host
                .iter()
                .filter(|(other, _)| *other != host)
                .min_by_key(|(_, route)| route.last_used.load(Ordering::Relaxed))
                .map(|(host, _)| host.clone());
            if let Some(oldest) = oldest {
                by_host.remove(&oldest);
            }
        }
        route
    }

    /// Milliseconds since these routes began.
    fn stamp(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hookline_core::values::EndpointUri;

    use super::*;
    use crate::guard::AddressGuard;

    fn host(text: &str) -> EndpointHost {
        EndpointUri::parse(text).expect(text).uri.host().clone()
    }

    fn vetted(addresses: &[[u8; 4]]) -> Vec<VettedAddress> {
        let guard = AddressGuard::default();
        addresses.iter().map(|address| guard.vet(IpAddr::from(*address), 80).unwrap()).collect()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_route_ends_with_its_lookup_and_hands_its_clients_on() {
        let (routes, host, now) = (HostRoutes::new(10), host("http://a.example/"), Instant::now());
        let first = routes.renew(&host, &vetted(&[[1, 1, 1, 1], [2, 2, 2, 2]]), Some(now + SECOND), now);
        first.prefer(1);
        assert_eq!(first.hops().map(|(index, _)| index).collect::<Vec<_>>(), [1, 0]);
        assert!(Arc::ptr_eq(&routes.get(&host, now).unwrap(), &first));
        assert!(routes.get(&host, now + SECOND).is_none());
        let second = routes.renew(&host, &vetted(&[[3, 3, 3, 3], [2, 2, 2, 2]]), None, now + SECOND);
        assert!(Arc::ptr_eq(&second.hops[1], &first.hops[1]));
        assert!(routes.get(&host, now + SECOND * 1_000_000).is_some());
        // Nothing but the old route holds the address that is gone.
        let gone = Arc::downgrade(&first.hops[0]);
        drop(first);
        assert!(gone.upgrade().is_none());
    }

    #[test]
    fn the_routes_used_last_are_kept() {
        let (routes, now) = (HostRoutes::new(2), Instant::now());
        let hosts = ["http://a/", "http://b/", "http://c/"].map(host);
        routes.renew(&hosts[0], &vetted(&[[1, 1, 1, 1]]), None, now);
        routes.renew(&hosts[1], &vetted(&[[1, 1, 1, 1]]), None, now + SECOND);
        routes.get(&hosts[0], now + SECOND * 2);
        routes.renew(&hosts[2], &vetted(&[[1, 1, 1, 1]]), None, now + SECOND * 3);
        assert_eq!(hosts.each_ref().map(|host| routes.get(host, now + SECOND * 4).is_some()), [true, false, true]);
    }
}
