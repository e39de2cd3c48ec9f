//! Values on the command line: addresses of services and ranges of addresses.

use ipnet::IpNet;
use reqwest::Url;

/// The address of a service: without a slash at its end, and without the `/v1` that the paths of the API begin with.
pub(crate) fn service_url(text: &str) -> Result<Url, String> {
    let form = "an http or https URL such as https://hooks.example.com";
    let mut url = Url::parse(text.trim()).map_err(|error| format!("not {form}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("not {form}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("not the address of a service, because of its `?` or `#`: give {form}"));
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The address of a service's metrics, with or without the `/metrics` that the service prints.
pub(crate) fn metrics_url(text: &str) -> Result<Url, String> {
    let mut url = service_url(text)?;
    let path = url.path().trim_end_matches('/');
    let path = format!("{}/metrics", path.strip_suffix("/metrics").unwrap_or(path));
    url.set_path(&path);
    Ok(url)
}

/// A range of addresses. A single address is refused: it could mean itself or its network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressRange(pub(crate) IpNet);

impl std::str::FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(range) = text.parse() {
            return Ok(Self(range));
        }
        match text.parse::<std::net::IpAddr>() {
            Ok(address) => {
                Err(format!("not a range of addresses: write {} for this one address", IpNet::from(address)))
            }
            Err(_) => Err("not a range of addresses such as 10.1.0.0/16 or fd00::/8".to_owned()),
        }
    }
}

pub(crate) fn address_range(text: &str) -> Result<IpNet, String> {
    text.parse().map(|AddressRange(range)| range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_service_may_end_in_v1() {
        for (given, meant) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://host/v1", "http://host/"),
            (" https://host/v1/ ", "https://host/"),
            ("https://host/x/a/wdc/v1", "https://host/x/a/wdc"),
            ("https://host/x/v12", "https://host/x/v12"),
        ] {
            assert_eq!(service_url(given).unwrap().as_str(), meant, "{given}");
        }
        for bad in ["nowhere", "ftp://a", "/v1", "https://host/?x", "https://host/#x", "mailto:a@b"] {
            assert!(service_url(bad).unwrap_err().contains("https://hooks.example.com"), "{bad}");
        }
    }

    #[test]
    fn the_address_of_metrics_may_end_in_metrics() {
        for given in ["http://127.0.0.1:9464", "http://127.0.0.1:9464/", "http://127.0.0.1:9464/metrics"] {
            assert_eq!(metrics_url(given).unwrap().as_str(), "http://127.0.0.1:9464/metrics", "{given}");
        }
    }

    #[test]
    fn a_single_address_is_not_a_range() {
        assert!(address_range(" 10.1.0.0/16").is_ok());
        assert!(address_range("127.0.0.1").unwrap_err().contains("127.0.0.1/32"));
        assert!(address_range("::1").unwrap_err().contains("::1/128"));
        assert!(address_range("10.1/16").unwrap_err().contains("such as 10.1.0.0/16"));
    }
}
