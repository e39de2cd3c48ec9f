//! Lists of webhooks.

use hookline_core::ids::AccountId;
use hookline_core::model::Webhook;
use hookline_core::values::{Condition, Filter, ListQuery, Page};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::conditions::{WhereClause, plain};
use super::page;
use super::page::ListSource;
use crate::store::rows::values::account_number;
use crate::store::rows::webhook_row::{FROM, WEBHOOK, webhook_from};

const WEBHOOKS: ListSource = ListSource {
    from: "webhooks w",
    id: "w.id",
    columns: &[
        ("id", "w.id"),
        ("name", "w.name"),
        ("event", "w.first_event"),
        ("uri", "w.uri"),
        ("disabled", "w.disabled"),
        ("source", "w.source"),
        ("sourceID", "w.source_id"),
        ("created_at", "w.created_at"),
        ("updated_at", "w.updated_at"),
    ],
};

/// A filter by event looks at all events of a webhook: it waits for one of these, or for none of them.
fn any_event(conditions: &mut WhereClause, account: i64, filter: &Filter) {
    let (is_negated, test) = match &filter.test {
        Condition::NoneOf(values) => ("NOT ", Condition::OneOf(values.clone())),
        test @ (Condition::OneOf(_) | Condition::Empty | Condition::Present | Condition::Between { .. }) => {
            ("", test.clone())
        }
    };
    let mut wanted = WhereClause::default();
    wanted.and("account = ?", [Sql::Integer(account)]);
    wanted.ask("event", &test, filter.ignore_case, &|value| Some(plain(value)));
    conditions
        .and(&format!("w.id {is_negated}IN (SELECT webhook FROM subscriptions WHERE {})", wanted.sql), wanted.values);
}

/// A page of an account's webhooks.
pub(crate) fn page(connection: &Connection, account: &AccountId, query: &ListQuery) -> rusqlite::Result<Page<Webhook>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account)? else { return Ok(page::empty()) };
    let mut conditions = WhereClause::default();
    conditions.and("w.account = ?", [Sql::Integer(account)]);
    let mut query = query.clone();
    for filter in query.filters.extract_if(.., |filter| filter.field == "event") {
        any_event(&mut conditions, account, &filter);
    }
    let Page { items, total, offset } = WEBHOOKS.page(&transaction, conditions, &query)?;
    let mut one = transaction.prepare_cached(&format!("SELECT {WEBHOOK} FROM {FROM} WHERE w.id = ?1"))?;
    let items = items.iter().map(|id| one.query_row([id], webhook_from)).collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total, offset })
}
