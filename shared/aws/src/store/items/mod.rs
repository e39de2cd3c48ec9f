//! How each noun is written as items, and read back.

pub(in crate::store) mod account_item;
pub(crate) mod attachment_item;
pub(in crate::store) mod counts_item;
pub(in crate::store) mod delivery_item;
pub(in crate::store) mod event_item;
pub(in crate::store) mod host_item;
pub(in crate::store) mod policy_item;
pub(in crate::store) mod redelivery_item;
pub(in crate::store) mod skipped_item;
pub(in crate::store) mod token_item;
pub(in crate::store) mod webhook_item;
