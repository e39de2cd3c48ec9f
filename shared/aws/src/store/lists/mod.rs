//! Lists: of records in memory, of webhooks, and of delivery records.

pub(in crate::store) mod delivery_list;
pub(in crate::store) mod in_memory;
pub(in crate::store) mod skipped_list;
pub(in crate::store) mod webhook_list;
