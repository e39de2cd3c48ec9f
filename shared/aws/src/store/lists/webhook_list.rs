//! Lists of webhooks. A page in the order of ids is read as it is stored. For other orders, filters and cursors, all
//! entries of the account are read, and then the selected webhooks by their keys.

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::Webhook;
use hookline_core::values::{Condition, FieldValue, Filter, ListQuery, Page, Position};

use super::in_memory;
use super::in_memory::{ListSlice, holds};
use crate::store::dynamo::{Item, ItemKey, ItemReader, PartitionQuery, SortKeyRange, Table};
use crate::store::items::webhook_item;
use crate::store::items::webhook_item::listed;
use crate::store::items::webhook_item::listed_id;
use crate::store::keys;

impl Table {
    pub(in crate::store) async fn webhook_page(
        &self,
        account: &AccountId,
        query: &ListQuery,
    ) -> PortResult<Page<Webhook>> {
        let by_id = query.filters.is_empty() && query.sort.first().is_some_and(|sort| sort.field == "id");
        let (ids, total, offset) = match query.position {
            Position::Page(page) if by_id => self.in_order_of_ids(account, query, page).await?,
            Position::Page(_) | Position::After(_) | Position::Before(_) => self.in_any_order(account, query).await?,
        };
        Ok(Page { items: self.webhooks_of(account, &ids).await?, total, offset })
    }

    /// A page in the order of the account's partition.
    async fn in_order_of_ids(
        &self,
        account: &AccountId,
        query: &ListQuery,
        page: u64,
    ) -> PortResult<(Vec<WebhookId>, u64, u64)> {
        let descending = query.sort.first().is_some_and(|sort| sort.descending);
        let per_page = query.per_page as usize;
        let skip = usize::try_from(page.max(1) - 1).unwrap_or(usize::MAX).saturating_mul(per_page);
        let ask = PartitionQuery::new(keys::webhooks(account), all())
            .descending(descending)
            .limit(skip.saturating_add(per_page));
        let counters_key = keys::webhook_counters(account);
        let (entries, counters) = tokio::try_join!(self.query(ask), self.get(&counters_key))?;
        let total = counters.as_ref().map(|item| ItemReader(item).maybe_number("webhooks")).transpose()?.flatten();
        let ids = entries.iter().skip(skip).map(|entry| listed_id(ItemReader(entry))).collect::<PortResult<_>>()?;
        Ok((ids, total.unwrap_or(0), skip as u64))
    }

    async fn in_any_order(&self, account: &AccountId, query: &ListQuery) -> PortResult<(Vec<WebhookId>, u64, u64)> {
        let entries = self.query(PartitionQuery::new(keys::webhooks(account), all())).await?;
        let (of_events, filters) = query.filters.iter().cloned().partition(|filter: &Filter| filter.field == "event");
        let query = ListQuery { filters, ..query.clone() };
        let entries = waiting_for(entries, &of_events)?;
        let field = |entry: &Item, field: &str| listed(ItemReader(entry), field);
        let ListSlice { chosen, total, offset } =
            in_memory::pick(&entries, &query, field, |entry| Ok(listed_id(ItemReader(entry))?.0))?;
        let ids = chosen.into_iter().map(|at| listed_id(ItemReader(&entries[at]))).collect::<PortResult<_>>()?;
        Ok((ids, total, offset))
    }

    /// The webhooks of these ids, in their order. A webhook that has just been deleted is left out.
    async fn webhooks_of(&self, account: &AccountId, ids: &[WebhookId]) -> PortResult<Vec<Webhook>> {
        let key = |id: WebhookId, sk: &str| keys::of_webhook(account, id, sk);
        let parts = [keys::STATE, keys::HEALTH, keys::TEXT];
        let wanted: Vec<ItemKey> = ids.iter().flat_map(|&id| parts.map(|sk| key(id, sk))).collect();
        let found = self.get_all(wanted).await?;
        let part = |id: WebhookId, sk: &str| found.get(&key(id, sk)).map(ItemReader);
        ids.iter()
            .filter_map(|&id| part(id, keys::STATE).map(|state| (id, state)))
            .map(|(id, state)| webhook_item::webhook(account, state, part(id, keys::HEALTH), part(id, keys::TEXT)))
            .collect()
    }
}

/// The entries that pass filters by event. These look at all events of a webhook: it waits for one of the wanted ones, or
/// for none of the others.
fn waiting_for(mut entries: Vec<Item>, filters: &[Filter]) -> PortResult<Vec<Item>> {
    for filter in filters {
        let mut passing = Vec::with_capacity(entries.len());
        for entry in entries {
            let events = webhook_item::events(ItemReader(&entry))?;
            let mut results = events.iter().map(|event| holds(filter, Some(&FieldValue::Text(event.to_string()))));
            let passes = match filter.test {
                Condition::NoneOf(_) => results.all(|holds| holds),
                Condition::OneOf(_) | Condition::Empty | Condition::Present | Condition::Between { .. } => {
                    results.any(|holds| holds)
                }
            };
            if passes {
                passing.push(entry);
            }
        }
        entries = passing;
    }
    Ok(entries)
}

/// All entries of the list, without the counters in the same partition.
pub(in crate::store) fn all() -> SortKeyRange {
    SortKeyRange::Between("0".to_owned(), ":".to_owned())
}
