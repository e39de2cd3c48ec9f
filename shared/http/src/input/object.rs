//! A JSON object, whose fields are parsed one by one.

use std::borrow::Cow;
use std::fmt;

use hookline_core::values::Patch;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::listing::loose_boolean;
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

    /// A boolean that must be one.
    pub(crate) fn strict_boolean(&self, name: &str) -> Patch<bool> {
        self.given(name, |raw| serde_json::from_str(raw).ok())
    }

    /// A boolean, or what can pass for one. Anything that is not true is false.
    pub(crate) fn loose_boolean(&self, name: &str) -> Patch<bool> {
        self.given(name, |raw| Some(text(raw).is_some_and(|text| loose_boolean(&text)) || raw == "true"))
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
            Some("null") => Patch::Null,
            Some(raw) => parse(raw).map_or(Patch::WrongType, Patch::Value),
        }
    }
}

/// A string, or a number as its text.
pub(super) fn text(raw: &str) -> Option<String> {
    let text = match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok()?,
        b'-' | b'0'..=b'9' => raw.to_owned(),
        _ => return None,
    };
    (!text.contains('\0')).then_some(text)
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
    fn booleans() {
        let object = |raw: &str| format!("{{\"b\":{raw}}}");
        for (raw, loose, strict) in [
            ("true", true, Some(true)),
            ("false", false, Some(false)),
            ("1", true, None),
            ("0", false, None),
            ("\"Yes\"", true, None),
            ("\"tRuE\"", true, None),
            ("\"nope\"", false, None),
            ("[]", false, None),
        ] {
            let text = object(raw);
            let object = JsonObject::read(&text).unwrap();
            assert_eq!(object.loose_boolean("b"), Patch::Value(loose), "{raw}");
            assert_eq!(object.strict_boolean("b"), strict.map_or(Patch::WrongType, Patch::Value), "{raw}");
        }
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
