//! Values of `hookline_core` as columns.

use hookline_core::ids::{AccountId, EventId};
use hookline_core::model::EventName;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};

use crate::store::sqlite::errors::corrupt;

/// A time from epoch milliseconds.
pub(crate) fn time(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| corrupt("time"))
}

/// Epoch milliseconds.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// `at` minus a duration, in epoch milliseconds.
pub(crate) fn millis_before(at: Timestamp, duration: std::time::Duration) -> i64 {
    let duration = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    at.as_millisecond().saturating_sub(duration)
}

/// A stored account id.
pub(crate) fn account_id(text: &str) -> rusqlite::Result<AccountId> {
    AccountId::parse(text).ok_or_else(|| corrupt("account id"))
}

/// A stored event name. Reserved names are valid here, and the name is not looked up.
pub(crate) fn event_name(text: &str) -> rusqlite::Result<EventName> {
    let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
    EventName::deserialize(text).map_err(|_| corrupt("name of an event"))
}

/// A stored event id.
pub(crate) fn event_id(text: &str) -> rusqlite::Result<EventId> {
    EventId::parse(text).ok_or_else(|| corrupt("event id"))
}

/// The number of an account, if it exists.
pub(crate) fn account_number(connection: &Connection, id: &AccountId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT num FROM accounts WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()
}

/// The number of an event of an account, if it is stored.
pub(crate) fn event_number(connection: &Connection, account: i64, id: &EventId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT num FROM events WHERE account = ?1 AND id = ?2")?
        .query_row((account, id.as_str()), |row| row.get(0))
        .optional()
}

/// A record as JSON.
pub(crate) fn to_json<T: serde::Serialize>(value: &T, what: &'static str) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|_| corrupt(what))
}

/// The record in the JSON column at `at`.
pub(crate) fn from_json<T: DeserializeOwned>(row: &Row<'_>, at: usize, what: &'static str) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(at)?.as_str()?).map_err(|_| corrupt(what))
}
