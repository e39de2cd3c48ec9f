//! What is remembered of endpoint hosts: the vetted addresses of a valid lookup, the address that connected last, and the
//! idle connections.
//!
//! A route lasts as long as the lookup that it came from. The next route to the host takes over the preferred address and
//! the idle connections; a connection is used only if its address is in the new lookup too.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hookline_core::values::EndpointHost;
use tokio::time::Instant;

use super::guard::VettedAddress;
use super::idle::IdleConnections;

/// How many addresses of one host are tried. A name with hundreds of them must not make us knock at all of them.
const MAX_ADDRESSES: usize = 8;

/// The way to one endpoint host.
pub(crate) struct HostRoute {
    addresses: Vec<VettedAddress>,
    valid_until: Instant,
    memory: Arc<HostMemory>,
    last_used: AtomicU64,
}

/// What outlasts a lookup.
struct HostMemory {
    idle: Arc<IdleConnections>,
    /// The address that connected last. A preference only: it is tried first if the current lookup has it.
    preferred: Mutex<Option<IpAddr>>,
}

impl HostRoute {
    /// A route without a memory: its connections end with it.
    pub(crate) fn single(vetted: &[VettedAddress]) -> Self {
        Self::new(vetted, Instant::now(), HostMemory::new(Duration::ZERO), 0)
    }

    fn new(vetted: &[VettedAddress], valid_until: Instant, memory: Arc<HostMemory>, stamp: u64) -> Self {
        let preferred = *memory.preferred.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = in_order(vetted, preferred);
        Self { addresses, valid_until, memory, last_used: AtomicU64::new(stamp) }
    }

    /// Its addresses in the order in which they are tried.
    pub(crate) fn addresses(&self) -> Vec<VettedAddress> {
        in_order(&self.addresses, *self.memory.preferred.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its idle connections.
    pub(crate) fn idle(&self) -> &Arc<IdleConnections> {
        &self.memory.idle
    }

    /// Remembers the address that connected.
    pub(crate) fn prefer(&self, address: VettedAddress) {
        *self.memory.preferred.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.address().ip());
    }
}

impl HostMemory {
    fn new(idle_limit: Duration) -> Arc<Self> {
        Arc::new(Self { idle: IdleConnections::new(idle_limit), preferred: Mutex::default() })
    }
}

/// The first addresses: the preferred one, then both families by turns (RFC 8305, section 4), each in its own order.
fn in_order(vetted: &[VettedAddress], preferred: Option<IpAddr>) -> Vec<VettedAddress> {
    let is_preferred = |vetted: &&VettedAddress| Some(vetted.address().ip()) == preferred;
    let mut order: Vec<_> = vetted.iter().copied().find(|vetted| is_preferred(&vetted)).into_iter().collect();
    let starts_with_v4 = order.first().or(vetted.first()).is_some_and(|first| first.address().is_ipv4());
    let of_family = |is_v4: bool| {
        vetted.iter().copied().filter(move |vetted| vetted.address().is_ipv4() == is_v4 && !is_preferred(&vetted))
    };
    // After a preferred address of one family comes one of the other.
    let (mut one, mut other) =
        (of_family(starts_with_v4 == order.is_empty()), of_family(starts_with_v4 != order.is_empty()));
    while order.len() < MAX_ADDRESSES {
        let before = order.len();
        order.extend(one.next());
        order.extend(other.next());
        if order.len() == before {
            break;
        }
    }
    order.dedup();
    order.truncate(MAX_ADDRESSES);
    order
}

/// The routes to all hosts. Those used last are kept.
pub(crate) struct HostRoutes {
    by_host: RwLock<HashMap<EndpointHost, Arc<HostRoute>>>,
    max_hosts: usize,
    idle_limit: Duration,
    epoch: Instant,
}

impl HostRoutes {
    pub(crate) fn new(max_hosts: usize, idle_limit: Duration) -> Self {
        Self { by_host: RwLock::default(), max_hosts: max_hosts.max(1), idle_limit, epoch: Instant::now() }
    }

    /// The route to a host, if its lookup is still valid.
    pub(crate) fn get(&self, host: &EndpointHost, now: Instant) -> Option<Arc<HostRoute>> {
        let by_host = self.by_host.read().unwrap_or_else(PoisonError::into_inner);
        let route = by_host.get(host).filter(|route| now < route.valid_until)?;
        route.last_used.store(self.stamp(now), Ordering::Relaxed);
        Some(Arc::clone(route))
    }

