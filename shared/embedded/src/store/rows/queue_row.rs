//! The key columns of a row in the deliveries queue: its lane, and its place in it.

use hookline_core::model::{Attempt, MessageKind};
use rusqlite::{Connection, params};

use super::values::millis;
use crate::queue::lane::{FRESH, LATER, Lane, URGENT};
use crate::store::database::Store;

/// The key columns of a row in the deliveries queue.
pub(crate) struct QueueRow {
    group: i64,
    pub(crate) class: u8,
    pub(crate) due: i64,
    pub(crate) number: i64,
    began: i64,
    webhook: i64,
}

impl QueueRow {
    /// The row of an attempt.
    pub(crate) fn of(store: &Store, group: u64, attempt: &Attempt) -> Self {
        let is_first = attempt.number == 1 && attempt.run == 0;
        let class = match attempt.message.kind {
            MessageKind::Test => URGENT,
            MessageKind::Event | MessageKind::Verify if is_first => FRESH,
            MessageKind::Event | MessageKind::Verify => LATER,
        };
        Self {
            group: group.cast_signed(),
            class,
            due: millis(attempt.due_at),
            number: store.row_number(),
            began: millis(attempt.run_began_at),
            webhook: attempt.message.webhook.0.cast_signed(),
        }
    }

    /// The row of a step of long work.
    pub(crate) fn of_step(store: &Store, group: u64, due_at: jiff::Timestamp) -> Self {
        let due = millis(due_at);
        Self { group: group.cast_signed(), class: LATER, due, number: store.row_number(), began: due, webhook: 0 }
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane::Deliveries { group: self.group, class: self.class }
    }

    pub(crate) fn insert(&self, connection: &Connection, event: Option<i64>, ticket: &str) -> rusqlite::Result<()> {
        let Self { group, class, due, number, began, webhook } = self;
        connection
            .prepare_cached(
                "INSERT INTO attempts (grp, class, due, num, event, webhook, began, ticket)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![group, class, due, number, event, webhook, began, ticket])
            .map(|_| ())
    }
}
