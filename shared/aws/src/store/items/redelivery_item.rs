//! The item of a redelivery job.

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId};
use hookline_core::model::{JobProgress, JobState, RedeliveryJob};
use uuid::Uuid;

use crate::store::dynamo::{Item, ItemBuilder, ItemReader, corrupt, text, time};
use crate::store::keys;

pub(in crate::store) fn to_item(job: &RedeliveryJob, ends: jiff::Timestamp) -> PortResult<Item> {
    let RedeliveryJob { id, account, webhook, wanted, run, created_at, matched, more, progress } = job;
    let JobProgress { state, after, redelivered, finished_at } = progress;
    let wanted = serde_json::to_string(wanted).map_err(|_| corrupt("wanted"))?;
    Ok(ItemBuilder::at(&keys::redelivery(account, *id))
        .text("id", id.to_string())
        .number("webhook", webhook)
        .text("wanted", wanted)
        .number("run", run)
        .time("created_at", *created_at)
        .number("matched", matched)
        .maybe("more", more.then_some(AttributeValue::Bool(true)))
        .text("state", state.as_str())
        .maybe("after", after.map(|after| text(after.to_string())))
        .number("redelivered", redelivered)
        .maybe("finished_at", finished_at.map(time))
        .expires(ends)
        .done())
}

pub(in crate::store) fn from_item(account: &AccountId, read: ItemReader<'_>) -> PortResult<RedeliveryJob> {
    let after = read.maybe_text("after").map(|text| DeliveryId::parse(text).ok_or_else(|| corrupt("after")));
    Ok(RedeliveryJob {
        id: read.parsed("id", |id| Uuid::try_parse(id).ok())?,
        account: account.clone(),
        webhook: read.webhook("webhook")?,
        wanted: serde_json::from_str(read.text("wanted")?).map_err(|_| corrupt("wanted"))?,
        run: read.number("run")?,
        created_at: read.time("created_at")?,
        matched: read.number("matched")?,
        more: read.flag("more"),
        progress: JobProgress {
            state: read.parsed("state", |text| JobState::ALL.into_iter().find(|state| state.as_str() == text))?,
            after: after.transpose()?,
            redelivered: read.number("redelivered")?,
            finished_at: read.maybe_time("finished_at")?,
        },
    })
}
