//! The table, and the calls for one item or one transaction.
//!
//! The client already retries calls that failed on the way or were throttled. The table retries writes that conflicted
//! with a transaction, after a short random wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::model::{HostHealthCache, PendingCounts};
use hookline_core::ports::{Measurement, Metrics, NoMetrics};
use hookline_core::values::{Entropy as _, System};
use tokio::time::Instant;

use super::batch_permits::BatchPermits;
use super::batch_reads::BatchReads;
use super::custom_urls::CustomUrls;
use super::key::{Item, ItemKey};
use super::query::{PartitionQuery, SortKeyRange};
use super::write::{Write, WriteAction, names};
use crate::clients::explain;

/// How often a conflicting write is attempted.
const CONFLICT_ATTEMPTS: u32 = 12;
/// The upper limit of the wait after the first conflict. It doubles with each attempt.
const CONFLICT_WAIT: Duration = Duration::from_millis(10);

/// The outcome of a conditional write.
#[derive(Debug)]
pub(in crate::store) enum WriteOutcome {
    /// The write was made. Holds the item before or after it, as [`ReturnItem`] asked for.
    Applied(Option<Item>),
    /// The condition was false for this item.
    ConditionFailed(Option<Item>),
}

/// Which item a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum ReturnItem {
    /// The item before the write.
    Old,
    /// The item after the write. Updates only.
    New,
}

/// How long records are kept (section 10).
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// An event, from its acceptance.
    pub events: Duration,
    /// A delivery record, from its attempt. It never outlives its event.
    pub deliveries: Duration,
}

impl Kept {
    /// The retention that the settings define.
    #[must_use]
    pub fn of(settings: &hookline_core::settings::CoreSettings) -> Self {
        Self { events: settings.events_kept, deliveries: settings.deliveries_kept }
    }
}

/// The one table of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
    kept: Kept,
    hosts: Arc<HostHealthCache>,
    permits: Arc<BatchPermits>,
    reads: Arc<BatchReads>,
    counts: Arc<PendingCounts>,
    custom_urls: Arc<CustomUrls>,
    metrics: Arc<dyn Metrics>,
}

