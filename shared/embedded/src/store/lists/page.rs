//! Lists with any sorting, page numbers and cursors (section 2, *Pagination* and *Filters*).
//!
//! A page takes two steps: the ids in order, from narrow rows, then each record by its key. Both steps read the same
//! state.

use hookline_core::values::{Cursor, ListQuery, Page, Position, Sort};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::conditions::{WhereClause, plain};
use crate::store::sqlite::errors::corrupt;

/// The source of a list: its table, and the columns of its fields.
#[derive(Debug)]
pub(crate) struct ListSource {
    /// `FROM`, one row per record.
    pub(crate) from: &'static str,
    /// The column of the id: an integer, never null.
    pub(crate) id: &'static str,
    /// The fields for filters and sorting, with their columns.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

impl ListSource {
    fn column(&self, field: &str) -> rusqlite::Result<&'static str> {
        let found = self.columns.iter().find(|(name, _)| *name == field);
        found.map(|(_, column)| *column).ok_or_else(|| corrupt("list field"))
    }

    /// The ids of a page; `conditions` select the owner. Runs inside a transaction that also reads the records.
    pub(crate) fn page(
        &self,
        connection: &Connection,
        mut conditions: WhereClause,
        query: &ListQuery,
    ) -> rusqlite::Result<Page<i64>> {
        for filter in &query.filters {
            let column = self.column(filter.field)?;
            conditions.ask(column, &filter.test, filter.ignore_case, &|value| Some(plain(value)));
        }
        let Self { from, id, .. } = self;
        let total = self.count(connection, &conditions)?;

        let keys = keys(self, &query.sort)?;
        let (backwards, skip) = match &query.position {
            Position::Page(page) => (false, (page.max(&1) - 1).saturating_mul(u64::from(query.per_page))),
            Position::After(cursor) => {
                beyond(self, &mut conditions, &keys, cursor, false);
                (false, 0)
            }
            Position::Before(cursor) => {
                beyond(self, &mut conditions, &keys, cursor, true);
                (true, 0)
            }
        };
        let beyond_cursor = match &query.position {
            Position::Page(_) => total,
            Position::After(_) | Position::Before(_) => self.count(connection, &conditions)?,
        };
        let order: Vec<String> = keys
            .iter()
            .map(|key| format!("{} {}", key.column, if key.descending == backwards { "ASC" } else { "DESC" }))
            .collect();
        let sql =
            format!("SELECT {id} FROM {from} WHERE {} ORDER BY {} LIMIT ? OFFSET ?", conditions.sql, order.join(", "));
        conditions.values.push(Sql::Integer(i64::from(query.per_page)));
        conditions.values.push(Sql::Integer(i64::try_from(skip).unwrap_or(i64::MAX)));
        let mut items: Vec<i64> = connection
            .prepare_cached(&sql)?
            .query_map(params_from_iter(&conditions.values), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if backwards {
            items.reverse();
        }
        // Counts the records before the page again. Records may have been created or deleted since the cursor was made,
        // and the page must not look like the first or the last one if it is not.
        let offset = match &query.position {
            Position::Page(_) => skip,
            Position::After(_) => total - beyond_cursor,
            Position::Before(_) => beyond_cursor - items.len() as u64,
        };
        Ok(Page { items, total, offset })
    }

    fn count(&self, connection: &Connection, conditions: &WhereClause) -> rusqlite::Result<u64> {
        let count: i64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM {} WHERE {}", self.from, conditions.sql))?
            .query_row(params_from_iter(&conditions.values), |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }
}

/// An empty page.
pub(crate) fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), total: 0, offset: 0 }
}

struct SortKey {
    column: &'static str,
    descending: bool,
}

/// The sort keys, ending with the id.
fn keys(list: &ListSource, sort: &[Sort]) -> rusqlite::Result<Vec<SortKey>> {
    let mut keys = Vec::with_capacity(sort.len() + 1);
    for Sort { field, descending } in sort {
        keys.push(SortKey { column: list.column(field)?, descending: *descending });
    }
    let descending = keys.last().is_some_and(|key| key.descending);
    keys.push(SortKey { column: list.id, descending });
    Ok(keys)
}

/// Adds the condition that a record comes after the cursor, or before it: equal in the first keys and beyond in the
/// next one.
fn beyond(list: &ListSource, conditions: &mut WhereClause, keys: &[SortKey], cursor: &Cursor, backwards: bool) {
    let mut values: Vec<Sql> =
        cursor.values.iter().take(keys.len() - 1).map(|value| value.as_ref().map_or(Sql::Null, plain)).collect();
    values.resize(keys.len() - 1, Sql::Null);
    values.push(Sql::Integer(i64::try_from(cursor.id).unwrap_or(i64::MAX)));
    let (mut alternatives, mut bound) = (Vec::new(), Vec::new());
    for (at, (key, value)) in keys.iter().zip(&values).enumerate() {
        let SortKey { column, descending } = key;
        // Null sorts before every value.
        let is_beyond = match (*descending != backwards, value) {
            (false, Sql::Null) => format!("{column} IS NOT NULL"),
            (true, Sql::Null) => continue,
            (false, _) => format!("{column} > ?"),
            (true, _) if *column == list.id => format!("{column} < ?"),
            (true, _) => format!("({column} < ? OR {column} IS NULL)"),
        };
        let mut parts: Vec<String> = keys[..at].iter().map(|key| format!("{} IS ?", key.column)).collect();
        bound.extend(values[..at].iter().cloned());
        parts.push(is_beyond);
        if !matches!(value, Sql::Null) {
            bound.push(value.clone());
        }
        alternatives.push(parts.join(" AND "));
    }
    conditions.and(&alternatives.join(" OR "), bound);
}
