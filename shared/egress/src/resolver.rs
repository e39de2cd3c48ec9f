//! Resolves host names with the system's name servers. Tests implement [`Resolve`] with scripted answers.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, ResolverBuilder};

use super::exhaustion;
use super::name_server::NameServerRuntime;

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// In order of preference. May be empty.
    pub addresses: Vec<IpAddr>,
    /// How long the addresses may be reused.
    pub ttl: Duration,
}

/// Why a name was not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or the name servers did not know. A broken zone looks the same, so this says nothing
    /// about our own name servers.
    #[error("host not found")]
    NotFound,
    /// No name server could be asked.
    #[error("no name server could be asked: {reason}")]
    NotAsked {
        /// Why, for example that no file descriptor is left.
        reason: &'static str,
    },
}

/// Resolves names to addresses.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name, A and AAAA. The caller sets the time limit.
    async fn resolve(&self, name: &str) -> Result<Resolved, ResolveError>;
}

/// This machine's resolver: its hosts file, then its name servers. Their configuration is read once, at start.
pub struct SystemResolver {
    resolver: Option<Resolver<NameServerRuntime>>,
}

impl SystemResolver {
    /// Reads the system's configuration. If it is unusable, the resolver knows only the names in the hosts file.
    #[must_use]
    pub fn from_system() -> Self {
        Self::built(Resolver::builder(NameServerRuntime::default()).unwrap_or_else(|error| {
            tracing::warn!(%error, "reading the resolver configuration failed: only names in the hosts file resolve");
            Resolver::builder_with_config(ResolverConfig::default(), NameServerRuntime::default())
        }))
    }

