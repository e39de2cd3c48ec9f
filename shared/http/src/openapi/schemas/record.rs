//! Records of the resources, as their tables of fields tell.

use serde_json::{Value, json};

use super::kinds::{closed, text, uuid};
use crate::listing::{Field, Kind, Resource};
use crate::openapi::operation::reference;

/// A record of a resource. `fields=` leaves out all but its id.
pub(super) fn record(resource: &Resource) -> Value {
    let properties = resource.fields.iter().map(|field| (field.name.to_owned(), schema(field))).collect();
    closed(&["id"], Value::Object(properties))
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Integer => json!({"type": "integer"}),
        Kind::Number => json!({"type": "number"}),
        Kind::Text => text(),
        Kind::Enumeration if field.values.is_empty() => text(),
        Kind::Enumeration => {
            let mut values: Vec<Value> = field.values.iter().map(|value| json!(value)).collect();
            values.extend(field.nullable.then_some(Value::Null));
            return json!({"enum": values});
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Uuid => uuid(),
        Kind::Object(name) if field.nullable => return json!({"oneOf": [reference(name), {"type": "null"}]}),
        Kind::Object(name) => return reference(name),
    };
    if field.nullable {
        schema["type"] = json!([schema["type"], "null"]);
    }
    if field.extension {
        schema["description"] = json!("Shown only when named in `fields`.");
    }
    schema
}
