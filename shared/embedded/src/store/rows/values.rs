//! How values of the domain are written in rows.

use hookline_core::account::AccountId;
use hookline_core::event::{EventId, EventName};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::store::sqlite::errors::corrupt;

/// A time from epoch milliseconds.
pub(crate) fn time(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| corrupt("a time"))
}

/// Epoch milliseconds, cut off at the limits of what can be told.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// `at` minus a duration, as epoch milliseconds.
pub(crate) fn millis_before(at: Timestamp, duration: std::time::Duration) -> i64 {
    let duration = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    at.as_millisecond().saturating_sub(duration)
}

/// An account id that we wrote.
pub(crate) fn account_id(text: &str) -> rusqlite::Result<AccountId> {
    AccountId::parse(text).ok_or_else(|| corrupt("an account id"))
}

/// The name of an event that we wrote. Takes reserved names too, and does not look them up.
pub(crate) fn event_name(text: &str) -> rusqlite::Result<EventName> {
    let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
    EventName::deserialize(text).map_err(|_| corrupt("the name of an event"))
}

/// An event id that we wrote.
pub(crate) fn event_id(text: &str) -> rusqlite::Result<EventId> {
    EventId::parse(text).ok_or_else(|| corrupt("an event id"))
}

/// The number of an account, if there is one.
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
