//! Throttled endpoint hosts (section 8, *Throttling*).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::model::HostHealth;
use hookline_core::ports::HostStatus;
use hookline_core::values::{EndpointHost, FieldValue, TimeZone};

use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The fields of an endpoint host.
pub(crate) static ENDPOINT_HOST: Resource = Resource {
    name: "EndpointHost",
    fields: &[
        Field::new("id", FieldType::Text).listed(),
        Field::new("host", FieldType::Text).listed(),
        Field::new("failures", FieldType::Integer).listed(),
        Field::new("throttled_at", FieldType::Time).nullable().listed(),
        Field::new("next_probe_at", FieldType::Time).nullable().listed(),
        Field::new("held_until", FieldType::Time).nullable().listed(),
        Field::new("waiting", FieldType::Integer).listed(),
    ],
    sort: ("host", false),
};

/// An endpoint host as JSON.
pub(crate) fn view<'a>(status: &HostStatus, selection: &'a Selection, zone: &TimeZone) -> Record<'a> {
    let HostStatus { host, health, waiting } = status;
    let HostHealth { run, offenders: _, throttle, held_until, ramp: _ } = health;
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

/// A host's value for a sort key.
pub(crate) fn sort_value(status: &HostStatus, field: &str) -> Option<FieldValue> {
    (field == "host").then(|| FieldValue::Text(status.host.as_str().to_owned()))
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
