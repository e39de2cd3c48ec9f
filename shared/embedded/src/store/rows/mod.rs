//! The nouns as rows.

pub(crate) mod account_row;
pub(crate) mod attempt_row;
pub(crate) mod delivery_row;
pub(crate) mod event_row;
pub(crate) mod policy_row;
pub(crate) mod queue_row;
pub(crate) mod skipped_row;
pub(crate) mod step_row;
pub(crate) mod values;
pub(crate) mod webhook_row;
