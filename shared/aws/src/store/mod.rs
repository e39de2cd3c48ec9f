//! Everything durable: one DynamoDB table.
//!
//! [`keys`] says what is where and who reads it by what. [`table`] makes the calls, [`step`] is one conditional write,
//! [`item`] the form of values. The rest is one file per port. Reads are consistent; an item whose time is over counts as
//! absent, since DynamoDB removes it days late.

mod accounts;
mod attachments;
mod attempts;
mod audit;
mod custom_urls;
mod data_keys;
mod deliveries;
mod delivery_item;
mod delivery_list;
mod event_types;
mod events;
mod hosts;
mod item;
mod keys;
mod listing;
mod merge;
mod notices;
mod policies;
mod rates;
mod redeliveries;
mod step;
mod table;
mod tokens;
mod turning;
mod webhook_item;
mod webhook_list;
mod webhooks;

use std::time::Duration;

pub(crate) use self::attachments::{AttachmentRow, Handed, Noted};
pub(crate) use self::data_keys::WrappedKey;
pub use self::rates::TableRateLimit;
pub use self::table::Table;

/// How long records are kept (section 10).
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// An event, from its acceptance.
    pub events: Duration,
    /// A delivery record, from its attempt; never longer than its event.
    pub deliveries: Duration,
}

impl Kept {
    /// What the settings of the deployment say.
    #[must_use]
    pub fn of(settings: &hookline_core::settings::Settings) -> Self {
        Self { events: settings.events_kept, deliveries: settings.deliveries_kept }
    }
}
