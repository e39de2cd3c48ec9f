//! The rate limit by token: one item per token, with the window that its first call opened.

use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ports::{RateKey, RateLimit, RateStatus};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{ItemBuilder, ItemReader, ReturnItem, Table, Write, WriteOutcome, number};
use crate::store::keys;

/// The length of a window in seconds.
const WINDOW: i64 = 60 * 60;

/// Counts the calls of tokens across all processes.
pub struct TableRateLimit {
    table: Table,
    per_token_and_hour: u32,
    others: Arc<dyn RateLimit>,
}

impl TableRateLimit {
    /// Creates a limit per token and hour. `others` counts calls without a token.
    #[must_use]
    pub fn new(table: Table, per_token_and_hour: u32, others: Arc<dyn RateLimit>) -> Self {
        Self { table, per_token_and_hour, others }
    }

    async fn count(&self, token: Uuid, second: i64) -> PortResult<RateStatus> {
        let key = keys::rate(token);
        loop {
            let more = Write::update(key.clone(), "ADD #used :one")
                .when("#expires_at > :now AND #used < :most")
                .with("one", number(1))
                .with("now", number(second))
                .with("most", number(self.per_token_and_hour));
            let old = match self.table.write(more, ReturnItem::New).await? {
                WriteOutcome::Applied(Some(item)) => return self.rate(ItemReader(&item), false),
                WriteOutcome::Applied(None) => None,
                WriteOutcome::ConditionFailed(old) => old,
            };
            if let Some(old) = &old
                && ItemReader(old).number::<i64>("expires_at")? > second
            {
                return self.rate(ItemReader(old), true);
            }
            let ends = second + WINDOW;
            let window = ItemBuilder::at(&key).number("used", 1).number("expires_at", ends).done();
            let open =
                Write::put(window).when("attribute_not_exists(#pk) OR #expires_at <= :now").with("now", number(second));
            match self.table.write(open, ReturnItem::Old).await? {
                WriteOutcome::Applied(_) => return Ok(self.standing(1, ends, self.per_token_and_hour == 0)),
                // Another process opened a window at the same time, and this call belongs to it.
                WriteOutcome::ConditionFailed(_) => {}
            }
        }
    }

    async fn ask(&self, token: Uuid, second: i64) -> PortResult<RateStatus> {
        match self.table.get(&keys::rate(token)).await? {
            Some(item) if ItemReader(&item).number::<i64>("expires_at")? > second => {
                self.rate(ItemReader(&item), false)
            }
            Some(_) | None => Ok(self.standing(0, second + WINDOW, false)),
        }
    }

    fn rate(&self, read: ItemReader<'_>, exceeded: bool) -> PortResult<RateStatus> {
        Ok(self.standing(read.number("used")?, read.number("expires_at")?, exceeded))
    }

    fn standing(&self, used: u32, reset: i64, exceeded: bool) -> RateStatus {
        let limit = self.per_token_and_hour;
        RateStatus { limit, remaining: limit.saturating_sub(used), reset, exceeded }
    }
}

#[async_trait]
impl RateLimit for TableRateLimit {
    async fn take(&self, key: RateKey, counted: bool, now: Timestamp) -> PortResult<RateStatus> {
        match key {
            RateKey::Token(token) if counted => self.count(token, now.as_second()).await,
            RateKey::Token(token) => self.ask(token, now.as_second()).await,
            RateKey::Address(_) => self.others.take(key, counted, now).await,
        }
    }
}
