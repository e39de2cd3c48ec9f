//! Cursors: a place in a sorted list, as opaque base64 of offset, sort values and id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::delivery::DeliveryId;
use hookline_core::listing::{Cursor, Sort, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fields::{Kind, Resource};

/// A sort value in a cursor.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire {
    Bool(bool),
    Int(i64),
    Text(String),
}

/// A cursor as text.
pub(super) fn encode(cursor: &Cursor) -> String {
    let values: Vec<Option<Wire>> = cursor.values.iter().map(|value| value.as_ref().map(wire)).collect();
    let json = serde_json::to_vec(&(cursor.offset, values, cursor.id)).expect("numbers and texts become JSON");
    URL_SAFE_NO_PAD.encode(json)
}

fn wire(value: &Value) -> Wire {
    match value {
        Value::Int(value) => Wire::Int(*value),
        Value::Text(value) => Wire::Text(value.clone()),
        Value::Bool(value) => Wire::Bool(*value),
        Value::Time(at) => Wire::Int(at.as_millisecond()),
    }
}

/// The cursor of a text, if it is one of a list that is sorted so.
pub(super) fn decode(resource: &Resource, sort: &[Sort], text: &str) -> Option<Cursor> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (offset, values, id): (u64, Vec<Option<Wire>>, u64) = serde_json::from_slice(&json).ok()?;
    let in_range = i64::try_from(offset).is_ok() && i64::try_from(id).is_ok();
    if values.len() != sort.len() || !in_range {
        return None;
    }
    let values = values.into_iter().zip(sort).map(|(value, key)| {
        let Some(value) = value else { return Some(None) };
        let field = resource.field(key.field)?;
        match (field.kind, value) {
            (Kind::Integer, Wire::Int(value)) => Some(Some(Value::Int(value))),
            (Kind::Time, Wire::Int(millis)) => Some(Some(Value::Time(Timestamp::from_millisecond(millis).ok()?))),
            (Kind::Boolean, Wire::Bool(value)) => Some(Some(Value::Bool(value))),
            (Kind::Text | Kind::Enumeration, Wire::Text(value)) => Some(Some(Value::Text(value))),
            _ => None,
        }
    });
    Some(Cursor { offset, values: values.collect::<Option<_>>()?, id })
}

/// A place in the delivery log as text.
pub(crate) fn encode_delivery(id: DeliveryId) -> String {
    URL_SAFE_NO_PAD.encode(id.uuid().as_bytes())
}

/// The place in the delivery log of a text.
pub(crate) fn decode_delivery(text: &str) -> Option<DeliveryId> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    DeliveryId::from_uuid(uuid::Uuid::from_slice(&bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::Field;

    static THING: Resource = Resource {
        name: "Thing",
        fields: &[
            Field::new("id", Kind::Integer),
            Field::new("name", Kind::Text),
            Field::new("disabled", Kind::Boolean),
            Field::new("created_at", Kind::Time),
        ],
        sort: ("id", true),
    };

    fn sort(fields: &[&'static str]) -> Vec<Sort> {
        fields.iter().map(|&field| Sort { field, descending: false }).collect()
    }

    #[test]
    fn a_cursor_comes_back_for_the_same_sort_only() {
        let at = Timestamp::from_millisecond(1_764_063_000_123).unwrap();
        let values =
            vec![Some(Value::Int(3)), Some(Value::Text("Ж\"".into())), Some(Value::Bool(true)), Some(Value::Time(at))];
        let cursor = Cursor { offset: 20, values, id: 7 };
        let text = encode(&cursor);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let all = sort(&["id", "name", "disabled", "created_at"]);
        assert_eq!(decode(&THING, &all, &text), Some(cursor));
        assert_eq!(decode(&THING, &sort(&["id"]), &text), None);
        assert_eq!(decode(&THING, &sort(&["name", "id", "disabled", "created_at"]), &text), None);
        let null = Cursor { offset: 0, values: vec![None], id: 1 };
        assert_eq!(decode(&THING, &sort(&["name"]), &encode(&null)), Some(null));
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for json in ["", "[]", "[0,[1],18446744073709551615]", "[-1,[1],1]", "[0,[1.5],1]", "[0,[1],1,1]", "x"] {
            assert_eq!(decode(&THING, &sort(&["id"]), &URL_SAFE_NO_PAD.encode(json)), None, "{json}");
        }
        assert_eq!(
            decode(&THING, &sort(&["created_at"]), &URL_SAFE_NO_PAD.encode("[0,[9223372036854775807],1]")),
            None
        );
        assert_eq!(decode(&THING, &sort(&["id"]), "%%%"), None);
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(decode_delivery(text), None, "{text}");
        }
    }
}
