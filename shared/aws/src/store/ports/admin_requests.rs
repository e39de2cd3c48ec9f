//! Requests of the operator, so that a command that changes something runs once although its caller repeats it.

use std::time::Duration;

use hookline_core::errors::PortResult;
use jiff::Timestamp;

use crate::store::dynamo::{ItemBuilder, ItemReader, ReturnItem, Table, Write, WriteOutcome, nonce, number, time};
use crate::store::keys;

/// Longer than an invocation of the function: one that has not answered by then was broken off.
const LEASE: Duration = Duration::from_mins(6);
/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);

/// What is known of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestState {
    /// It begins now.
    New,
    /// Another call runs its command.
    Running,
    /// Its command was carried out, with this answer.
    Answered(String),
}

impl Table {
    /// Begins a request. Of concurrent calls one begins it. One whose call was broken off begins again.
    pub async fn begin_request(&self, id: &str, now: Timestamp) -> PortResult<RequestState> {
        let call = nonce();
        let item =
            ItemBuilder::at(&keys::admin_request(id)).text("call", call.as_str()).time("busy_until", now + LEASE);
        let item = item.expires(now + KEPT).done();
        let broken_off = "attribute_not_exists(#answer) AND #busy_until <= :now";
        let begin = Write::put(item)
            .when(format!("attribute_not_exists(#pk) OR ({broken_off}) OR #expires_at <= :second"))
            .with("now", time(now))
            .with("second", number(now.as_second()));
        let WriteOutcome::ConditionFailed(known) = self.write(begin, ReturnItem::Old).await? else {
            return Ok(RequestState::New);
        };
        let known = known.unwrap_or_default();
        Ok(match (ItemReader(&known).owned("answer"), ItemReader(&known).maybe_text("call")) {
            (Some(answer), _) => RequestState::Answered(answer),
            // The SDK repeated this call.
            (None, Some(known)) if known == call => RequestState::New,
            (None, _) => RequestState::Running,
        })
    }

    /// Ends a request: with the answer of its command, or without one if that failed and may be repeated.
    pub async fn end_request(&self, id: &str, answer: Option<&str>, now: Timestamp) -> PortResult<()> {
        let key = keys::admin_request(id);
        let write = match answer {
            Some(answer) => Write::put(ItemBuilder::at(&key).text("answer", answer).expires(now + KEPT).done()),
            None => Write::delete(key),
        };
        self.write(write, ReturnItem::Old).await.map(|_| ())
    }
}
