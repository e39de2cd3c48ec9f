//! An account's own event types (section 4).

use hookline_core::model::EventType;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{FieldValue, TimeZone, node_id};

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
        Field::new("created_at", FieldType::Time).sortable().listed(),
    ],
    sort: ("name", false),
};

/// An event type as JSON.
pub(crate) fn view<'a>(
    event_type: &EventType,
    selection: &'a Selection,
    settings: &CoreSettings,
    zone: &TimeZone,
) -> Record<'a> {
    let EventType { id, name, created_at } = event_type;
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("nodeID", node_id::encode(&settings.domain, NODE, id.0));
    record.put("name", name);
    record.put("created_at", zone.format(*created_at));
    record
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
