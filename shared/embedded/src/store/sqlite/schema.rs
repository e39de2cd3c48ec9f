//! The tables, their versions, and how the writing connection is opened.
//!
//! | access | table | key or index |
//! |---|---|---|
//! | the caller of a request | `tokens` | `hash` |
//! | a console link; an account's console links | `console_links` | `hash`; `console_links_of_account` |
//! | a webhook; an account's webhooks in id order | `webhooks` | `id`; `webhooks_of_account` |
//! | webhooks that use a policy | `webhooks` | `webhooks_of_policy` |
//! | a policy; an account's policies; one by name | `policies` | `id`; `policies_by_name` (account, name) |
//! | webhooks that may match an event; the events of a webhook | `subscriptions` | (account, event); `subscriptions_of_webhook` |
//! | the changes of a webhook or policy, newest first | `audit` | `audit_of_record` |
//! | an account's own event types | `event_types` | `event_types_by_name` (account, name) |
//! | an attachment; attachments to be removed | `attachments` | `key`; `attachments_gone` |
//! | health of a webhook | `health` | `webhook` |
//! | health of an account's endpoint host | `hosts` | (account, host) |
//! | accounts with a webhook at an endpoint host | `webhooks` | `webhooks_of_host` (hash, account) |
//! | when mails were sent | `notices`, `mail_addresses`, `mail_days` | webhook; (account, address); account |
//! | an event by its idempotency key | `events` | (account, id) |
//! | an account's events that are not fanned out yet | `events_queue` | (account, event) |
//! | waiting attempts of a webhook, in due order | `attempts` | (account, host, webhook, class, due, num) |
//! | the claim of a retry | `claims` | (message, run, attempt) |
//! | a redelivery job; a running job with the same filter | `redeliveries` | `id`; `redeliveries_running` |
//! | the log of a webhook, newest first; one record | `deliveries` | (account, webhook, id) |
//! | counts of an account's hour, or of a webhook in it | `counts` | (account, hour, webhook) |
//! | unsuccessful records of an account, newest first | `deliveries` | `deliveries_unsuccessful` |
//! | all records of an event | `deliveries` | `deliveries_of_event` |
//! | skipped messages, newest first; one of them | `skipped` | (account, id of the first) |
//! | chunks to be removed with their event | `skipped` | `skipped_of_event` |
//!
//! A delivery record refers to its event by number, so it does not repeat the event's id, name and message. Only a
//! record without a stored event (a test) contains them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::{StoreOpenError, corrupt};
use super::open_mode::OpenMode;

/// How long a write waits for another writing process: the command line beside `serve`.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The `application_id` of our files: "Hook".
pub(crate) const APPLICATION_ID: i32 = 0x486f_6f6b;

/// One migration for each version of the schema; the first one creates the file. A released migration never changes. A
/// new one needs rows of every table as its version writes them: see the tests.
const MIGRATIONS: [Migration; 9] = [
    Migration { sql: include_str!("schema/schema_1.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_2.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_3.sql"), finish: Some(secrets_to_base64) },
    Migration { sql: include_str!("schema/schema_4.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_5.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_6.sql"), finish: Some(skipped_chunks::write) },
    Migration { sql: include_str!("schema/schema_7.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_8.sql"), finish: None },
    Migration { sql: include_str!("schema/schema_9.sql"), finish: None },
];

/// A step from one version of the schema to the next.
struct Migration {
    sql: &'static str,
    /// What SQL cannot express.
    finish: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

impl Migration {
    fn run(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(self.sql)?;
        self.finish.map_or(Ok(()), |finish| finish(connection))
    }
}

/// Schema 3: changes the secrets in the records of webhooks from hexadecimal to base64.
fn secrets_to_base64(connection: &Connection) -> rusqlite::Result<()> {
    let all: Vec<(i64, String)> = connection
        .prepare("SELECT id, record ->> 'secrets' FROM webhooks")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write =
        connection.prepare("UPDATE webhooks SET record = json_set(record, '$.secrets', ?2) WHERE id = ?1")?;
    for (id, hex) in all {
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes = digits.map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()));
        let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(|| corrupt("secrets of a webhook"))?;
        write.execute((id, STANDARD.encode(bytes)))?;
    }
    Ok(())
}

/// Opens the writing connection, migrates the schema, and checks that commits are durable.
pub(crate) fn open_writer(path: &Path, mode: OpenMode) -> Result<Connection, StoreOpenError> {
    let failed = |source| StoreOpenError::Sqlite { path: path.to_owned(), source };
    let mut connection = mode.open(path, OpenFlags::default()).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(failed);
    keep_plans(&connection).map_err(failed)?;
    set("journal_mode", "wal")?;
    set("synchronous", "full")?;
    set("wal_autocheckpoint", "0")?;
    set("cache_size", "-4096")?;
    set("temp_store", "memory")?;
    set("foreign_keys", "off")?;
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(failed)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failed)?;
    for (kept, setting) in [(journal == "wal", "journal_mode=WAL"), (synchronous == 2, "synchronous=FULL")] {
        if !kept {
            return Err(StoreOpenError::NotDurable { path: path.to_owned(), setting });
        }
    }
    migrate(&mut connection, path)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Keeps the plan of a prepared statement for all parameters. By default SQLite prepares a statement with `= ?` again
/// for every new value, which takes far longer than running it.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// The newest schema that this version knows.
pub(crate) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Creates the tables of a version in an empty database, which a restore fills.
pub(crate) fn create(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    for (_, migration) in (1..=version).zip(MIGRATIONS) {
        migration.run(connection)?;
    }
    connection.pragma_update(None, "user_version", version)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Brings a database to the newest schema.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreOpenError> {
    let failed = |source| StoreOpenError::Sqlite { path: path.to_owned(), source };
    let known = known();
    // Read inside the transaction, so that two processes that start together migrate once.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if !(0..=known).contains(&found) {
        return Err(StoreOpenError::Newer { path: path.to_owned(), found, known });
    }
    for (version, migration) in (1..).zip(MIGRATIONS) {
        if version > found {
            migration.run(&transaction).map_err(failed)?;
            transaction.pragma_update(None, "user_version", version).map_err(failed)?;
        }
    }
    if found == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

mod skipped_chunks;

#[cfg(test)]
mod tests;
