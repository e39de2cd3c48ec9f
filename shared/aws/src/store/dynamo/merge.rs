//! Reads several partitions that are sorted by delivery id. Groups of partitions are read one after the other; the
//! partitions of a group are merged into one order.

use std::cmp::Ordering;
use std::collections::VecDeque;

use futures_util::future::try_join_all;
use hookline_core::errors::PortResult;
use uuid::Uuid;

use super::item::{ItemReader, corrupt};
use super::key::Item;
use super::query::{PartitionQuery, SortKeyRange};
use super::table::Table;

/// A range of ids, and the direction to read it in.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct IdSpan {
    /// The lowest id.
    pub(in crate::store) low: u128,
    /// The highest id.
    pub(in crate::store) high: u128,
    /// Newest first.
    pub(in crate::store) descending: bool,
}

impl IdSpan {
    /// The days of the ids, numbered since the epoch, in the order of the read.
    pub(in crate::store) fn days(self) -> impl Iterator<Item = i64> {
        const MILLIS_OF_DAY: u128 = 86_400_000;
        let day = |id: u128| i64::try_from((id >> 80) / MILLIS_OF_DAY).unwrap_or(i64::MAX);
        let (mut first, mut last) = (day(self.low), day(self.high) + i64::from(self.low <= self.high) - 1);
        std::iter::from_fn(move || {
            if first > last {
                None
            } else if self.descending {
                last -= 1;
                Some(last + 1)
            } else {
                first += 1;
                Some(first - 1)
            }
        })
    }
}

/// A merged read. The groups must be in the same order as the ids.
pub(in crate::store) struct MergeWalk<'a> {
    table: &'a Table,
    groups: VecDeque<Vec<String>>,
    lanes: Vec<PartitionCursor>,
    span: IdSpan,
    /// The number of items in one query.
    page: usize,
}

/// A partition of the current group.
struct PartitionCursor {
    pk: String,
    span: IdSpan,
    items: VecDeque<(u128, Item)>,
    is_exhausted: bool,
}

impl<'a> MergeWalk<'a> {
    pub(in crate::store) fn new(
        table: &'a Table,
        groups: impl IntoIterator<Item = Vec<String>>,
        span: IdSpan,
        page: usize,
    ) -> Self {
        Self { table, groups: groups.into_iter().collect(), lanes: Vec::new(), span, page }
    }

    /// The next item.
    pub(in crate::store) async fn next(&mut self) -> PortResult<Option<Item>> {
        loop {
            self.fill().await?;
            if let Some(item) = self.first() {
                return Ok(Some(item));
            }
            let Some(group) = self.groups.pop_front() else { return Ok(None) };
            let lane = |pk| PartitionCursor { pk, span: self.span, items: VecDeque::new(), is_exhausted: false };
            self.lanes = group.into_iter().map(lane).collect();
        }
    }

    /// Queries every partition that has no item in memory.
    async fn fill(&mut self) -> PortResult<()> {
        let (table, page) = (self.table, self.page);
        let empty = self.lanes.iter_mut().filter(|lane| lane.items.is_empty() && !lane.is_exhausted);
        try_join_all(empty.map(|lane| lane.read(table, page))).await.map(|_| ())
    }

    /// Takes the first item of all partitions.
    fn first(&mut self) -> Option<Item> {
        let descending = self.span.descending;
        let heads = self.lanes.iter().enumerate().filter_map(|(at, lane)| Some((lane.items.front()?.0, at)));
        let order = |a: &(u128, usize), b: &(u128, usize)| -> Ordering {
            if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) }
        };
        let (_, at) = heads.min_by(order)?;
        self.lanes.get_mut(at)?.items.pop_front().map(|(_, item)| item)
    }
}

impl PartitionCursor {
    async fn read(&mut self, table: &Table, page: usize) -> PortResult<()> {
        let IdSpan { low, high, descending } = self.span;
        let range = SortKeyRange::Between(text(low), text(high));
        let items = table.query(PartitionQuery::new(self.pk.clone(), range).descending(descending).limit(page)).await?;
        self.is_exhausted = items.len() < page;
        for item in items {
            let id = Uuid::try_parse(ItemReader(&item).sk()).map_err(|_| corrupt("sk"))?.as_u128();
            self.items.push_back((id, item));
        }
        if let Some((last, _)) = self.items.back() {
            // The next query starts behind this item.
            let next = if descending { last.checked_sub(1) } else { last.checked_add(1) };
            match next {
                Some(next) if descending => self.span.high = next,
                Some(next) => self.span.low = next,
                None => self.is_exhausted = true,
            }
        }
        Ok(())
    }
}

fn text(id: u128) -> String {
    Uuid::from_u128(id).to_string()
}
