//! The addresses of this machine, public ones included. An endpoint must not have them: what listens there may be meant
//! for this machine only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the list of the interfaces' addresses is used.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Tells whether an address is this machine's.
#[derive(Debug, Default)]
pub(crate) struct OwnAddresses {
    of_interfaces: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

impl OwnAddresses {
    /// True if packets to this address stay on this machine.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.is_of_an_interface(address) || is_routed_here(address)
    }

    fn is_of_an_interface(&self, address: IpAddr) -> bool {
        let mut known = self.of_interfaces.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((read_at, addresses)) if read_at.elapsed() < MAX_AGE => addresses.contains(&address),
            Some(_) | None => {
                let addresses = interface_addresses();
                let is_own = addresses.contains(&address);
                *known = Some((Instant::now(), addresses));
                is_own
            }
        }
    }
}

fn interface_addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::warn!(%error, "reading the addresses of this machine failed");
            Vec::new()
        }
    }
}

/// Some clouds deliver addresses that no interface has, by a local route. The kernel sends to such an address from the
/// address itself. Nothing is sent here.
fn is_routed_here(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    source.is_ok_and(|source| source.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_an_interface_is_own() {
        let own = OwnAddresses::default();
        let addresses = interface_addresses();
        assert!(addresses.contains(&Ipv4Addr::LOCALHOST.into()), "{addresses:?}");
        for address in addresses {
            assert!(own.contains(address), "{address}");
        }
        assert!(is_routed_here(Ipv4Addr::LOCALHOST.into()) && !is_routed_here(Ipv4Addr::new(1, 1, 1, 1).into()));
        assert!(!own.contains(Ipv4Addr::new(1, 1, 1, 1).into()));
    }
}
