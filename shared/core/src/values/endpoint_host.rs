//! The scheme, host and port of an endpoint.

use sha2::{Digest as _, Sha256};
use url::Url;

/// Scheme, host and port: what throttling and the address guard think in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EndpointHost(String);

impl EndpointHost {
    /// `scheme://host:port`, the port always written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what [`EndpointHost::as_str`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        let host = Self::of(&Url::parse(text).ok().filter(|_| is_http)?)?;
        (host.as_str() == text).then_some(host)
    }

    /// Its hash: the fair-queue group of its messages.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let hash = Sha256::digest(&self.0);
        u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    /// The endpoint host of an absolute http(s) URL; `None` for any other URL.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let (host, port) = (url.host_str()?, url.port_or_known_default()?);
        Some(Self(format!("{}://{host}:{port}", url.scheme())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_they_are_written() {
        for text in ["https://example.com:443", "http://xn--bcher-kva.example:80", "http://[::1]:9000"] {
            assert_eq!(EndpointHost::parse(text).expect(text).as_str(), text);
        }
        for bad in ["", "https://example.com", "https://example.com:443/", "https://EXAMPLE.com:443", "ftp://a:21", "x"]
        {
            assert_eq!(EndpointHost::parse(bad), None, "{bad:?}");
        }
    }
}