    /// A new route to a host, from a new lookup.
    pub(crate) fn renew(
        &self,
        host: &EndpointHost,
        vetted: &[VettedAddress],
        valid_until: Instant,
        now: Instant,
    ) -> Arc<HostRoute> {
        let mut by_host = self.by_host.write().unwrap_or_else(PoisonError::into_inner);
        let memory = by_host.get(host).map(|old| Arc::clone(&old.memory));
        let memory = memory.unwrap_or_else(|| HostMemory::new(self.idle_limit));
        let route = Arc::new(HostRoute::new(vetted, valid_until, memory, self.stamp(now)));
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
    use hookline_core::values::EndpointUri;

    use super::*;
    use crate::guard::AddressGuard;

    const SECOND: Duration = Duration::from_secs(1);

    fn host(text: &str) -> EndpointHost {
        EndpointUri::parse(text).expect(text).uri.host().clone()
    }

    fn vetted(addresses: &[&str]) -> Vec<VettedAddress> {
        let guard = AddressGuard::default();
        addresses.iter().map(|address| guard.vet(address.parse().unwrap(), 80).expect("public")).collect()
    }

    fn routes(max_hosts: usize) -> HostRoutes {
        HostRoutes::new(max_hosts, SECOND)
    }

    #[test]
    fn a_route_ends_with_its_lookup_and_hands_on_what_it_remembers() {
        let (routes, host, now) = (routes(10), host("http://a.example/"), Instant::now());
        let addresses = vetted(&["1.1.1.1", "2.2.2.2"]);
        let first = routes.renew(&host, &addresses, now + SECOND, now);
        first.prefer(addresses[1]);
        assert_eq!(first.addresses(), [addresses[1], addresses[0]]);
        assert!(Arc::ptr_eq(&routes.get(&host, now).unwrap(), &first));
        assert!(routes.get(&host, now + SECOND).is_none());
        let other = vetted(&["3.3.3.3", "2.2.2.2"]);
        let second = routes.renew(&host, &other, now + SECOND * 2, now + SECOND);
        assert_eq!(second.addresses(), [other[1], other[0]], "still preferred");
        assert!(Arc::ptr_eq(second.idle(), first.idle()));
        let gone = vetted(&["3.3.3.3", "4.4.4.4"]);
        let third = routes.renew(&host, &gone, now + SECOND * 3, now + SECOND * 2);
        assert_eq!(third.addresses(), gone, "a preferred address that the lookup lacks is not tried");
    }

    #[test]
    fn families_take_turns_and_a_few_addresses_are_enough() {
        let mixed = vetted(&["1.1.1.1", "2.2.2.2", "3.3.3.3", "2a00::1", "2a00::2"]);
        assert_eq!(in_order(&mixed, None), vetted(&["1.1.1.1", "2a00::1", "2.2.2.2", "2a00::2", "3.3.3.3"]));
        let preferred = Some("2a00::2".parse().unwrap());
        assert_eq!(in_order(&mixed, preferred), vetted(&["2a00::2", "1.1.1.1", "2a00::1", "2.2.2.2", "3.3.3.3"]));
        let many: Vec<String> = (1..=200).map(|n| format!("8.8.8.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(in_order(&vetted(&many), Some("8.8.8.200".parse().unwrap())).len(), MAX_ADDRESSES);
    }

    #[test]
    fn the_routes_used_last_are_kept() {
        let (routes, now) = (routes(2), Instant::now());
        let later = now + SECOND * 100;
        let hosts = ["http://a/", "http://b/", "http://c/"].map(host);
        let addresses = vetted(&["1.1.1.1"]);
        routes.renew(&hosts[0], &addresses, later, now);
        routes.renew(&hosts[1], &addresses, later, now + SECOND);
        routes.get(&hosts[0], now + SECOND * 2);
        routes.renew(&hosts[2], &addresses, later, now + SECOND * 3);
        assert_eq!(hosts.each_ref().map(|host| routes.get(host, now + SECOND * 4).is_some()), [true, false, true]);
    }
}
