//! Lists: records that are all at hand, webhooks, and the delivery log.

pub(in crate::store) mod delivery_list;
pub(in crate::store) mod in_memory;
pub(in crate::store) mod webhook_list;
