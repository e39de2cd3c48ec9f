//! Where a row of the deliveries queue stands: its lane, and its place in it.

use hookline_core::message::Attempt;
use rusqlite::{Connection, params};

use super::Store;
use super::rows::millis;
use crate::workers::Lane;

/// The first attempt of a first run.
pub(super) const FRESH: u8 = 0;
/// Everything else: never in front of what is fresh.
const LATER: u8 = 1;

/// Where a row of the deliveries queue stands.
pub(super) struct Row {
    group: i64,
    pub(super) class: u8,
    pub(super) due: i64,
    pub(super) number: i64,
    webhook: i64,
}

impl Row {
    /// The row of an attempt.
    pub(super) fn of(store: &Store, group: u64, attempt: &Attempt) -> Self {
        let is_fresh = attempt.number == 1 && attempt.run == 0;
        Self {
            group: group.cast_signed(),
            class: if is_fresh { FRESH } else { LATER },
            due: millis(attempt.due_at),
            number: store.row_number(),
            webhook: attempt.message.webhook.0.cast_signed(),
        }
    }

    /// The row of a step of a job.
    pub(super) fn of_step(store: &Store, group: u64, due_at: jiff::Timestamp) -> Self {
        let due = millis(due_at);
        Self { group: group.cast_signed(), class: LATER, due, number: store.row_number(), webhook: 0 }
    }

    pub(super) fn lane(&self) -> Lane {
        Lane::Deliveries { group: self.group, class: self.class }
    }

    pub(super) fn insert(&self, connection: &Connection, event: Option<i64>, ticket: &str) -> rusqlite::Result<()> {
        let Self { group, class, due, number, webhook } = self;
        connection
            .prepare_cached(
                "INSERT INTO attempts (grp, class, due, num, event, webhook, ticket)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![group, class, due, number, event, webhook, ticket])
            .map(|_| ())
    }
}
