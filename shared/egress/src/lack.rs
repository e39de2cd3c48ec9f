//! What this machine has too little of to open a connection. No endpoint can do anything about it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rustix::io::Errno;

/// What is missing, if that is why something failed.
pub(crate) fn of(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some("no file descriptor is left"),
        Errno::NFILE => Some("the machine has no file descriptor left"),
        Errno::NOBUFS | Errno::NOMEM => Some("no memory is left for a connection"),
        Errno::NOSPC => Some("no more connections can be watched"),
        Errno::ADDRNOTAVAIL => Some("no local port is left"),
        _ => None,
    }
}

/// What is missing for any socket at all, now.
pub(crate) fn of_sockets() -> Option<&'static str> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).err().as_ref().and_then(of)
}

/// What is missing for a connection to `to`. The kernel also says that no address is available where this machine has none of
/// the kind at all, such as none of IPv6: then it is not for want of anything, and the network cannot be reached.
pub(crate) fn on_the_way(to: SocketAddr, error: &io::Error) -> Option<&'static str> {
    of(error).filter(|_| error.kind() != io::ErrorKind::AddrNotAvailable || has_source(to))
}

/// True if this machine has an address to connect to `to` from. Nothing is sent.
fn has_source(to: SocketAddr) -> bool {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(to));
    connected.map_err(|error| error.kind()) != Err(io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_here_is_told_from_what_goes_wrong_there() {
        let error = |number: Errno| io::Error::from_raw_os_error(number.raw_os_error());
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        for ours in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::NOSPC, Errno::ADDRNOTAVAIL] {
            assert!(of(&error(ours)).is_some(), "{ours:?}");
            assert!(on_the_way(loopback, &error(ours)).is_some(), "{ours:?}");
        }
        for theirs in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::NETUNREACH] {
            assert_eq!(of(&error(theirs)), None, "{theirs:?}");
        }
        assert_eq!(of(&io::Error::other("x")), None);
    }
}
