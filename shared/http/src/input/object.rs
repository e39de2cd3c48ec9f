//! A JSON object, whose fields are parsed one by one.

use std::borrow::Cow;
use std::fmt;

use hookline_core::values::Patch;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::listing::{loose_boolean, strict_boolean};
use crate::response::{ApiError, invalid_json};

/// The fields of an object in order, each as raw text. A value is parsed only when a field is read, so deep nesting costs
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct JsonObject<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> JsonObject<'a> {
    /// Parses a body. An empty one is an empty object.
    pub(crate) fn read(text: &'a str) -> Result<Self, ApiError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|_| invalid_json())
    }

    /// The raw text of a field; the last one if it is repeated.
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, raw)| raw.get())
    }

    /// A string. A number is taken as its text; NUL characters are refused.
    pub(crate) fn text(&self, name: &str) -> Patch<String> {
        self.given(name, text)
    }

    /// The JSON text of a value.
    pub(crate) fn json(&self, name: &str) -> Patch<String> {
        self.given(name, |raw| Some(raw.to_owned()))
    }

    /// A boolean of a record: `null` and `""` are false, the default of every such field. Arrays and objects are refused.
    pub(crate) fn boolean(&self, name: &str) -> Patch<bool> {
        match self.raw(name) {
            None => Patch::Absent,
            Some(raw) if raw.starts_with(['[', '{']) => Patch::WrongType,
            Some(raw) => Patch::Value(raw == "true" || text(raw).is_some_and(|text| loose_boolean(&text))),
        }
    }

    /// A URI, with every character: the error names those that are not allowed.
    pub(crate) fn uri(&self, name: &str) -> Patch<String> {
        self.given(name, any_text)
    }

    /// A boolean of an action, which must be one of the words for true and false.
    pub(crate) fn action_boolean(&self, name: &str) -> Patch<bool> {
        self.given(name, |raw| match raw {
            "true" => Some(true),
            "false" => Some(false),
            other => strict_boolean(&text(other)?),
        })
    }

    /// An id: an integer, or a string that `parse` accepts.
    pub(crate) fn id(&self, name: &str, parse: impl FnOnce(&str) -> Option<u64>) -> Patch<u64> {
        self.given(name, |raw| parse(&text(raw)?))
    }

    /// A duration in minutes: an integer, or hours and minutes as `hhh:mm`.
    pub(crate) fn minutes(&self, name: &str) -> Patch<u64> {
        self.given(name, |raw| minutes(text(raw)?.trim()))
    }

    pub(super) fn given<T>(&self, name: &str, parse: impl FnOnce(&'a str) -> Option<T>) -> Patch<T> {
        match self.raw(name) {
            None => Patch::Absent,
            // SDKs send `""` for nil.
            Some("null" | "\"\"") => Patch::Null,
            Some(raw) => parse(raw).map_or(Patch::WrongType, Patch::Value),
        }
    }
}

/// A string, or a number as its text.
pub(super) fn text(raw: &str) -> Option<String> {
    any_text(raw).filter(|text| !text.contains('\0'))
}

/// The same with every character.
fn any_text(raw: &str) -> Option<String> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'-' | b'0'..=b'9' => Some(raw.to_owned()),
        _ => None,
    }
}

/// See [`JsonObject::minutes`].
fn minutes(text: &str) -> Option<u64> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let Some((hours, minutes)) = text.split_once(':') else { return number(text) };
    let minutes = number(minutes).filter(|_| minutes.len() == 2).filter(|minutes| *minutes < 60)?;
    Some(number(hours).filter(|_| hours.len() <= 3)? * 60 + minutes)
}

impl<'de> Deserialize<'de> for JsonObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = JsonObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(JsonObject(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A key, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_their_types_allow() {
        let text = r#"{"a":"x","b":1.50,"c":true,"d":null,"e":{},"f":"\ud800","g":"\u0000","a":"\u0079","\u0068":"z"}"#;
        let object = JsonObject::read(text).unwrap();
        let texts = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|name| object.text(name));
        let value = |text: &str| Patch::Value(text.to_owned());
        assert_eq!(
            texts,
            [
                value("y"),
                value("1.50"),
                Patch::WrongType,
                Patch::Null,
                Patch::WrongType,
                Patch::WrongType,
                Patch::WrongType,
                value("z"),
                Patch::Absent
            ]
        );
    }

    #[test]
    fn booleans_of_records_take_many_words_and_those_of_actions_only_known_ones() {
        let refused = Patch::WrongType;
        for (raw, boolean, action) in [
            ("true", Patch::Value(true), Patch::Value(true)),
            ("false", Patch::Value(false), Patch::Value(false)),
            ("1", Patch::Value(true), Patch::Value(true)),
            ("0", Patch::Value(false), Patch::Value(false)),
            ("2", Patch::Value(false), refused.clone()),
            ("\"Yes\"", Patch::Value(true), Patch::Value(true)),
            ("\"tRuE\"", Patch::Value(true), Patch::Value(true)),
            ("\" on \"", Patch::Value(true), Patch::Value(true)),
            ("\"Off\"", Patch::Value(false), Patch::Value(false)),
            ("\"nope\"", Patch::Value(false), refused.clone()),
            ("\"\"", Patch::Value(false), Patch::Null),
            ("null", Patch::Value(false), Patch::Null),
            ("[]", refused.clone(), refused.clone()),
            ("{\"a\":1}", refused.clone(), refused.clone()),
        ] {
            let text = format!("{{\"b\":{raw}}}");
            let object = JsonObject::read(&text).unwrap();
            assert_eq!((object.boolean("b"), object.action_boolean("b")), (boolean, action), "{raw}");
        }
        assert_eq!(JsonObject::default().boolean("b"), Patch::Absent);
    }

    #[test]
    fn an_empty_string_is_null_for_every_type() {
        let object = JsonObject::read(r#"{"a":""}"#).unwrap();
        assert_eq!(object.text("a"), Patch::Null);
        assert_eq!((object.id("a", |_| None), object.minutes("a")), (Patch::Null, Patch::Null));
    }

    #[test]
    fn what_is_not_an_object_is_refused_and_deep_nesting_is_not() {
        assert!(JsonObject::read("").unwrap().0.is_empty() && JsonObject::read(" \n").unwrap().0.is_empty());
        for bad in ["[]", "1", "null", "\"x\"", "{", "{}x", "{\"a\":}", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}"] {
            assert!(JsonObject::read(bad).is_err(), "{bad}");
        }
        let deep = format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(JsonObject::read(&deep).unwrap().text("name"), Patch::WrongType);
    }
}
