//! Cursors: a position in a sorted list, as opaque base64 of offset, sort values and id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookline_core::ids::DeliveryId;
use hookline_core::values::{Cursor, FieldValue, Sort};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fields::{FieldType, Resource};

/// A sort value in a cursor.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum CursorWire {
    Bool(bool),
    Int(i64),
    Text(String),
}

/// Encodes a cursor.
pub(super) fn encode(cursor: &Cursor) -> String {
    let values: Vec<Option<CursorWire>> = cursor.values.iter().map(|value| value.as_ref().map(wire)).collect();
    let json = serde_json::to_vec(&(cursor.offset, values, cursor.id)).expect("numbers and texts become JSON");
    URL_SAFE_NO_PAD.encode(json)
}

fn wire(value: &FieldValue) -> CursorWire {
    match value {
        FieldValue::Int(value) => CursorWire::Int(*value),
        FieldValue::Text(value) => CursorWire::Text(value.clone()),
        FieldValue::Bool(value) => CursorWire::Bool(*value),
        FieldValue::Time(at) => CursorWire::Int(at.as_millisecond()),
    }
}

/// Decodes a cursor; `None` if it does not belong to a list with this sort.
pub(super) fn decode(resource: &Resource, sort: &[Sort], text: &str) -> Option<Cursor> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (offset, values, id): (u64, Vec<Option<CursorWire>>, u64) = serde_json::from_slice(&json).ok()?;
    let in_range = i64::try_from(offset).is_ok() && i64::try_from(id).is_ok();
    if values.len() != sort.len() || !in_range {
        return None;
    }
    let values = values.into_iter().zip(sort).map(|(value, key)| {
        let Some(value) = value else { return Some(None) };
        let field = resource.field(key.field)?;
        match (field.kind, value) {
            (FieldType::Integer, CursorWire::Int(value)) => Some(Some(FieldValue::Int(value))),
            (FieldType::Time, CursorWire::Int(millis)) => {
                Some(Some(FieldValue::Time(Timestamp::from_millisecond(millis).ok()?)))
            }
            (FieldType::Boolean, CursorWire::Bool(value)) => Some(Some(FieldValue::Bool(value))),
            (FieldType::Text | FieldType::Enumeration, CursorWire::Text(value)) => Some(Some(FieldValue::Text(value))),
            _ => None,
        }
    });
    Some(Cursor { offset, values: values.collect::<Option<_>>()?, id })
}

/// Encodes a position in the delivery log.
pub(crate) fn encode_delivery(id: DeliveryId) -> String {
    URL_SAFE_NO_PAD.encode(id.uuid().as_bytes())
}

/// Decodes a position in the delivery log.
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
            Field::new("id", FieldType::Integer),
            Field::new("name", FieldType::Text),
            Field::new("disabled", FieldType::Boolean),
            Field::new("created_at", FieldType::Time),
        ],
        sort: ("id", true),
    };

    fn sort(fields: &[&'static str]) -> Vec<Sort> {
        fields.iter().map(|&field| Sort { field, descending: false }).collect()
    }

    #[test]
    fn a_cursor_comes_back_for_the_same_sort_only() {
        let at = Timestamp::from_millisecond(1_764_063_000_123).unwrap();
        let values = vec![
            Some(FieldValue::Int(3)),
            Some(FieldValue::Text("Ж\"".into())),
            Some(FieldValue::Bool(true)),
            Some(FieldValue::Time(at)),
        ];
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
