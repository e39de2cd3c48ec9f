//! The port for redelivery jobs and for the messages that they deliver again (section 10).
//!
//! The messages are found among the account's unsuccessful records, which are fewer than all records. A running job has
//! an item under its filter, so that an equal request finds it.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, DeliveryId, WebhookId};
use hookline_core::model::{
    Delivery, JobProgress, JobState, LogPart, MessageKind, Outcome, RedeliveryFilter, RedeliveryJob, SkippedChunk,
};
use hookline_core::ports::{
    BeginJobOutcome, DeliveryQuery, DeliveryScope, Redeliveries, RedeliveryPage, RedeliveryQuery,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::encoding::hex;
use crate::store::dynamo::{
    IdSpan, ItemBuilder, ItemKey, ItemReader, MergeWalk, Table, Write, corrupt, number, text, time,
};
use crate::store::items::redelivery_item::{from_item, to_item};
use crate::store::keys;
use crate::store::lists::delivery_list::{days, span};
use crate::store::lists::skipped_list::SkippedSearch;

/// Messages that are examined concurrently.
const CONCURRENT: usize = 16;
/// A page ends early after this many entries per wanted message.
const MAX_ENTRIES_PER_MESSAGE: usize = 10;

/// How many messages are counted in one step.
const COUNTED_AT_ONCE: u32 = 100;

#[async_trait]
impl Redeliveries for Table {
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> PortResult<u64> {
        let (mut count, mut query) = (0, RedeliveryQuery { most: COUNTED_AT_ONCE, ..query.clone() });
        loop {
            let page = self.redeliverable(account, &query).await?;
            count += page.items.len() as u64;
            match page.next {
                Some(next) if count < most => query.after = Some(next),
                Some(_) | None => return Ok(count.min(most)),
            }
        }
    }

    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<RedeliveryPage> {
        let (stored, skipped) =
            futures_util::future::try_join(self.stored(account, query), self.skipped(account, query)).await?;
        let LogPart { records: mut items, stopped: next } = stored.merge(skipped, query.most as usize, false);
        items.retain(|record| query.event.as_ref().is_none_or(|event| *event == record.event));
        Ok(RedeliveryPage { items, next })
    }

    async fn running_redelivery(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        wanted: &RedeliveryFilter,
    ) -> PortResult<Option<RedeliveryJob>> {
        let Some(place) = self.get(&place(account, webhook, wanted)?).await? else { return Ok(None) };
        let job = self.redelivery(account, ItemReader(&place).parsed("job", |id| Uuid::try_parse(id).ok())?).await?;
        Ok(job.filter(|job| job.progress.state == JobState::Running))
    }

    async fn begin_redelivery(&self, job: &RedeliveryJob) -> PortResult<BeginJobOutcome> {
        let ends = job.created_at + self.kept().deliveries;
        let place = place(&job.account, job.webhook, &job.wanted)?;
        let holds = ItemBuilder::at(&place).text("job", job.id.to_string()).expires(ends).done();
        let writes = [
            Write::put(holds)
                .when("attribute_not_exists(#pk) OR #expires_at <= :now")
                .with("now", number(job.created_at.as_second())),
            Write::put(to_item(job, ends)?).when_absent(),
        ];
        if self.transact(&writes).await?.is_ok() {
            return Ok(BeginJobOutcome::Started);
        }
        match self.running_redelivery(&job.account, job.webhook, &job.wanted).await? {
            Some(running) if running.id == job.id => Ok(BeginJobOutcome::Started),
            Some(running) => Ok(BeginJobOutcome::Running(Box::new(running))),
            None => Err(PortError::unavailable("store", "a redelivery job ended while an equal one started")),
        }
    }

    async fn redelivery(&self, account: &AccountId, id: Uuid) -> PortResult<Option<RedeliveryJob>> {
        let item = self.get(&keys::redelivery(account, id)).await?;
        item.map(|item| from_item(account, ItemReader(&item))).transpose()
    }

    async fn redelivery_progress(&self, job: &RedeliveryJob, progress: JobProgress) -> PortResult<()> {
        let JobProgress { state, after, redelivered, finished_at } = progress;
        let mut change = "SET #state = :state, #redelivered = :redelivered".to_owned();
        let not_further = match after {
            Some(_) => "(attribute_not_exists(#after) OR #after <= :after)",
            None => "attribute_not_exists(#after)",
        };
        if after.is_some() {
            change.push_str(", #after = :after");
        }
        if finished_at.is_some() {
            change.push_str(", #finished_at = :finished_at");
        }
        let mut write = Write::update(keys::redelivery(&job.account, job.id), change)
            .when(format!("#state = :running AND {not_further}"))
            .with("state", text(state.as_str()))
            .with("running", text(JobState::Running.as_str()))
            .with("redelivered", number(redelivered));
        if let Some(after) = after {
            write = write.with("after", text(after.to_string()));
        }
        if let Some(at) = finished_at {
            write = write.with("finished_at", time(at));
        }
        let mut writes = vec![write];
        if state != JobState::Running {
            let own = Write::delete(place(&job.account, job.webhook, &job.wanted)?);
            let own = own.when("attribute_not_exists(#pk) OR #job = :job").with("job", text(job.id.to_string()));
            writes.push(own);
        }
        // If the condition is false, the job has made more progress or has ended.
        self.transact(&writes).await.map(|_| ())
    }
}

impl Table {
    /// Messages with a record of their own, oldest first.
    async fn stored(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<LogPart> {
        if query.outcomes.iter().all(|outcome| *outcome == Outcome::Skipped) {
            return Ok(LogPart::default());
        }
        let most = query.most as usize;
        let within = ascending(query, self.kept().deliveries);
        let mut walk = MergeWalk::new(self, days(account, within), within, most.max(1));
        let (mut records, mut last, mut seen) = (Vec::new(), None, 0);
        while records.len() < most && seen < most * MAX_ENTRIES_PER_MESSAGE {
            let mut ids = Vec::new();
            let mut is_exhausted = false;
            while ids.len() < most - records.len() && seen < most * MAX_ENTRIES_PER_MESSAGE {
                let Some(entry) = walk.next().await? else {
                    is_exhausted = true;
                    break;
                };
                seen += 1;
                let id = ItemReader(&entry).parsed("sk", DeliveryId::parse)?;
                last = Some(id);
                if id.webhook() == query.webhook && may_be(query, ItemReader(&entry))? {
                    ids.push(id);
                }
            }
            let candidates = self.records(account, &ids, query.now).await?;
            let candidates = candidates.into_iter().filter(|record| matches(query, record));
            let judged: Vec<Option<Delivery>> = stream::iter(candidates)
                .map(|record| self.to_be_sent(account, query, record))
                .buffered(CONCURRENT)
                .try_collect()
                .await?;
            records.extend(judged.into_iter().flatten());
            if is_exhausted {
                return Ok(LogPart { records, stopped: None });
            }
        }
        Ok(LogPart { records, stopped: last.or(query.after) })
    }

    /// Messages that were skipped, oldest first.
    async fn skipped(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<LogPart> {
        if !query.outcomes.contains(&Outcome::Skipped) {
            return Ok(LogPart::default());
        }
        let span = ascending(query, self.kept().deliveries);
        let admits = |chunk: &SkippedChunk| {
            query.since.is_none_or(|since| chunk.accepted_at >= since)
                && chunk.accepted_at < query.before
                && chunk.accepted_at >= query.accepted_from
        };
        let most = query.most as usize;
        let search = SkippedSearch { account, span, webhook: Some(query.webhook), admits: &admits, most };
        let LogPart { records, stopped } = self.search_skipped(&search, query.now).await?;
        let judged: Vec<Option<Delivery>> = stream::iter(records)
            .map(|record| self.to_be_sent(account, query, record))
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(LogPart { records: judged.into_iter().flatten().collect(), stopped })
    }

    /// The record, if its message can be delivered again and no older record stands for the same message.
    async fn to_be_sent(
        &self,
        account: &AccountId,
        query: &RedeliveryQuery,
        record: Delivery,
    ) -> PortResult<Option<Delivery>> {
        let scope = DeliveryScope::Message(record.message.clone());
        let mut all = self.of_event_or_message(account, &scope, query.now).await?;
        all.retain(|other| other.run != query.but_run);
        if all.iter().any(|other| other.outcome == Outcome::Succeeded) {
            return Ok(None);
        }
        let newest = all.iter().max_by_key(|other| (other.run, other.attempt)).map(|newest| newest.outcome);
        if matches!(newest, Some(Outcome::Waiting | Outcome::Failed)) {
            return Ok(None);
        }
        // A record that says that the message was skipped is older than all others.
        let oldest = all.iter().filter(|other| matches(query, other));
        let oldest = oldest.min_by_key(|other| (other.outcome != Outcome::Skipped, other.id)).map(|other| other.id);
        Ok((oldest.is_none_or(|oldest| oldest == record.id)).then_some(record))
    }
}

/// The range of ids that is left to search.
fn ascending(query: &RedeliveryQuery, kept: Duration) -> IdSpan {
    let mut span = span(&log(query), query.now, kept);
    span.descending = false;
    if let Some(after) = query.after {
        span.low = span.low.max(after.uuid().as_u128().saturating_add(1));
    }
    span
}

/// The equivalent query of delivery records, to compute the range of ids.
fn log(query: &RedeliveryQuery) -> DeliveryQuery {
    use hookline_core::values::{Condition, FieldValue};
    let lower = query.since.map(|since| (FieldValue::Time(since), true));
    let upper = Some((FieldValue::Time(query.before), false));
    DeliveryQuery {
        scope: DeliveryScope::Webhook(query.webhook),
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: vec![Condition::Between { lower, upper }],
        older_than: None,
        newer_than: None,
        per_page: 1,
    }
}

/// Whether the record of an entry may match the filter.
fn may_be(query: &RedeliveryQuery, entry: ItemReader<'_>) -> PortResult<bool> {
    let (outcome, created_at) = (entry.parsed("outcome", Outcome::parse)?, entry.time("created_at")?);
    Ok(!entry.is_expired(query.now)
        && query.outcomes.contains(&outcome)
        && query.since.is_none_or(|since| created_at >= since)
        && created_at < query.before)
}

/// Whether a record matches the filter.
fn matches(query: &RedeliveryQuery, record: &Delivery) -> bool {
    record.kind == MessageKind::Event
        && record.webhook == query.webhook
        && query.outcomes.contains(&record.outcome)
        && query.since.is_none_or(|since| record.created_at >= since)
        && record.created_at < query.before
        && record.message.accepted_at() >= query.accepted_from
        && record.run != query.but_run
}

/// The key under which a running job with this filter is found.
fn place(account: &AccountId, webhook: WebhookId, wanted: &RedeliveryFilter) -> PortResult<ItemKey> {
    let wanted = serde_json::to_vec(wanted).map_err(|_| corrupt("wanted"))?;
    let hash = hex(&Sha256::digest(&wanted)[..16]);
    Ok(keys::redelivering(account, webhook, &hash))
}
