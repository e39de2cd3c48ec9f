//! Walking through all webhooks of an account, a page at a time.

use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::Webhook;
use crate::service::Service;
use crate::values::{Cursor, FieldValue, Filter, ListQuery, Position, Sort};

/// Webhooks that are read at once.
const PAGE: u32 = 100;

/// The account's webhooks that all filters let through, by id. One that is created or deleted meanwhile may be there or
/// not; all others are there once.
pub(crate) async fn all_webhooks(
    service: &Service,
    account: &AccountId,
    filters: Vec<Filter>,
) -> PortResult<Vec<Webhook>> {
    let sort = vec![Sort { field: "id", descending: false }];
    let mut query = ListQuery { filters, sort, position: Position::Page(1), per_page: PAGE };
    let mut found: Vec<Webhook> = Vec::new();
    loop {
        let page = service.webhooks.list_webhooks(account, &query).await?;
        let is_last = page.items.len() < PAGE as usize;
        found.extend(page.items);
        match found.last() {
            Some(last) if !is_last => {
                let values = vec![i64::try_from(last.id.0).ok().map(FieldValue::Int)];
                query.position = Position::After(Cursor { offset: found.len() as u64, values, id: last.id.0 });
            }
            Some(_) | None => return Ok(found),
        }
    }
}
