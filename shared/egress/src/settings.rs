//! Settings of the egress. The defaults are those of section 8.

use std::time::Duration;

use hookline_core::values::allowed_ports::AllowedPorts;
use ipnet::IpNet;

/// Settings of [`crate::Egress`].
#[derive(Debug, Clone)]
pub struct EgressSettings {
    /// Address ranges that are allowed although section 8 refuses them. Default: none.
    pub allow: Vec<IpNet>,
    /// Ports that may be called. Default: all but those of mail, shells, file shares and databases.
    pub ports: AllowedPorts,
    /// Root certificates in PEM, trusted in addition to the system's. Default: none.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// From the start of connecting to the head of the answer; the body has what is left of it. Default: 10 s.
    pub deadline: Duration,
    /// Time limit for a DNS lookup. Default: 5 s.
    pub dns_deadline: Duration,
    /// How long a lookup is reused at most; its TTL may be shorter. Default: 60 s.
    pub lookup_max_age: Duration,
    /// How long an idle connection is kept at most: less than the 5 s after which many servers close it, and less
    /// than the endpoint's own `Keep-Alive`. Default: 4 s; zero turns reuse off.
    pub idle_timeout: Duration,
    /// How many endpoint hosts keep idle connections, and how many names keep their addresses. Default: 4,096.
    pub max_hosts: usize,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            ports: AllowedPorts::default(),
            extra_roots_pem: None,
            deadline: Duration::from_secs(10),
            dns_deadline: Duration::from_secs(5),
            lookup_max_age: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(4),
            max_hosts: 4096,
        }
    }
}
