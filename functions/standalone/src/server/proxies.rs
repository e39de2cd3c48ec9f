//! Which address a request comes from, when a proxy passes it on.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Request;
use ipnet::IpNet;

/// The address of the client: the peer, or the last address that a trusted proxy names.
pub(super) fn client_address<B>(peer: IpAddr, request: &Request<B>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|range| range.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    hops.iter().rev().map_while(|hop| hop.parse().ok()).find(|address| !is_trusted(address)).unwrap_or(peer)
}

/// Warns once about a proxy that is not declared: to the rate limits, all its clients are one.
#[derive(Debug, Default)]
pub(super) struct UndeclaredProxy {
    warned: AtomicBool,
}

impl UndeclaredProxy {
    /// Looks for the header of a proxy in a request of a peer that is not a trusted one.
    pub(super) fn look_for<B>(&self, peer: IpAddr, request: &Request<B>, trusted: &[IpNet]) {
        if let Some(warning) = self.warning(peer, request, trusted) {
            tracing::warn!(warning, "request of an unknown proxy");
        }
    }

    fn warning<B>(&self, peer: IpAddr, request: &Request<B>, trusted: &[IpNet]) -> Option<String> {
        let is_declared = trusted.iter().any(|range| range.contains(&peer));
        if is_declared || !request.headers().contains_key("x-forwarded-for") {
            return None;
        }
        (!self.warned.swap(true, Ordering::Relaxed)).then(|| {
            format!(
                "X-Forwarded-For ignored: {peer} is not a trusted proxy. If it is your proxy, its clients share one rate \
                 limit until you declare it, for instance HOOKLINE_TRUSTED_PROXIES={}",
                IpNet::from(peer)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let request = |hops: &str| Request::builder().header("x-forwarded-for", hops).body(()).unwrap();
        let named =
            |peer: &str, hops: &str| client_address(peer.parse().unwrap(), &request(hops), &trusted).to_string();
        assert_eq!(named("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(named("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(named("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(named("10.0.0.1", "198.51.100.7, nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_proxy_that_is_not_declared_is_warned_about_once() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let forwarded = Request::builder().header("x-forwarded-for", "198.51.100.7").body(()).unwrap();
        let (proxy, unknown) = (UndeclaredProxy::default(), "192.168.0.7".parse().unwrap());
        assert_eq!(proxy.warning("10.0.0.1".parse().unwrap(), &forwarded, &trusted), None);
        assert_eq!(proxy.warning(unknown, &Request::new(()), &trusted), None);
        let warning = proxy.warning(unknown, &forwarded, &trusted).unwrap();
        assert!(warning.contains("HOOKLINE_TRUSTED_PROXIES=192.168.0.7/32"), "{warning}");
        assert_eq!(proxy.warning(unknown, &forwarded, &trusted), None);
    }
}
