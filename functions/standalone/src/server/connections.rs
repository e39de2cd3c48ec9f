//! Counts the connections of each address. The addresses of one IPv6 network of 64 bits count as one: a single customer of
//! a provider has them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of connections of each address.
pub(super) struct ConnectionsByAddress {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// One connection of an address, until it is dropped.
pub(super) struct ConnectionSlot {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl ConnectionsByAddress {
    pub(super) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// Counts a connection until the slot is dropped; `None` if the address has reached its limit.
    pub(super) fn take(&self, address: IpAddr) -> Option<ConnectionSlot> {
        let address = counted_as(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(ConnectionSlot { taken: Arc::clone(&self.taken), address })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// The address that stands for all that count as one.
fn counted_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_limit_of_connections() {
        let places = ConnectionsByAddress::new(2);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let taken = [places.take(one), places.take(one)];
        assert!(taken.iter().all(Option::is_some) && places.take(one).is_none());
        assert!(places.take(other).is_some());
        drop(taken);
        assert!(places.taken.lock().unwrap().is_empty(), "no counts are left");
        assert!(places.take(one).is_some());
    }

    #[test]
    fn the_addresses_of_a_v6_network_share_their_places() {
        let places = ConnectionsByAddress::new(2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let taken = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"].map(|text| places.take(address(text)));
        assert!(taken.iter().all(Option::is_some) && places.take(address("2001:db8:0:1::3")).is_none());
        assert!(places.take(address("2001:db8:0:2::1")).is_some());
    }
}
