//! Lists: filters, sorting and pages as SQL.

pub(crate) mod conditions;
pub(crate) mod delivery_list;
pub(crate) mod page;
pub(crate) mod retention_window;
pub(crate) mod skipped_list;
pub(crate) mod webhook_list;
