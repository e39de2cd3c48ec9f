//! Webhook policies (section 7).

use hookline_core::model::Policy;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{FieldValue, TimeZone, node_id};

use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The algorithms, for the OpenAPI document. `none` is added where it is allowed.
pub(crate) const ALGORITHMS: &[&str] =
    &["hs256", "hs384", "hs512", "rs256", "rs384", "rs512", "es256", "es384", "es512"];

/// The fields that every response about a policy may have.
const FIELDS: [Field; 9] = [
    Field::new("id", FieldType::Integer).filterable().listed(),
    Field::new("nodeID", FieldType::Text).listed(),
    Field::new("name", FieldType::Text).filterable_in_any_case().listed(),
    Field::new("disabled", FieldType::Boolean).filterable(),
    Field::new("jwt_alg", FieldType::Enumeration).values(ALGORITHMS),
    Field::new("jwt_audience", FieldType::Text).nullable(),
    Field::new("jwt_claim_expires_in", FieldType::Integer).nullable(),
    Field::new("created_at", FieldType::Time).sortable().listed(),
    Field::new("updated_at", FieldType::Time).sortable().listed(),
];

/// The key that receivers verify with. Only the response that created it shows it.
pub(crate) const KEY: &str = "public_key_pem";

/// The default order: oldest first.
const SORT: (&str, bool) = ("created_at", false);

/// A policy.
pub(crate) static POLICY: Resource = Resource { name: "WebhookPolicy", fields: &FIELDS, sort: SORT };

/// A policy with a key that was just created.
pub(crate) static MADE: Resource = Resource {
    name: "WebhookPolicyWithKey",
    fields: &{
        let mut fields = [Field::new(KEY, FieldType::Text).nullable(); FIELDS.len() + 1];
        let mut at = 0;
        while at < FIELDS.len() {
            fields[at] = FIELDS[at];
            at += 1;
        }
        fields
    },
    sort: SORT,
};

/// A policy as JSON.
pub(crate) fn view<'a>(
    policy: &Policy,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
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

/// A policy's value for a sort key.
pub(crate) fn sort_value(policy: &Policy, field: &str) -> Option<FieldValue> {
    match field {
        "created_at" => Some(FieldValue::Time(policy.created_at)),
        "updated_at" => Some(FieldValue::Time(policy.updated_at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::signing::Algorithm;

    use super::*;

    #[test]
    fn the_document_lists_every_algorithm() {
        assert_eq!(Algorithm::ALL[1..].iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>(), ALGORITHMS);
        assert_eq!(Algorithm::ALL[0], Algorithm::None);
    }
}
