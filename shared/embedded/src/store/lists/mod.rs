//! Lists: filters, sorting and pages as SQL.

pub(crate) mod conditions;
pub(crate) mod delivery_list;
pub(crate) mod page;
pub(crate) mod webhook_list;