impl Table {
    /// Creates a table with this name. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, name: &str, kept: Kept) -> Self {
        Self {
            client,
            name: name.into(),
            kept,
            hosts: Arc::default(),
            permits: Arc::default(),
            reads: Arc::default(),
            counts: Arc::default(),
            custom_urls: Arc::default(),
            metrics: Arc::new(NoMetrics),
        }
    }

    /// The same table, which measures its writes.
    #[must_use]
    pub fn measured(self, metrics: Arc<dyn Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Measures a write that took from then to now.
    pub(super) fn written(&self, began: Instant) {
        self.metrics.record(Measurement::StoreWritten(began.elapsed()));
    }

    pub(in crate::store) fn kept(&self) -> Kept {
        self.kept
    }

    /// The cache of endpoint hosts' health.
    pub(in crate::store) fn hosts(&self) -> &HostHealthCache {
        &self.hosts
    }

    /// The permits that were taken for a batch.
    pub(in crate::store) fn permits(&self) -> &BatchPermits {
        &self.permits
    }

    /// The items of a partition in a range, read for all messages of a batch together.
    pub(in crate::store) async fn query_shared(&self, pk: String, range: SortKeyRange) -> PortResult<Arc<Vec<Item>>> {
        let read = Box::pin(self.query(PartitionQuery::new(pk.clone(), range)));
        self.reads.read(pk, Instant::now(), read).await
    }

    /// An item, read for all messages of a batch together. A read that is not consistent has half the price; an item that was
    /// written a moment ago may be missing or old.
    pub(in crate::store) async fn get_shared(&self, key: &ItemKey, consistent: bool) -> PortResult<Arc<Vec<Item>>> {
        let read = Box::pin(async { Ok(self.get_item(key, consistent).await?.into_iter().collect()) });
        self.reads.read(format!("{} {}", key.pk, key.sk), Instant::now(), read).await
    }

    /// A batch begins with so many messages to each endpoint host. What they all need is read once, and what they may want
    /// of an endpoint host is taken in one step.
    pub fn begin_batch(&self, messages: HashMap<String, u32>) {
        self.reads.begin(Instant::now());
        self.permits.begin(messages);
    }

    /// The batch ended.
    pub fn end_batch(&self) {
        self.reads.end();
    }

    /// Counts that are not written yet.
    pub(in crate::store) fn pending_counts(&self) -> &PendingCounts {
        &self.counts
    }

    /// The cache of custom URLs.
    pub(in crate::store) fn custom_urls(&self) -> &CustomUrls {
        &self.custom_urls
    }

    /// Reads an item consistently.
    pub(in crate::store) async fn get(&self, key: &ItemKey) -> PortResult<Option<Item>> {
        self.get_item(key, true).await
    }

    async fn get_item(&self, key: &ItemKey, consistent: bool) -> PortResult<Option<Item>> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.item()));
        Ok(request.consistent_read(consistent).send().await.map_err(|error| fault(&error))?.item)
    }

    /// Reads items of a partition consistently, in the order of their sort keys.
    pub(in crate::store) async fn query(&self, ask: PartitionQuery) -> PortResult<Vec<Item>> {
        let PartitionQuery { pk, range, descending, limit } = ask;
        let mut values = HashMap::from([(":pk".to_owned(), AttributeValue::S(pk))]);
        let condition = match range {
            SortKeyRange::All => "#pk = :pk",
            SortKeyRange::Prefix(prefix) => {
                values.insert(":from".to_owned(), AttributeValue::S(prefix));
                "#pk = :pk AND begins_with(#sk, :from)"
            }
            SortKeyRange::Between(from, to) if from > to => return Ok(Vec::new()),
            SortKeyRange::Between(from, to) => {
                values.insert(":from".to_owned(), AttributeValue::S(from));
                values.insert(":to".to_owned(), AttributeValue::S(to));
                "#pk = :pk AND #sk BETWEEN :from AND :to"
            }
        };
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let left = limit.map(|limit| limit - items.len());
            let request = self
                .client
                .query()
                .table_name(&*self.name)
                .key_condition_expression(condition)
                .set_expression_attribute_names(names([condition]))
                .set_expression_attribute_values(Some(values.clone()))
                .scan_index_forward(!descending)
                .consistent_read(true)
                .set_limit(left.and_then(|left| i32::try_from(left).ok()))
                .set_exclusive_start_key(start);
            let page = request.send().await.map_err(|error| fault(&error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() || limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
        }
    }

    /// Makes one write.
    pub(in crate::store) async fn write(&self, write: Write, back: ReturnItem) -> PortResult<WriteOutcome> {
        let began = Instant::now();
        for attempt in 0.. {
            let failure = match self.write_once(&write, back).await {
                Ok(done) => {
                    self.written(began);
                    return Ok(done);
                }
                Err(WriteError::Fault(fault)) => return Err(fault),
                Err(WriteError::Conflict) => back_off(attempt, "a write").await,
            };
            failure?;
        }
        Err(PortError::unavailable("store", "a write conflicted too often"))
    }

    async fn write_once(&self, write: &Write, back: ReturnItem) -> Result<WriteOutcome, WriteError> {
        let on_failure = ReturnValuesOnConditionCheckFailure::AllOld;
        let (names, values, condition) = (write.names(), write.values(), write.condition.clone());
        match &write.action {
            WriteAction::Put(item) => {
                let put = self.client.put_item().table_name(&*self.name).set_item(Some(item.clone()));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values).return_values(ReturnValue::AllOld);
                match put.return_values_on_condition_check_failure(on_failure).send().await {
                    Ok(done) => Ok(WriteOutcome::Applied(done.attributes)),
                    Err(error) => interpret(error, |error| match error {
                        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
                            failed,
                        ) => Some(failed.item),
                        _ => None,
                    }),
                }
            }
            WriteAction::Update(key, change) => {
                let update = self.client.update_item().table_name(&*self.name).set_key(Some(key.item()));
                let update = update.update_expression(change).set_condition_expression(condition);
                let update = update.set_expression_attribute_names(names).set_expression_attribute_values(values);
                let back = if back == ReturnItem::Old { ReturnValue::AllOld } else { ReturnValue::AllNew };
                let update = update.return_values(back).return_values_on_condition_check_failure(on_failure);
                match update.send().await {
                    Ok(done) => Ok(WriteOutcome::Applied(done.attributes)),
                    Err(error) => interpret(error, |error| match error {
                        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                            failed,
                        ) => Some(failed.item),
                        _ => None,
                    }),
                }
            }
            WriteAction::Delete(key) => {
                let delete = self.client.delete_item().table_name(&*self.name).set_key(Some(key.item()));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_names(names);
                let delete = delete.set_expression_attribute_values(values).return_values(ReturnValue::AllOld);
                match delete.return_values_on_condition_check_failure(on_failure).send().await {
                    Ok(done) => Ok(WriteOutcome::Applied(done.attributes)),
                    Err(error) => interpret(error, |error| match error {
                        aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(
                            failed,
                        ) => Some(failed.item),
                        _ => None,
                    }),
                }
            }
            WriteAction::Check(_) => Err(WriteError::Fault(PortError::unavailable("store", "a check is not a write"))),
        }
    }

    /// Makes several writes at once: all or none. `Err` holds the positions of the writes whose conditions were false,
    /// with their items.
    pub(in crate::store) async fn transact(
        &self,
        writes: &[Write],
    ) -> PortResult<Result<(), Vec<(usize, Option<Item>)>>> {
        let items: Result<Vec<_>, _> = writes.iter().map(|write| write.in_transaction(&self.name)).collect();
        let items = items.map_err(|error| PortError::unavailable("store", error))?;
        let began = Instant::now();
        for attempt in 0.. {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = request.send().await else {
                self.written(began);
                return Ok(Ok(()));
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(fault(&error));
            };
            // The reasons are in the order of the writes.
            let reasons = cancelled.cancellation_reasons();
            let failed: Vec<_> = reasons
                .iter()
                .enumerate()
                .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
                .map(|(at, reason)| (at, reason.item().cloned()))
                .collect();
            if !failed.is_empty() {
                return Ok(Err(failed));
            }
            let passes = |code: Option<&str>| {
                matches!(
                    code,
                    None | Some("None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
                )
            };
            if !reasons.iter().all(|reason| passes(reason.code())) {
                return Err(fault(&error));
            }
            back_off(attempt, "a transaction").await?;
        }
        Err(PortError::unavailable("store", "a transaction conflicted too often"))
    }
}

