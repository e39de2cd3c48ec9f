//! Asks the system's name servers. [`Resolve`] is the seam where tests script the answers.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, ResolverBuilder};

use crate::lack;
use crate::name_server::Way;

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// In the order of preference. May be empty.
    pub addresses: Vec<IpAddr>,
    /// How long the answer may be reused.
    pub ttl: Duration,
}

/// The lookup failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The name does not exist, or the name servers could not say. Those of a broken zone look the same, so this is no
    /// word on our own.
    #[error("host not found")]
    NotFound,
    /// This process could not ask anybody.
    #[error("name servers cannot be asked: {lack}")]
    Unasked {
        /// What is missing.
        lack: &'static str,
    },
}

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name, A and AAAA. The caller limits the time.
    async fn resolve(&self, name: &str) -> Result<Resolved, Unresolved>;
}

/// The resolver of this machine: its hosts file, then its name servers. Both are read once, at start.
pub struct SystemResolver {
    resolver: Option<Resolver<Way>>,
}

impl SystemResolver {
    /// Reads the system's configuration. Without a usable one the process works all the same, and knows only the
    /// names of the hosts file.
    #[must_use]
    pub fn from_system() -> Self {
        Self::built(Resolver::builder(Way::default()).unwrap_or_else(|error| {
            tracing::warn!(error.message = %error, "no usable resolver configuration: only the hosts file is read");
            Resolver::builder_with_config(ResolverConfig::default(), Way::default())
        }))
    }

    fn built(mut builder: ResolverBuilder<Way>) -> Self {
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
        let resolver = self.resolver.as_ref().ok_or(Unresolved::Unasked { lack: "there is no resolver" })?;
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

/// Whose fault it is. Where not one name server could be sent a query, or each refused it, the resolver has no connection,
/// and forgets why. One that is silent is another matter: it may wait for those of the endpoint's zone.
fn unresolved(error: &NetError) -> Unresolved {
    const UNREACHED: Option<&str> = Some("no name server can be reached");
    let lack = match error {
        NetError::Io(error) => lack::of(error).or_else(lack::of_sockets).or(UNREACHED),
        NetError::NoConnections => lack::of_sockets().or(UNREACHED),
        NetError::Busy => lack::of_sockets(),
        _ => None,
    };
    lack.map_or(Unresolved::NotFound, |lack| Unresolved::Unasked { lack })
}

fn log_failure(name: &str, error: &NetError) {
    tracing::debug!(host.name = name, error.message = %error, "lookup failed");
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::config::NameServerConfig;
    use rustix::io::Errno;
    use tokio::net::UdpSocket;

    use super::*;

    fn resolver(config: ResolverConfig) -> SystemResolver {
        SystemResolver::built(Resolver::builder_with_config(config, Way::default()))
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

    /// A port where nobody listens.
    async fn nobody() -> u16 {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
    }

    /// The port of a name server that answers every query with this code and without records.
    async fn saying(code: u8) -> u16 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut query).await {
                // An answer that takes recursion for granted, otherwise the query as it came.
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

    const UNREACHED: Unresolved = Unresolved::Unasked { lack: "no name server can be reached" };

    #[tokio::test]
    async fn without_name_servers_nobody_can_be_asked_and_nothing_breaks() {
        let resolver = resolver(ResolverConfig::default());
        assert_eq!(resolver.resolve("hook.example").await, Err(UNREACHED));
        assert_eq!(resolver.resolve("not a name..").await, Err(Unresolved::NotFound));
        assert!(resolver.resolve("localhost").await.is_ok());
    }

    #[tokio::test]
    async fn name_servers_that_refuse_every_query_are_our_own_trouble() {
        let (one, other) = (nobody().await, nobody().await);
        assert_eq!(resolver(at_ports(&[one])).resolve("hook.example.").await, Err(UNREACHED));
        assert_eq!(resolver(at_ports(&[one, other])).resolve("hook.example.").await, Err(UNREACHED));
    }

    #[tokio::test]
    async fn one_name_server_that_answers_speaks_for_the_name() {
        const SERVFAIL: u8 = 2;
        const NXDOMAIN: u8 = 3;
        for code in [SERVFAIL, NXDOMAIN] {
            let answering = saying(code).await;
            for ports in [&[answering][..], &[nobody().await, answering]] {
                let resolved = resolver(at_ports(ports)).resolve("hook.example.").await;
                assert_eq!(resolved, Err(Unresolved::NotFound), "code {code}, {} servers", ports.len());
            }
        }
    }

    #[tokio::test]
    async fn a_silent_name_server_may_wait_for_the_zone() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = silent.local_addr().unwrap().port();
        for ports in [&[port][..], &[nobody().await, port]] {
            let mut builder = Resolver::builder_with_config(at_ports(ports), Way::default());
            builder.options_mut().timeout = Duration::from_millis(300);
            let resolved = SystemResolver::built(builder).resolve("hook.example.").await;
            assert_eq!(resolved, Err(Unresolved::NotFound), "{} servers", ports.len());
        }
    }

    #[test]
    fn who_cannot_ask_knows_nothing_of_the_name() {
        let io = |number: Errno| unresolved(&NetError::from(std::io::Error::from_raw_os_error(number.raw_os_error())));
        assert_eq!(io(Errno::MFILE), Unresolved::Unasked { lack: "no file descriptor is left" });
        for away in [Errno::CONNREFUSED, Errno::NETUNREACH, Errno::HOSTUNREACH, Errno::PERM] {
            assert_eq!(io(away), UNREACHED, "{away:?}");
        }
        assert_eq!(unresolved(&NetError::NoConnections), UNREACHED);
        for unknown in
            [NetError::Timeout, NetError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)), NetError::Busy]
        {
            assert_eq!(unresolved(&unknown), Unresolved::NotFound, "{unknown:?}");
        }
    }
}
