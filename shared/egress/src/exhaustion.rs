//! Recognises errors that mean this machine ran out of something, such as file descriptors. They are our own faults, not
//! the endpoint's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rustix::io::Errno;

/// The resource that ran out, if that is what the error means.
pub(crate) fn cause(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some("no file descriptor is left"),
        Errno::NFILE => Some("the machine has no file descriptor left"),
        Errno::NOBUFS | Errno::NOMEM => Some("no memory is left for a connection"),
        Errno::NOSPC => Some("no more connections can be watched"),
        Errno::ADDRNOTAVAIL => Some("no local port is left"),
        _ => None,
    }
}

/// The resource without which no socket can be opened now, if any.
pub(crate) fn for_any_socket() -> Option<&'static str> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).err().as_ref().and_then(cause)
}

/// The resource that ran out while connecting to `to`. `EADDRNOTAVAIL` has two meanings: no local port is left, or this
/// machine has no address of that family, for example no IPv6. Only the first is exhaustion.
pub(crate) fn while_connecting(to: SocketAddr, error: &io::Error) -> Option<&'static str> {
    cause(error).filter(|_| error.kind() != io::ErrorKind::AddrNotAvailable || has_source(to))
}

/// True if this machine has a source address for `to`. Sends nothing.
fn has_source(to: SocketAddr) -> bool {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(to));
    connected.map_err(|error| error.kind()) != Err(io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhaustion_is_distinguished_from_endpoint_errors() {
        let error = |number: Errno| io::Error::from_raw_os_error(number.raw_os_error());
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        for ours in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC, Errno::ADDRNOTAVAIL] {
            assert!(cause(&error(ours)).is_some(), "{ours:?}");
            assert!(while_connecting(loopback, &error(ours)).is_some(), "{ours:?}");
        }
        for theirs in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::NETUNREACH] {
            assert_eq!(cause(&error(theirs)), None, "{theirs:?}");
        }
        assert_eq!(cause(&io::Error::other("x")), None);
    }
}
