//! Endpoint hosts that get nothing now (section 8, *Throttling*).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::endpoint_uri::EndpointHost;
use hookline_core::listing::Value;
use hookline_core::ports::HostStatus;
use hookline_core::throttle::HostHealth;
use hookline_core::time_zone::TimeZone;

use crate::listing::{Field, Kind, Record, Resource, Selection};

/// The fields of an endpoint host.
pub(crate) static ENDPOINT_HOST: Resource = Resource {
    name: "EndpointHost",
    fields: &[
        Field::new("id", Kind::Text).listed(),
        Field::new("host", Kind::Text).listed(),
        Field::new("failures", Kind::Integer).listed(),
        Field::new("throttled_at", Kind::Time).nullable().listed(),
        Field::new("next_probe_at", Kind::Time).nullable().listed(),
        Field::new("held_until", Kind::Time).nullable().listed(),
        Field::new("waiting", Kind::Integer).listed(),
    ],
    sort: ("host", false),
};

/// An endpoint host as it is shown.
pub(crate) fn view<'a>(status: &HostStatus, selection: &'a Selection, zone: &TimeZone) -> Record<'a> {
    let HostStatus { host, health, waiting } = status;
    let HostHealth { run, offenders: _, throttle, held_until } = health;
    let mut record = Record::new(selection);
    record.put("id", id(host));
    record.put("host", host.as_str());
    record.put("failures", run);
    record.put("throttled_at", throttle.as_ref().map(|throttle| zone.format(throttle.since)));
    record.put("next_probe_at", throttle.as_ref().map(|throttle| zone.format(throttle.opens_at)));
    record.put("held_until", held_until.map(|until| zone.format(until)));
    record.put("waiting", waiting);
    record
}

/// A host's value of a sort key.
pub(crate) fn sort_value(status: &HostStatus, field: &str) -> Option<Value> {
    (field == "host").then(|| Value::Text(status.host.as_str().to_owned()))
}

/// The id of a host: unpadded base64url of `scheme://host:port`.
fn id(host: &EndpointHost) -> String {
    URL_SAFE_NO_PAD.encode(host.as_str())
}

/// The host of an id.
pub(crate) fn host(id: &str) -> Option<EndpointHost> {
    EndpointHost::parse(std::str::from_utf8(&URL_SAFE_NO_PAD.decode(id).ok()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let example = EndpointHost::parse("https://example.com:443").unwrap();
        assert_eq!(id(&example), "aHR0cHM6Ly9leGFtcGxlLmNvbTo0NDM");
        assert_eq!(host(&id(&example)), Some(example));
        for bad in ["", "x", "aHR0cHM6Ly9leGFtcGxlLmNvbTo0NDM=", "Zm9v", "https://example.com:443"] {
            assert_eq!(host(bad), None, "{bad:?}");
        }
    }
}
