//! Webhook policies (section 7).

use hookline_core::listing::Value;
use hookline_core::node_id;
use hookline_core::policy::Policy;
use hookline_core::settings::Settings;
use hookline_core::time_zone::TimeZone;

use crate::listing::{Field, Kind, Record, Resource, Selection};

/// The algorithms, as the document lists them.
pub(crate) const ALGORITHMS: &[&str] =
    &["none", "hs256", "hs384", "hs512", "rs256", "rs384", "rs512", "es256", "es384", "es512"];

/// The fields that every answer about a policy can have.
const FIELDS: [Field; 9] = [
    Field::new("id", Kind::Integer).filterable().listed(),
    Field::new("nodeID", Kind::Text).listed(),
    Field::new("name", Kind::Text).filterable_in_any_case().listed(),
    Field::new("disabled", Kind::Boolean).filterable(),
    Field::new("jwt_alg", Kind::Enumeration).values(ALGORITHMS),
    Field::new("jwt_audience", Kind::Text).nullable(),
    Field::new("jwt_claim_expires_in", Kind::Integer).nullable(),
    Field::new("created_at", Kind::Time).sortable().listed(),
    Field::new("updated_at", Kind::Time).sortable().listed(),
];

/// What receivers verify with: only in the answer to the call that had the key made.
pub(crate) const KEY: &str = "public_key_pem";

/// Oldest first.
const SORT: (&str, bool) = ("created_at", false);

/// A policy.
pub(crate) static POLICY: Resource = Resource { name: "WebhookPolicy", fields: &FIELDS, sort: SORT };

/// A policy with a key that was just made.
pub(crate) static MADE: Resource = Resource {
    name: "WebhookPolicyWithKey",
    fields: &{
        let mut fields = [Field::new(KEY, Kind::Text).nullable(); FIELDS.len() + 1];
        let mut at = 0;
        while at < FIELDS.len() {
            fields[at] = FIELDS[at];
            at += 1;
        }
        fields
    },
    sort: SORT,
};

/// A policy as it is shown.
pub(crate) fn view<'a>(policy: &Policy, selection: &'a Selection, settings: &Settings, zone: &TimeZone) -> Record<'a> {
    let Policy {
        id,
        account: _,
        name,
        disabled,
        algorithm,
        audience,
        expires_in,
        keys: _,
        created_at,
        updated_at,
        version: _,
    } = policy;
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("nodeID", node_id::encode(&settings.domain, "WebhookPolicy", id));
    record.put("name", name);
    record.put("disabled", disabled);
    record.put("jwt_alg", algorithm);
    record.put("jwt_audience", audience);
    record.put("jwt_claim_expires_in", expires_in);
    record.put("created_at", zone.format(*created_at));
    record.put("updated_at", zone.format(*updated_at));
    record
}

/// A policy's value of a sort key.
pub(crate) fn sort_value(policy: &Policy, field: &str) -> Option<Value> {
    match field {
        "created_at" => Some(Value::Time(policy.created_at)),
        "updated_at" => Some(Value::Time(policy.updated_at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::signing::algorithm::Algorithm;

    use super::*;

    #[test]
    fn the_document_lists_every_algorithm() {
        assert_eq!(Algorithm::ALL.map(Algorithm::as_str), ALGORITHMS);
    }
}
