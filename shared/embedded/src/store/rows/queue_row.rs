//! Where a row of the deliveries queue stands: its lane, and its place in it.

use hookline_core::model::{Attempt, MessageKind};
use rusqlite::{Connection, params};

use super::values::millis;
use crate::queue::lane::{AccountHost, DUE, Lane, URGENT};
use crate::store::database::Store;

/// Where a row of the deliveries queue stands.
pub(crate) struct QueueRow {
    host: AccountHost,
    webhook: i64,
    class: u8,
    pub(crate) due: i64,
    pub(crate) number: i64,
    began: i64,
}

impl QueueRow {
    /// The row of an attempt. `account` is the account's number, `host` the hash of the endpoint host.
    pub(crate) fn of(store: &Store, account: i64, host: u64, attempt: &Attempt) -> Self {
        let class = match attempt.message.kind {
            MessageKind::Event => DUE,
            MessageKind::Test | MessageKind::Verify => URGENT,
        };
        Self {
            host: AccountHost { account, host: host.cast_signed() },
            webhook: attempt.message.webhook.0.cast_signed(),
            class,
            due: millis(attempt.due_at),
            number: store.row_number(),
            began: millis(attempt.run_began_at),
        }
    }

    /// The row of a step of long work, in a lane of its own.
    pub(crate) fn of_step(store: &Store, account: i64, lane: u64, due_at: jiff::Timestamp) -> Self {
        let (host, due) = (AccountHost { account, host: lane.cast_signed() }, millis(due_at));
        Self { host, webhook: 0, class: DUE, due, number: store.row_number(), began: due }
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane::Deliveries { host: self.host, webhook: self.webhook, class: self.class }
    }

    pub(crate) fn insert(&self, connection: &Connection, event: Option<i64>, ticket: &str) -> rusqlite::Result<()> {
        let Self { host: AccountHost { account, host }, webhook, class, due, number, began } = self;
        connection
            .prepare_cached(
                "INSERT INTO attempts (account, host, webhook, class, due, num, event, began, ticket)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![account, host, webhook, class, due, number, event, began, ticket])
            .map(|_| ())
    }
}
