//! An account's own event types (sections 4 and 14).

use hookline_core::model::{EventType, EventTypeDocuments, SchemaMode};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{FieldValue, TimeZone, node_id};
use serde_json::value::RawValue;

use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The type of a node id.
pub(crate) const NODE: &str = "EventType";

/// The fields of an event type.
pub(crate) static EVENT_TYPE: Resource = Resource {
    name: "EventType",
    fields: &[
        Field::new("id", FieldType::Integer).sortable().listed(),
        Field::new("nodeID", FieldType::Text).listed(),
        Field::new("name", FieldType::Enumeration).sortable().listed(),
        Field::new("description", FieldType::Text).nullable().listed_when_set(),
        Field::new("schema", FieldType::Object("JsonSchema")).nullable(),
        Field::new("example", FieldType::Object("ExamplePayload")).nullable(),
        Field::new("schema_mode", FieldType::Enumeration).values(&SchemaMode::NAMES).listed(),
        Field::new("created_at", FieldType::Time).sortable().listed(),
        Field::new("updated_at", FieldType::Time).listed(),
    ],
    sort: ("name", false),
};

/// An event type as JSON. Lists are without documents, which may be large.
pub(crate) fn view<'a>(
    event_type: &EventType,
    documents: Option<&EventTypeDocuments>,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
    let EventType { id, name, description, schema_mode, created_at, updated_at, version: _ } = event_type;
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("nodeID", node_id::encode(&settings.domain, NODE, id.0));
    record.put("name", name);
    record.put("description", description);
    if let Some(EventTypeDocuments { schema, example }) = documents {
        record.put("schema", json(schema.as_deref()));
        record.put("example", json(example.as_deref()));
    }
    record.put("schema_mode", schema_mode.as_str());
    record.put("created_at", zone.format(*created_at));
    record.put("updated_at", zone.format(*updated_at));
    record
}

/// A stored document, as it was given.
fn json(text: Option<&str>) -> Option<&RawValue> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

/// An event type's value for a sort key.
pub(crate) fn sort_value(event_type: &EventType, field: &str) -> Option<FieldValue> {
    match field {
        "id" => i64::try_from(event_type.id.0).ok().map(FieldValue::Int),
        "name" => Some(FieldValue::Text(event_type.name.to_string())),
        "created_at" => Some(FieldValue::Time(event_type.created_at)),
        _ => None,
    }
}