    fn built(mut builder: ResolverBuilder<NameServerRuntime>) -> Self {
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // `Lookups` is the only cache, and keeps to the limits of section 8.
        options.cache_size = 0;
        let resolver = builder
            .build()
            .inspect_err(|error| {
                let action = "check /etc/resolv.conf, and restart the service";
                tracing::error!(%error, action, "creating the resolver failed: every lookup fails");
            })
            .ok();
        Self { resolver }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> Result<Resolved, ResolveError> {
        let resolver = self.resolver.as_ref().ok_or(ResolveError::NotAsked { reason: "there is no resolver" })?;
        let lookup = match resolver.lookup_ip(name).await {
            Ok(lookup) => lookup,
            Err(error) => {
                log_failure(name, &error);
                return Err(unresolved(&error));
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

/// Tells our faults from those of the name. If no query could be sent, or every name server refused it, hickory reports
/// `NoConnections` without the cause. A silent name server is different: it may be waiting for the servers of the zone.
fn unresolved(error: &NetError) -> ResolveError {
    const UNREACHED: Option<&str> = Some("no name server can be reached");
    let reason = match error {
        NetError::Io(error) => exhaustion::cause(error).or_else(exhaustion::for_any_socket).or(UNREACHED),
        NetError::NoConnections => exhaustion::for_any_socket().or(UNREACHED),
        NetError::Busy => exhaustion::for_any_socket(),
        _ => None,
    };
    reason.map_or(ResolveError::NotFound, |reason| ResolveError::NotAsked { reason })
}

fn log_failure(name: &str, error: &NetError) {
    tracing::debug!(host = name, %error, "lookup failed");
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::config::NameServerConfig;
    use rustix::io::Errno;
    use tokio::net::UdpSocket;

    use super::*;

    fn resolver(config: ResolverConfig) -> SystemResolver {
        SystemResolver::built(Resolver::builder_with_config(config, NameServerRuntime::default()))
    }

    /// Name servers at these ports of the loopback address.
    fn at_ports(ports: &[u16]) -> ResolverConfig {
        let servers = ports.iter().map(|port| {
            let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
            server.connections[0].port = *port;
            server
        });
        ResolverConfig::from_name_servers(servers.collect())
    }

    /// A port without a listener.
    async fn closed_port() -> u16 {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
    }

    /// Starts a name server that answers every query with this code and no records; returns its port.
    async fn saying(code: u8) -> u16 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut query).await {
                // The query with the bits for a response and for recursion set.
                query[2] |= 0x80;
                query[3] = 0x80 | code;
                socket.send_to(&query[..length], peer).await.unwrap();
            }
        });
        port
    }

    /// A name server: A records 198.51.100.1 with a TTL of 300 and 198.51.100.2 with 30, one AAAA record with 90.
    async fn name_server() -> ResolverConfig {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((_, peer)) = socket.recv_from(&mut query).await {
                let name = query[12..].iter().position(|byte| *byte == 0).unwrap();
                let question = &query[12..12 + name + 5];
                let is_v4 = question[name + 2] == 1;
                let mut answer = query[..2].to_vec();
                answer.extend([0x81, 0x80, 0, 1, 0, if is_v4 { 2 } else { 1 }, 0, 0, 0, 0]);
                answer.extend(question);
                if is_v4 {
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 198, 51, 100, 1]);
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 198, 51, 100, 2]);
                } else {
                    answer.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 90, 0, 16, 0x20, 1, 0x0d, 0xb8]);
                    answer.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
                }
                socket.send_to(&answer, peer).await.unwrap();
            }
        });
        at_ports(&[port])
    }

    #[tokio::test]
    async fn all_addresses_are_found_with_the_shortest_ttl() {
        let resolved = resolver(name_server().await).resolve("hook.example.").await.unwrap();
        let expected = ["198.51.100.1", "198.51.100.2", "2001:db8::1"];
        assert_eq!(resolved.addresses, expected.map(|address| address.parse::<IpAddr>().unwrap()));
        assert_eq!(resolved.ttl, Duration::from_secs(30));
    }

    const UNREACHED: ResolveError = ResolveError::NotAsked { reason: "no name server can be reached" };

    #[tokio::test]
    async fn without_name_servers_only_the_hosts_file_resolves() {
        let resolver = resolver(ResolverConfig::default());
        assert_eq!(resolver.resolve("hook.example").await, Err(UNREACHED));
        assert_eq!(resolver.resolve("not a name..").await, Err(ResolveError::NotFound));
        assert!(resolver.resolve("localhost").await.is_ok());
    }

    #[tokio::test]
    async fn refusing_name_servers_are_our_own_fault() {
        let (one, other) = (closed_port().await, closed_port().await);
        assert_eq!(resolver(at_ports(&[one])).resolve("hook.example.").await, Err(UNREACHED));
        assert_eq!(resolver(at_ports(&[one, other])).resolve("hook.example.").await, Err(UNREACHED));
    }

    #[tokio::test]
    async fn one_answering_name_server_is_enough() {
        const SERVFAIL: u8 = 2;
        const NXDOMAIN: u8 = 3;
        for code in [SERVFAIL, NXDOMAIN] {
            let answering = saying(code).await;
            for ports in [&[answering][..], &[closed_port().await, answering]] {
                let resolved = resolver(at_ports(ports)).resolve("hook.example.").await;
                assert_eq!(resolved, Err(ResolveError::NotFound), "code {code}, {} servers", ports.len());
            }
        }
    }

    #[tokio::test]
    async fn a_silent_name_server_is_not_our_fault() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = silent.local_addr().unwrap().port();
        for ports in [&[port][..], &[closed_port().await, port]] {
            let mut builder = Resolver::builder_with_config(at_ports(ports), NameServerRuntime::default());
            builder.options_mut().timeout = Duration::from_millis(300);
            let resolved = SystemResolver::built(builder).resolve("hook.example.").await;
            assert_eq!(resolved, Err(ResolveError::NotFound), "{} servers", ports.len());
        }
    }

    #[test]
    fn local_errors_are_our_own_fault() {
        let io = |number: Errno| unresolved(&NetError::from(std::io::Error::from_raw_os_error(number.raw_os_error())));
        assert_eq!(io(Errno::MFILE), ResolveError::NotAsked { reason: "no file descriptor is left" });
        for away in [Errno::CONNREFUSED, Errno::NETUNREACH, Errno::HOSTUNREACH, Errno::PERM] {
            assert_eq!(io(away), UNREACHED, "{away:?}");
        }
        assert_eq!(unresolved(&NetError::NoConnections), UNREACHED);
        for unknown in
            [NetError::Timeout, NetError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)), NetError::Busy]
        {
            assert_eq!(unresolved(&unknown), ResolveError::NotFound, "{unknown:?}");
        }
    }
}
