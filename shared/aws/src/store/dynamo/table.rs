//! The table: the few kinds of calls that the ports are made of.
//!
//! The client's own retries repeat what failed on the way or was throttled. What is left to do here: a write that met
//! another one's transaction is tried again after a short wait by chance, and what a batch call left undone is asked for
//! again, item by item.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use hookline_core::clock::{Entropy as _, System};
use hookline_core::ports::{Answer, Fault};
use hookline_core::throttle::HostCache;

use super::custom_urls::CustomUrls;
use super::key::{Item, ItemKey};
use super::query::{PartitionQuery, SortKeyRange};
use super::write::{Write, WriteAction, names};
use crate::clients::explain;

/// How often a write that met a transaction is tried.
const CONFLICT_TRIES: u32 = 12;
/// The wait after the first conflict; it doubles.
const CONFLICT_WAIT: Duration = Duration::from_millis(10);

/// What became of a conditional write.
#[derive(Debug)]
pub(in crate::store) enum WriteOutcome {
    /// It was made. The item before it, or after it if that was asked for.
    Applied(Option<Item>),
    /// The condition did not hold for this item.
    ConditionFailed(Option<Item>),
}

/// Which item a write answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum ReturnItem {
    /// As it was.
    Old,
    /// As it is now. Only an update can tell.
    New,
}

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

/// The one table of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
    kept: Kept,
    hosts: Arc<HostCache>,
    custom_urls: Arc<CustomUrls>,
}

impl Table {
    /// The table of that name.
    #[must_use]
    pub fn new(client: Client, name: &str, kept: Kept) -> Self {
        Self { client, name: name.into(), kept, hosts: Arc::default(), custom_urls: Arc::default() }
    }

    pub(in crate::store) fn kept(&self) -> Kept {
        self.kept
    }

    /// What this process knows of endpoint hosts.
    pub(in crate::store) fn hosts(&self) -> &HostCache {
        &self.hosts
    }

    /// What this process knows of custom URLs.
    pub(in crate::store) fn custom_urls(&self) -> &CustomUrls {
        &self.custom_urls
    }

    /// One item, read consistently.
    pub(in crate::store) async fn get(&self, key: &ItemKey) -> Answer<Option<Item>> {
        self.get_item(key, true).await
    }

    /// One item, as it is or was a moment ago: for half the price. `None` if it was not there.
    pub(in crate::store) async fn get_eventual(&self, key: &ItemKey) -> Answer<Option<Item>> {
        self.get_item(key, false).await
    }

    async fn get_item(&self, key: &ItemKey, consistent: bool) -> Answer<Option<Item>> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.item()));
        Ok(request.consistent_read(consistent).send().await.map_err(|error| fault(&error))?.item)
    }

    /// WebhookItems of a partition in order, read consistently.
    pub(in crate::store) async fn query(&self, ask: PartitionQuery) -> Answer<Vec<Item>> {
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

    /// One write.
    pub(in crate::store) async fn write(&self, step: Write, back: ReturnItem) -> Answer<WriteOutcome> {
        for attempt in 0.. {
            let failure = match self.write_once(&step, back).await {
                Ok(done) => return Ok(done),
                Err(WriteError::Fault(fault)) => return Err(fault),
                Err(WriteError::Conflict) => again(attempt, "a write").await,
            };
            failure?;
        }
        Err(Fault::unavailable("store", "a write was never made"))
    }

    async fn write_once(&self, step: &Write, back: ReturnItem) -> Result<WriteOutcome, WriteError> {
        let on_failure = ReturnValuesOnConditionCheckFailure::AllOld;
        let (names, values, condition) = (step.names(), step.values(), step.condition.clone());
        match &step.action {
            WriteAction::Put(item) => {
                let put = self.client.put_item().table_name(&*self.name).set_item(Some(item.clone()));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values).return_values(ReturnValue::AllOld);
                match put.return_values_on_condition_check_failure(on_failure).send().await {
                    Ok(done) => Ok(WriteOutcome::Applied(done.attributes)),
                    Err(error) => failed(error, |error| match error {
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
                    Err(error) => failed(error, |error| match error {
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
                    Err(error) => failed(error, |error| match error {
                        aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(
                            failed,
                        ) => Some(failed.item),
                        _ => None,
                    }),
                }
            }
            WriteAction::Check(_) => Err(WriteError::Fault(Fault::unavailable("store", "a check is no write"))),
        }
    }

    /// Some writes at once: all of them, or none. `Err` names the steps whose conditions failed, with their items.
    pub(in crate::store) async fn transact(&self, steps: &[Write]) -> Answer<Result<(), Vec<(usize, Option<Item>)>>> {
        let items: Result<Vec<_>, _> = steps.iter().map(|step| step.in_transaction(&self.name)).collect();
        let items = items.map_err(|error| Fault::unavailable("store", error))?;
        for attempt in 0.. {
            let request = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = request.send().await else { return Ok(Ok(())) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(fault(&error));
            };
            // The reasons come in the order of the steps.
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
            again(attempt, "a transaction").await?;
        }
        Err(Fault::unavailable("store", "a transaction was never made"))
    }
}

/// Why a write was not made.
enum WriteError {
    /// It met a transaction.
    Conflict,
    /// The store failed.
    Fault(Fault),
}

/// What a failed write means; `condition` finds the item of a condition that did not hold.
fn failed<E: ProvideErrorMetadata>(
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

/// The service's own error, if the call came so far.
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

pub(super) fn fault<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Fault {
    Fault::unavailable("store", explain(error))
}

/// Waits before what was not done is tried again; gives up after some tries.
pub(super) async fn again(attempt: u32, what: &str) -> Answer<()> {
    if attempt + 1 >= CONFLICT_TRIES {
        return Err(Fault::unavailable("store", format!("{what} was put off too often")));
    }
    pause(attempt).await;
    Ok(())
}

/// A short wait by chance, longer with every attempt.
pub(in crate::store) async fn pause(attempt: u32) {
    let longest = CONFLICT_WAIT * (1 << attempt.min(6));
    tokio::time::sleep(longest.mul_f64(System.fraction())).await;
}
