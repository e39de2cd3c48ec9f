//! The address guard: which addresses an endpoint may have (section 8, *Addresses*).
//!
//! Addresses are checked twice. At save, [`AddressGuard::permits_uri`] refuses hosts that can only mean a forbidden
//! address: IP literals in any notation, and names such as `localhost`. At connect, [`AddressGuard::vet`] turns a resolved
//! address into a [`VettedAddress`], the only type that connections are opened to.
//!
//! The list follows the IANA special-purpose address registries (RFC 6890 and its updates). Of IPv6 only global
//! unicast, `2000::/3`, is allowed at all. Addresses outside it (`::`, `::1`, IPv4-mapped and -compatible addresses,
//! NAT64, unique-local, link- and site-local, multicast, segment routing, unassigned space) need no entry.
//!
//! The operator's CIDRs are compared with the address *as it is written*: `127.0.0.0/8` does not open
//! `[::ffff:127.0.0.1]`; that needs `::ffff:127.0.0.0/104`.
//!
//! Public addresses of this machine itself and the ports of services other than HTTP are refused too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hookline_core::values::EndpointUri;
use hookline_core::values::allowed_ports::AllowedPorts;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Host;

use super::own_addresses::OwnAddresses;

/// IPv4 ranges that are refused.
const FORBIDDEN_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),        // this network, unspecified
    v4([10, 0, 0, 0], 8),       // private
    v4([100, 64, 0, 0], 10),    // carrier-grade NAT, metadata of some clouds
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // metadata of a cloud, on a public address
    v4([169, 254, 0, 0], 16),   // link-local, cloud metadata
    v4([172, 16, 0, 0], 12),    // private
    v4([192, 0, 0, 0], 24),     // protocol assignments, metadata of a cloud
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 31, 196, 0], 24),  // AS112: answers for private reverse zones
    v4([192, 88, 99, 0], 24),   // 6to4 relays
    v4([192, 168, 0, 0], 16),   // private
    v4([192, 175, 48, 0], 24),  // AS112
    v4([198, 18, 0, 0], 15),    // benchmarking
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 3),      // multicast, reserved, broadcast
];

/// The IPv6 range of global unicast addresses.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

/// Ranges inside [`GLOBAL_V6`] that are refused.
const FORBIDDEN_V6: [Ipv6Net; 6] = [
    v6([0x2001, 0, 0], 23),           // protocol assignments: Teredo, benchmarking, ORCHID, AMT, DRIP
    v6([0x2001, 0x0db8, 0], 32),      // documentation
    v6([0x2002, 0, 0], 16),           // 6to4
    v6([0x2620, 0x004f, 0x8000], 48), // AS112
    v6([0x3ffe, 0, 0], 16),           // the former 6bone
    v6([0x3fff, 0, 0], 20),           // documentation
];

/// Names of the machine itself, from hosts files and RFC 6761. Their subdomains mean it too.
const LOOPBACK_NAMES: [&str; 8] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost4.localdomain4",
    "localhost6",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
];

/// Names of the metadata services of clouds, all at [`METADATA`].
const METADATA_NAMES: [&str; 4] =
    ["metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"];

/// The address of those names.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), prefix)
}

const fn v6(start: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(start[0], start[1], start[2], 0, 0, 0, 0, 0), prefix)
}

/// An address that the guard allowed. Only [`AddressGuard::vet`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VettedAddress(SocketAddr);

impl VettedAddress {
    /// The address and port to connect to.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

/// Decides which addresses may be connected to.
#[derive(Debug, Default)]
pub struct AddressGuard {
    allowed: Vec<IpNet>,
    ports: AllowedPorts,
    own: OwnAddresses,
}

impl AddressGuard {
    /// A guard that allows the given ranges although section 8 refuses them, and these ports only.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>, ports: AllowedPorts) -> Self {
        Self { allowed, ports, own: OwnAddresses::default() }
    }

