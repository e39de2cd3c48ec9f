//! Lists of webhooks. In the order of ids a page is read as it lies; for other orders and for conditions all entries of
//! the account are read, and the chosen webhooks by their keys.

use hookline_core::account::AccountId;
use hookline_core::listing::{Cursor, Page, Position, Query};
use hookline_core::ports::Answer;
use hookline_core::webhook::{Webhook, WebhookId};

use super::item::{Item, Read};
use super::keys::{self, Key};
use super::listing::{self, Part};
use super::table::{Ask, Range, Table};
use super::webhook_item::{self, listed, listed_id};

impl Table {
    pub(super) async fn webhook_page(&self, account: &AccountId, query: &Query) -> Answer<Page<Webhook>> {
        let by_id = query.filters.is_empty() && query.sort.first().is_some_and(|sort| sort.field == "id");
        let (ids, total, offset) =
            if by_id { self.in_order_of_ids(account, query).await? } else { self.in_any_order(account, query).await? };
        Ok(Page { items: self.webhooks_of(account, &ids).await?, total, offset })
    }

    /// A page as it lies in the account's partition.
    async fn in_order_of_ids(&self, account: &AccountId, query: &Query) -> Answer<(Vec<WebhookId>, u64, u64)> {
        let descending = query.sort.first().is_some_and(|sort| sort.descending);
        let per_page = query.per_page as usize;
        let (backwards, cursor, skip) = match &query.position {
            Position::Page(page) => {
                let page = usize::try_from(page.max(&1) - 1).unwrap_or(usize::MAX);
                (false, None, page.saturating_mul(per_page))
            }
            Position::After(cursor) => (false, Some(cursor), 0),
            Position::Before(cursor) => (true, Some(cursor), 0),
        };
        let downwards = descending != backwards;
        let range = match cursor {
            None => all(),
            Some(Cursor { id: 0, .. }) if downwards => nothing(),
            Some(cursor) if downwards => from_to(0, (cursor.id - 1).min(LAST)),
            Some(cursor) if cursor.id >= LAST => nothing(),
            Some(cursor) => from_to(cursor.id + 1, LAST),
        };
        let ask = Ask::new(keys::webhooks(account), range).descending(downwards);
        let (counters_key, wanted) = (keys::webhook_counters(account), skip.saturating_add(per_page));
        let (entries, counters) = tokio::try_join!(self.query(ask.limit(wanted)), self.get(&counters_key))?;
        let total = counters.as_ref().map(|item| Read(item).maybe_number("webhooks")).transpose()?.flatten();
        let ids = entries.iter().skip(skip).map(|entry| listed_id(Read(entry)));
        let mut ids = ids.collect::<Answer<Vec<_>>>()?;
        if backwards {
            ids.reverse();
        }
        let offset = match &query.position {
            Position::Page(_) => skip as u64,
            Position::After(cursor) => cursor.offset,
            Position::Before(cursor) => listing::before(cursor, ids.len(), per_page),
        };
        Ok((ids, total.unwrap_or(0), offset))
    }

    async fn in_any_order(&self, account: &AccountId, query: &Query) -> Answer<(Vec<WebhookId>, u64, u64)> {
        let entries = self.query(Ask::new(keys::webhooks(account), all())).await?;
        let field = |entry: &Item, field: &str| listed(Read(entry), field);
        let Part { chosen, total, offset } =
            listing::pick(&entries, query, field, |entry| Ok(listed_id(Read(entry))?.0))?;
        let ids = chosen.into_iter().map(|at| listed_id(Read(&entries[at]))).collect::<Answer<_>>()?;
        Ok((ids, total, offset))
    }

    /// The webhooks of these ids, in their order. One that was deleted a moment ago is left out.
    async fn webhooks_of(&self, account: &AccountId, ids: &[WebhookId]) -> Answer<Vec<Webhook>> {
        let key = |id: WebhookId, sk: &str| keys::of_webhook(account, id, sk);
        let parts = [keys::STATE, keys::HEALTH, keys::TEXT];
        let wanted: Vec<Key> = ids.iter().flat_map(|&id| parts.map(|sk| key(id, sk))).collect();
        let found = self.get_all(wanted).await?;
        let part = |id: WebhookId, sk: &str| found.get(&key(id, sk)).map(Read);
        ids.iter()
            .filter_map(|&id| part(id, keys::STATE).map(|state| (id, state)))
            .map(|(id, state)| webhook_item::webhook(account, state, part(id, keys::HEALTH), part(id, keys::TEXT)))
            .collect()
    }
}

/// Larger than every id.
const LAST: u64 = 9_999_999_999;

fn from_to(from: u64, to: u64) -> Range {
    Range::Between(keys::ordered(WebhookId(from)), keys::ordered(WebhookId(to)))
}

/// No entry.
fn nothing() -> Range {
    from_to(1, 0)
}

/// All entries of the list, without the counters beside them.
pub(super) fn all() -> Range {
    from_to(0, LAST)
}
