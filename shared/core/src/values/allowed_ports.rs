//! Which ports of endpoints may be called.

use std::fmt;
use std::str::FromStr;

/// Ports of services that do not speak HTTP. A request to one of them is an attack, never a delivery.
const REFUSED: [u16; 15] = [22, 23, 25, 110, 143, 445, 465, 587, 993, 995, 3306, 5432, 6379, 11211, 27017];

/// Ports that may be called: by default all but those of mail, shells, file shares and databases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedPorts {
    /// `None` for the default. Ranges, both ends included.
    ranges: Option<Vec<(u16, u16)>>,
}

impl AllowedPorts {
    /// True if this port may be called.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        match &self.ranges {
            Some(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&port)),
            None => !REFUSED.contains(&port),
        }
    }
}

/// Why a list of ports is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a port nor a range of ports; an example: 80,443,8000-8999")]
pub struct PortListError(String);

impl FromStr for AllowedPorts {
    type Err = PortListError;

    /// Reads a list such as `80,443,8000-8999`. An empty list is the default.
    fn from_str(list: &str) -> Result<Self, PortListError> {
        if list.trim().is_empty() {
            return Ok(Self::default());
        }
        let ranges = list.split(',').map(str::trim).map(|item| {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
            let range = port(first).zip(port(last)).filter(|(first, last)| first <= last);
            range.ok_or_else(|| PortListError(item.to_owned()))
        });
        Ok(Self { ranges: Some(ranges.collect::<Result<_, _>>()?) })
    }
}

impl fmt::Display for AllowedPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().flatten().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_the_ports_of_other_services_are_refused() {
        let ports = AllowedPorts::default();
        assert!(REFUSED.iter().all(|port| !ports.contains(*port)));
        assert!([1, 80, 443, 8080, 9000, 65535].iter().all(|port| ports.contains(*port)));
    }

    #[test]
    fn a_list_replaces_the_default() {
        let ports: AllowedPorts = "443, 8000-8999,25".parse().unwrap();
        for (port, is_allowed) in [(443, true), (25, true), (8000, true), (8999, true), (80, false), (9000, false)] {
            assert_eq!(ports.contains(port), is_allowed, "{port}");
        }
        assert_eq!(ports.to_string(), "443,8000-8999,25");
        assert_eq!(ports.to_string().parse(), Ok(ports));
        assert_eq!(" ".parse(), Ok(AllowedPorts::default()));
        for bad in ["x", "0", "65536", "9-1", "80,", "1-2-3", "-5"] {
            assert!(bad.parse::<AllowedPorts>().is_err(), "{bad}");
        }
    }
}
