//! A policy as a row: its record as JSON, with its keys.

use hookline_core::model::Policy;
use rusqlite::Row;

use super::values::from_json;

/// Reads the record of a policy at `at`.
pub(crate) fn policy_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Policy> {
    from_json(row, at, "policy")
}
