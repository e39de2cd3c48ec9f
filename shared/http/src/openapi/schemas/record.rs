//! Schemas of records, generated from the resources' tables of fields.

use serde_json::{Value, json};

use super::kinds::{closed, reference, text, uuid};
use crate::listing::{Field, FieldType, Resource};

/// The schema of a record. Only its ids are required, because `fields=` can leave out the rest.
pub(super) fn record(resource: &Resource) -> Value {
    let properties = resource.fields.iter().map(|field| (field.name.to_owned(), schema(field))).collect();
    let ids: Vec<&str> = ["id", "nodeID"].into_iter().filter(|name| resource.field(name).is_some()).collect();
    closed(&ids, Value::Object(properties))
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.kind {
        FieldType::Integer => json!({"type": "integer"}),
        FieldType::Number => json!({"type": "number"}),
        FieldType::Text => text(),
        FieldType::Enumeration if field.values.is_empty() => text(),
        FieldType::Enumeration => {
            let mut values: Vec<Value> = field.values.iter().map(|value| json!(value)).collect();
            values.extend(field.nullable.then_some(Value::Null));
            json!({"type": "string", "enum": values})
        }
        FieldType::Boolean => json!({"type": "boolean"}),
        FieldType::Time => json!({"type": "string", "format": "date-time"}),
        FieldType::Uuid => uuid(),
        FieldType::Object(name) if field.nullable => return json!({"oneOf": [reference(name), {"type": "null"}]}),
        FieldType::Object(name) => return reference(name),
    };
    if field.nullable {
        schema["type"] = json!([schema["type"], "null"]);
    }
    if field.extension {
        schema["description"] = json!("Shown only when named in `fields`.");
    }
    schema
}
