//! Mails that wait (section 9). Many join a batch at once, so a join only adds to the item. A batch that a step has claimed
//! is another item, so that what joins later begins another batch.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{MailBatch, MailKind, MailStep};
use hookline_core::ports::{MailBatchClaim, MailBatches};
use jiff::Timestamp;

use crate::store::dynamo::{Item, ItemReader, ReturnItem, Table, Write, WriteOutcome, item, number, pause, text, time};
use crate::store::keys;

/// How often a batch is claimed while others join it.
const MAX_RACES: u32 = 50;
/// How long a batch is kept after it was due, if its step is lost.
const KEPT: Duration = Duration::from_hours(24 * 7);

#[async_trait]
impl MailBatches for Table {
    async fn has_mail_batch(&self, account: &AccountId, name: &str) -> PortResult<bool> {
        Ok(self.get(&keys::mail_batch(account, name)).await?.is_some())
    }

    async fn join_mail_batch(
        &self,
        account: &AccountId,
        name: &str,
        more: &MailBatch,
        due_at: Timestamp,
    ) -> PortResult<()> {
        let join = |listed: bool| {
            let mut set = "SET #due = if_not_exists(#due, :due), #expires_at = :end".to_owned();
            let mut add = "ADD #changes :one, #missed :missed".to_owned();
            for kind in more.counts.keys() {
                let kind = kind.as_str();
                add += &format!(", #{kind} :{kind}");
            }
            if listed {
                add += ", #webhooks :webhooks";
            }
            if more.more || !listed {
                set += ", #more = :more";
            }
            let mut write = Write::update(keys::mail_batch(account, name), format!("{set} {add}"))
                .with("due", time(due_at))
                .with("end", item::expiry(due_at + KEPT))
                .with("one", number(1))
                .with("missed", number(more.missed));
            for (kind, count) in &more.counts {
                write = write.with(kind.as_str(), number(count));
            }
            if more.more || !listed {
                write = write.with("more", AttributeValue::Bool(true));
            }
            write
        };
        let room = "attribute_not_exists(#webhooks) OR size(#webhooks) < :most OR contains(#webhooks, :webhook)";
        if let Some(webhook) = more.webhooks.first() {
            let webhooks = more.webhooks.iter().map(|webhook| webhook.0.to_string()).collect();
            let write = join(true)
                .with("webhooks", AttributeValue::Ns(webhooks))
                .with("most", number(MailBatch::LISTED))
                .with("webhook", number(webhook.0))
                .when(room);
            match self.write(write, ReturnItem::Old).await? {
                WriteOutcome::Applied(_) => return Ok(()),
                WriteOutcome::ConditionFailed(_) => {}
            }
        }
        self.write(join(false), ReturnItem::Old).await.map(|_| ())
    }

    async fn claim_mail_batch(
        &self,
        step: &MailStep,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> PortResult<MailBatchClaim> {
        let waiting = keys::mail_batch(&step.account, &step.batch);
        let claimed = keys::mail_batch(&step.account, &step.claimed_batch());
        for race in 0..MAX_RACES {
            if let Some(found) = self.get(&claimed).await? {
                let lease = ItemReader(&found).time("lease")?;
                if lease > now {
                    return Ok(MailBatchClaim::Busy { until: lease });
                }
                let again = Write::update(claimed.clone(), "SET #lease = :new").when("#lease = :old");
                let again = again.with("new", time(lease_until)).with("old", time(lease));
                match self.write(again, ReturnItem::Old).await? {
                    WriteOutcome::Applied(_) => return batch(&found).map(MailBatchClaim::Interrupted),
                    WriteOutcome::ConditionFailed(_) => continue,
                }
            }
            let Some(mut found) = self.get(&waiting).await? else {
                // Another step may have claimed it between the two reads.
                if self.get(&claimed).await?.is_none() {
                    return Ok(MailBatchClaim::Nothing);
                }
                continue;
            };
            if ItemReader(&found).time("due")? > now {
                return Ok(MailBatchClaim::Nothing);
            }
            let won = batch(&found)?;
            let seen = ItemReader(&found).number::<u64>("changes")?;
            found.insert("sk".to_owned(), text(&claimed.sk));
            found.insert("lease".to_owned(), time(lease_until));
            let unchanged = Write::delete(waiting.clone()).when("#changes = :seen").with("seen", number(seen));
            if self.transact(&[unchanged, Write::put(found).when_absent()]).await?.is_ok() {
                return Ok(MailBatchClaim::Won(won));
            }
            pause(race).await;
        }
        Err(PortError::unavailable("store", "claiming a mail that waited conflicted too often"))
    }

    async fn remove_mail_batch(&self, step: &MailStep) -> PortResult<()> {
        let claimed = keys::mail_batch(&step.account, &step.claimed_batch());
        self.write(Write::delete(claimed), ReturnItem::Old).await.map(|_| ())
    }
}

/// Reads a batch.
fn batch(item: &Item) -> PortResult<MailBatch> {
    let reader = ItemReader(item);
    let mut batch = MailBatch { missed: reader.number("missed")?, more: reader.flag("more"), ..MailBatch::default() };
    for kind in MailKind::ALL {
        if let Some(count) = reader.maybe_number(kind.as_str())? {
            batch.counts.insert(kind, count);
        }
    }
    if let Some(webhooks) = item.get("webhooks") {
        let webhooks = webhooks.as_ns().ok().map(|ids| ids.iter().map(|id| id.parse().map(WebhookId)).collect());
        let webhooks: Option<Result<BTreeSet<WebhookId>, _>> = webhooks;
        batch.webhooks = webhooks.and_then(Result::ok).ok_or_else(|| item::corrupt("webhooks"))?;
    }
    Ok(batch)
}