/// Why a write was not made.
enum WriteError {
    /// It conflicted with a transaction.
    Conflict,
    /// DynamoDB failed.
    Fault(PortError),
}

/// Interprets the error of a write. `condition` extracts the item for which the condition was false.
fn interpret<E: ProvideErrorMetadata>(
    error: SdkError<E>,
    condition: impl FnOnce(E) -> Option<Option<Item>>,
) -> Result<WriteOutcome, WriteError> {
    if error.code() == Some("TransactionConflictException") {
        return Err(WriteError::Conflict);
    }
    let fault = fault(&error);
    match error.into_service_error_if_any().and_then(condition) {
        Some(item) => Ok(WriteOutcome::ConditionFailed(item)),
        None => Err(WriteError::Fault(fault)),
    }
}

/// The error of the service itself, if the call reached it.
trait IntoServiceError<E> {
    fn into_service_error_if_any(self) -> Option<E>;
}

impl<E, R> IntoServiceError<E> for SdkError<E, R> {
    fn into_service_error_if_any(self) -> Option<E> {
        match self {
            Self::ServiceError(context) => Some(context.into_err()),
            _ => None,
        }
    }
}

pub(super) fn fault<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> PortError {
    PortError::unavailable("store", explain(error))
}

/// Waits before another attempt. Fails after a number of attempts.
pub(super) async fn back_off(attempt: u32, what: &str) -> PortResult<()> {
    if attempt + 1 >= CONFLICT_ATTEMPTS {
        return Err(PortError::unavailable("store", format!("{what} conflicted too often")));
    }
    pause(attempt).await;
    Ok(())
}

/// Waits for a short random time, longer with each attempt.
pub(in crate::store) async fn pause(attempt: u32) {
    let longest = CONFLICT_WAIT * (1 << attempt.min(6));
    tokio::time::sleep(longest.mul_f64(System.fraction())).await;
}