    /// True if this address may be connected to.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|range| range.contains(&address)) || !is_special(address) && !self.own.contains(address)
    }

    /// The address with its port, or `None` if one of them is forbidden.
    #[must_use]
    pub fn vet(&self, address: IpAddr, port: u16) -> Option<VettedAddress> {
        let is_permitted = self.ports.contains(port) && self.permits(address);
        is_permitted.then(|| VettedAddress(SocketAddr::new(address, port)))
    }

    /// True unless the port is forbidden, or the host can only mean a forbidden address. Makes no lookup: the addresses of other names are checked
    /// at every connect.
    #[must_use]
    pub fn permits_uri(&self, uri: &EndpointUri) -> bool {
        if !uri.url().port_or_known_default().is_some_and(|port| self.ports.contains(port)) {
            return false;
        }
        match uri.url().host() {
            Some(Host::Ipv4(address)) => self.permits(address.into()),
            Some(Host::Ipv6(address)) => self.permits(address.into()),
            Some(Host::Domain(name)) => self.permits_name(name),
            None => false,
        }
    }

    fn permits_name(&self, name: &str) -> bool {
        // The URL parser lower-cases names.
        let name = name.strip_suffix('.').unwrap_or(name);
        if METADATA_NAMES.contains(&name) {
            return self.permits(METADATA.into());
        }
        let is_loopback = LOOPBACK_NAMES.iter().any(|loopback| {
            name.strip_suffix(loopback).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        !is_loopback || self.permits(Ipv4Addr::LOCALHOST.into()) || self.permits(Ipv6Addr::LOCALHOST.into())
    }
}

/// True for an address that does not belong to a public host.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => FORBIDDEN_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            !GLOBAL_V6.contains(&address) || FORBIDDEN_V6.iter().any(|range| range.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> EndpointUri {
        EndpointUri::parse(text).expect(text).uri
    }

    #[test]
    fn ranges_end_where_the_registries_say() {
        let guard = AddressGuard::default();
        for (inside, outside) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.0.0", "169.253.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.0.0.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.3.0"),
            ("192.168.0.0", "192.167.255.255"),
            ("198.19.255.255", "198.20.0.0"),
            ("224.0.0.0", "223.255.255.255"),
            ("2001:1ff:ffff::", "2001:200::"),
            ("2001:db8:ffff::", "2001:db9::"),
            ("2002::", "2003::"),
            ("3fff:fff:ffff::", "3fff:1000::"),
            ("1fff::", "2000::"),
            ("4000::", "3fff:ffff::"),
        ] {
            assert!(!guard.permits(inside.parse().unwrap()), "{inside}");
            assert!(guard.permits(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn allowed_ranges_are_taken_literally() {
        let guard = AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()], AllowedPorts::default());
        assert!(guard.permits("127.9.9.9".parse().unwrap()));
        for still in ["::ffff:127.0.0.1", "::127.0.0.1", "::1", "64:ff9b::7f00:1", "10.0.0.1"] {
            assert!(!guard.permits(still.parse().unwrap()), "{still}");
        }
        let mapped = AddressGuard::new(vec!["::ffff:127.0.0.0/104".parse().unwrap()], AllowedPorts::default());
        assert!(mapped.permits("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!mapped.permits("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn names_of_the_machine_itself_need_an_allowed_loopback() {
        let closed = AddressGuard::default();
        let open = [
            AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()], AllowedPorts::default()),
            AddressGuard::new(vec!["::1/128".parse().unwrap()], AllowedPorts::default()),
        ];
        for name in ["localhost", "LOCALHOST.", "a.b.localhost", "ip6-localhost", "localhost.localdomain."] {
            let uri = uri(&format!("http://{name}:9000/x"));
            assert!(!closed.permits_uri(&uri), "{name}");
            assert!(open.iter().all(|guard| guard.permits_uri(&uri)), "{name}");
        }
        for name in ["notlocalhost", "localhost.example.com", "metadata.example.com", "printer.local"] {
            assert!(closed.permits_uri(&uri(&format!("http://{name}/"))), "{name}");
        }
        assert!(!open[0].permits_uri(&uri("http://metadata.google.internal/")));
    }

    #[test]
    fn ports_of_other_services_are_refused_at_save_and_at_connect() {
        let guard = AddressGuard::default();
        let public = "1.1.1.1".parse().unwrap();
        for port in [22, 23, 25, 110, 143, 445, 465, 587, 993, 995, 3306, 5432, 6379, 11211, 27017] {
            assert!(!guard.permits_uri(&uri(&format!("https://hook.example:{port}/"))), "{port}");
            assert_eq!(guard.vet(public, port), None, "{port}");
        }
        for (text, port) in
            [("http://hook.example/", 80), ("https://hook.example/", 443), ("http://a.example:9000/", 9000)]
        {
            assert!(guard.permits_uri(&uri(text)) && guard.vet(public, port).is_some(), "{text}");
        }
        let listed = AddressGuard::new(Vec::new(), "25".parse().unwrap());
        assert!(
            listed.permits_uri(&uri("http://hook.example:25/")) && !listed.permits_uri(&uri("http://hook.example/"))
        );
    }

    /// All addresses of this machine are refused, public ones included, and only an allowed range opens them.
    #[test]
    fn addresses_of_the_machine_itself_are_refused() {
        let (closed, open) =
            (AddressGuard::default(), AddressGuard::new(vec!["0.0.0.0/0".parse().unwrap()], AllowedPorts::default()));
        for interface in if_addrs::get_if_addrs().unwrap() {
            assert!(!closed.permits(interface.ip()), "{interface:?}");
            assert!(interface.ip().is_ipv6() || open.permits(interface.ip()), "{interface:?}");
        }
    }
}
