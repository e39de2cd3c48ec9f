//! Filters, sorts and paginates records that are all in memory (section 2, *Pagination* and *Filters*).
//!
//! The webhooks and policies of an account are few enough to read all of them for an order that the table does not
//! have: ten thousand entries are a few pages of one partition.

use std::cmp::Ordering;

use hookline_core::errors::PortResult;
use hookline_core::values::{Cursor, FieldValue, Filter, ListQuery, Position};

/// A slice of a list, as positions of records.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct ListSlice {
    /// The records of the slice, in order.
    pub(in crate::store) chosen: Vec<usize>,
    /// The number of records that pass the filters.
    pub(in crate::store) total: u64,
    /// The number of those before the slice.
    pub(in crate::store) offset: u64,
}

/// What records are sorted by: the values of the sort fields, and the id.
type ListPlace = (Vec<Option<FieldValue>>, u64);

/// Selects the records that a query asks for. `value` reads a field of a record, `id` its id.
pub(in crate::store) fn pick<T>(
    records: &[T],
    query: &ListQuery,
    value: impl Fn(&T, &str) -> PortResult<Option<FieldValue>>,
    id: impl Fn(&T) -> PortResult<u64>,
) -> PortResult<ListSlice> {
    let mut places: Vec<(usize, ListPlace)> = Vec::with_capacity(records.len());
    'records: for (at, record) in records.iter().enumerate() {
        for filter in &query.filters {
            if !holds(filter, value(record, filter.field)?.as_ref()) {
                continue 'records;
            }
        }
        let keys = query.sort.iter().map(|sort| value(record, sort.field)).collect::<PortResult<Vec<_>>>()?;
        places.push((at, (keys, id(record)?)));
    }
    places.sort_by(|(_, a), (_, b)| order(query, a, b));

    let (total, per_page) = (places.len(), query.per_page as usize);
    // The offset of a cursor is counted again, since records may have come and gone since it was made.
    let beyond = |cursor: &Cursor, order_of: Ordering| {
        let place = (cursor.values.clone(), cursor.id);
        places.partition_point(|(_, other)| order(query, other, &place) < order_of)
    };
    let (from, to) = match &query.position {
        Position::Page(page) => {
            let page = usize::try_from(page.max(&1) - 1).unwrap_or(usize::MAX);
            let from = page.saturating_mul(per_page);
            (from, from.saturating_add(per_page))
        }
        Position::After(cursor) => {
            let from = beyond(cursor, Ordering::Greater);
            (from, from + per_page)
        }
        Position::Before(cursor) => {
            let to = beyond(cursor, Ordering::Equal);
            (to.saturating_sub(per_page), to)
        }
    };
    let offset = from as u64;
    let (from, to) = (from.min(total), to.min(total));
    let chosen = places[from..to].iter().map(|(at, _)| *at).collect();
    Ok(ListSlice { chosen, total: total as u64, offset })
}

/// Whether a value passes a filter. Null passes only if the filter asks for it.
pub(in crate::store) fn holds(filter: &Filter, value: Option<&FieldValue>) -> bool {
    filter.test.is_met_by(value, filter.ignore_case)
}

/// Compares by the sort fields, then by id in the direction of the last field. Null is less than everything.
fn order(query: &ListQuery, (a, a_id): &ListPlace, (b, b_id): &ListPlace) -> Ordering {
    let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
    let by_keys = query.sort.iter().zip(a.iter().zip(b)).map(|(sort, (a, b))| turned(a.cmp(b), sort.descending));
    let last = query.sort.last().is_some_and(|sort| sort.descending);
    by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| turned(a_id.cmp(b_id), last))
}

#[cfg(test)]
mod tests {
    use hookline_core::values::{Condition, Sort};

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "the form that `pick` asks for")]
    fn value(record: &(u64, Option<&str>), field: &str) -> PortResult<Option<FieldValue>> {
        Ok(if field == "id" {
            Some(FieldValue::Int(i64::try_from(record.0).unwrap()))
        } else {
            record.1.map(|name| FieldValue::Text(name.to_owned()))
        })
    }

    fn ids(query: &ListQuery) -> (Vec<u64>, u64, u64) {
        let records = [(1, Some("b")), (2, None), (3, Some("a")), (4, Some("B")), (5, Some("")), (6, Some("a"))];
        let part = pick(&records, query, value, |record| Ok(record.0)).unwrap();
        (part.chosen.iter().map(|&at| records[at].0).collect(), part.total, part.offset)
    }

    fn query(filters: Vec<Filter>, descending: bool, position: Position, per_page: u32) -> ListQuery {
        ListQuery { filters, sort: vec![Sort { field: "name", descending }], position, per_page }
    }

    #[test]
    fn any_order_with_null_first_and_ids_for_ties() {
        assert_eq!(ids(&query(vec![], false, Position::Page(1), 9)).0, [2, 5, 4, 3, 6, 1]);
        assert_eq!(ids(&query(vec![], true, Position::Page(2), 2)), (vec![3, 4], 6, 2));
        assert_eq!(ids(&query(vec![], true, Position::Page(9), 2)), (vec![], 6, 16));
    }

    #[test]
    fn cursors_go_both_ways() {
        let cursor = |name: Option<&str>, id| Cursor {
            offset: 3,
            values: vec![name.map(|name| FieldValue::Text(name.to_owned()))],
            id,
        };
        assert_eq!(ids(&query(vec![], false, Position::After(cursor(Some("a"), 3)), 2)), (vec![6, 1], 6, 4));
        assert_eq!(ids(&query(vec![], false, Position::After(cursor(None, 2)), 1)), (vec![5], 6, 1));
        assert_eq!(ids(&query(vec![], false, Position::Before(cursor(Some("a"), 3)), 2)), (vec![5, 4], 6, 1));
        assert_eq!(ids(&query(vec![], false, Position::Before(cursor(Some("a"), 3)), 5)), (vec![2, 5, 4], 6, 0));
        // The record of the cursor may have been deleted.
        assert_eq!(ids(&query(vec![], false, Position::After(cursor(Some("A"), 9)), 1)), (vec![4], 6, 2));
    }

    #[test]
    fn conditions() {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let found = |test: Condition, ignore_case: bool| {
            let filter = Filter { field: "name", test, ignore_case };
            let mut found = ids(&query(vec![filter], false, Position::Page(1), 9)).0;
            found.sort_unstable();
            found
        };
        assert_eq!(found(Condition::OneOf(vec![text("b")]), false), [1]);
        assert_eq!(found(Condition::OneOf(vec![text("b")]), true), [1, 4]);
        assert_eq!(found(Condition::NoneOf(vec![text("a"), text("b")]), false), [2, 4, 5]);
        assert_eq!(found(Condition::Empty, false), [2, 5]);
        assert_eq!(found(Condition::Present, false), [1, 3, 4, 6]);
        let between = |lower: Option<(FieldValue, bool)>, upper| Condition::Between { lower, upper };
        assert_eq!(found(between(Some((text("a"), false)), None), false), [1]);
        assert_eq!(found(between(Some((text("B"), true)), Some((text("a"), true))), false), [3, 4, 6]);
    }
}
