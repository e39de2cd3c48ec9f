//! How values become attributes of an item, and back.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::EventName;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::key::{Item, ItemKey};

/// A string attribute.
pub(in crate::store) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(in crate::store) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A time, in milliseconds since the epoch.
pub(in crate::store) fn time(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// A time for DynamoDB's TTL: in seconds since the epoch, rounded up so that nothing expires too early.
pub(in crate::store) fn expiry(at: Timestamp) -> AttributeValue {
    number(at.as_second() + i64::from(at.subsec_nanosecond() > 0))
}

/// A binary attribute.
pub(in crate::store) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Builds an item. An absent value gets no attribute.
pub(in crate::store) struct ItemBuilder(Item);

impl ItemBuilder {
    /// Starts an item with this key.
    pub(in crate::store) fn at(key: &ItemKey) -> Self {
        Self(key.item())
    }

    pub(in crate::store) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(in crate::store) fn maybe(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    pub(in crate::store) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, text(value))
    }

    pub(in crate::store) fn maybe_text(self, name: &str, value: Option<&str>) -> Self {
        self.maybe(name, value.map(text))
    }

    pub(in crate::store) fn number(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.set(name, number(value))
    }

    pub(in crate::store) fn time(self, name: &str, at: Timestamp) -> Self {
        self.set(name, time(at))
    }

    /// An attribute that exists only if `value` is true.
    pub(in crate::store) fn flag(self, name: &str, value: bool) -> Self {
        self.maybe(name, value.then_some(AttributeValue::Bool(true)))
    }

    pub(in crate::store) fn expires(self, at: Timestamp) -> Self {
        self.set("expires_at", expiry(at))
    }

    pub(in crate::store) fn done(self) -> Item {
        self.0
    }
}

/// Reads the attributes of an item.
#[derive(Clone, Copy)]
pub(in crate::store) struct ItemReader<'a>(pub(in crate::store) &'a Item);

impl<'a> ItemReader<'a> {
    pub(in crate::store) fn sk(self) -> &'a str {
        self.maybe_text("sk").unwrap_or_default()
    }

    pub(in crate::store) fn maybe_text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(in crate::store) fn text(self, name: &str) -> PortResult<&'a str> {
        self.maybe_text(name).ok_or_else(|| corrupt(name))
    }

    pub(in crate::store) fn owned(self, name: &str) -> Option<String> {
        self.maybe_text(name).map(str::to_owned)
    }

    pub(in crate::store) fn maybe_number<N: std::str::FromStr>(self, name: &str) -> PortResult<Option<N>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                let number = value.as_n().ok().and_then(|text| text.parse().ok());
                number.map(Some).ok_or_else(|| corrupt(name))
            }
        }
    }

    pub(in crate::store) fn number<N: std::str::FromStr>(self, name: &str) -> PortResult<N> {
        self.maybe_number(name)?.ok_or_else(|| corrupt(name))
    }

    pub(in crate::store) fn maybe_time(self, name: &str) -> PortResult<Option<Timestamp>> {
        let millis: Option<i64> = self.maybe_number(name)?;
        millis.map(|millis| Timestamp::from_millisecond(millis).map_err(|_| corrupt(name))).transpose()
    }

    pub(in crate::store) fn time(self, name: &str) -> PortResult<Timestamp> {
        self.maybe_time(name)?.ok_or_else(|| corrupt(name))
    }

    pub(in crate::store) fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or_default()
    }

    pub(in crate::store) fn maybe_bytes(self, name: &str) -> Option<&'a [u8]> {
        self.0.get(name).and_then(|value| value.as_b().ok()).map(AsRef::as_ref)
    }

    pub(in crate::store) fn bytes(self, name: &str) -> PortResult<&'a [u8]> {
        self.maybe_bytes(name).ok_or_else(|| corrupt(name))
    }

    /// A string with a parser of its own.
    pub(in crate::store) fn parsed<T>(self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> PortResult<T> {
        self.maybe_text(name).and_then(parse).ok_or_else(|| corrupt(name))
    }

    pub(in crate::store) fn account(self, name: &str) -> PortResult<AccountId> {
        self.parsed(name, AccountId::parse)
    }

    pub(in crate::store) fn event_id(self, name: &str) -> PortResult<EventId> {
        self.parsed(name, EventId::parse)
    }

    /// The name of an event. Reserved names are allowed.
    pub(in crate::store) fn event_name(self, name: &str) -> PortResult<EventName> {
        self.parsed(name, |text| {
            let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
            EventName::deserialize(text).ok()
        })
    }

    pub(in crate::store) fn webhook(self, name: &str) -> PortResult<WebhookId> {
        self.number(name).map(WebhookId)
    }

    /// Whether the item has expired. DynamoDB deletes expired items late, so every read treats them as absent.
    pub(in crate::store) fn is_expired(self, now: Timestamp) -> bool {
        match self.maybe_number::<i64>("expires_at") {
            Ok(Some(second)) => second <= now.as_second(),
            Ok(None) | Err(_) => false,
        }
    }
}

/// The error for an item in a form that we never wrote.
pub(in crate::store) fn corrupt(what: &str) -> PortError {
    PortError::unavailable("store", format!("reading `{what}` of an item failed"))
}
