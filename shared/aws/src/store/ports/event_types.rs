//! The port for the event types of accounts. They are few, and stored by name.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventName, EventType};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{FieldValue, ListQuery, Page};
use jiff::Timestamp;

use crate::store::dynamo::{
    Item, ItemBuilder, ItemReader, PartitionQuery, SortKeyRange, Table, Write, corrupt, number,
};
use crate::store::keys;
use crate::store::lists::in_memory;
use crate::store::lists::in_memory::ListSlice;

#[async_trait]
impl EventTypes for Table {
    async fn create_event_type(
        &self,
        account: &AccountId,
        name: &EventName,
        now: Timestamp,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        let id = self.count_up("event-types").await?;
        let item = ItemBuilder::at(&keys::event_type(account, name)).number("id", id).time("created_at", now).done();
        let writes = [
            Write::put(item).when_absent(),
            Write::check(keys::account(account)).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
            Write::update(keys::event_type_counter(account), "ADD #types :one")
                .when("attribute_not_exists(#types) OR #types < :limit")
                .with("one", number(1))
                .with("limit", number(limit)),
        ];
        Ok(match self.transact(&writes).await? {
            Ok(()) => {
                CreateEventTypeOutcome::Done(EventType { id: EventTypeId(id), name: name.clone(), created_at: now })
            }
            Err(failed) if failed.iter().any(|(write, _)| *write == 0) => CreateEventTypeOutcome::Exists,
            Err(_) => CreateEventTypeOutcome::TooMany,
        })
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool> {
        let items = self.event_type_items(account).await?;
        let Some(item) = items.iter().find(|item| ItemReader(item).number("id").is_ok_and(|found: u64| found == id.0))
        else {
            return Ok(false);
        };
        let writes = [
            Write::delete(keys::event_type(account, &ItemReader(item).event_name("sk")?))
                .when("#id = :id")
                .with("id", number(id.0)),
            Write::update(keys::event_type_counter(account), "ADD #types :less").with("less", number(-1)),
        ];
        Ok(self.transact(&writes).await?.is_ok())
    }

    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>> {
        let items = self.event_type_items(account).await?;
        let field = |item: &Item, field: &str| listed(ItemReader(item), field);
        let ListSlice { chosen, total, offset } =
            in_memory::pick(&items, query, field, |item| ItemReader(item).number("id"))?;
        let items = chosen.into_iter().map(|at| from_item(ItemReader(&items[at]))).collect::<PortResult<_>>()?;
        Ok(Page { items, total, offset })
    }

    async fn own_event_names(&self, account: &AccountId) -> PortResult<Vec<EventName>> {
        let items = self.event_type_items(account).await?;
        items.iter().map(|item| ItemReader(item).event_name("sk")).collect()
    }
}

impl Table {
    async fn event_type_items(&self, account: &AccountId) -> PortResult<Vec<Item>> {
        self.query(PartitionQuery::new(keys::event_types(account), SortKeyRange::All)).await
    }
}

fn from_item(read: ItemReader<'_>) -> PortResult<EventType> {
    Ok(EventType {
        id: EventTypeId(read.number("id")?),
        name: read.event_name("sk")?,
        created_at: read.time("created_at")?,
    })
}

/// The value of a field that event types can be sorted or filtered by.
fn listed(read: ItemReader<'_>, field: &str) -> PortResult<Option<FieldValue>> {
    Ok(Some(match field {
        "id" => FieldValue::Int(read.number("id")?),
        "name" => FieldValue::Text(read.text("sk")?.to_owned()),
        "created_at" => FieldValue::Time(read.time("created_at")?),
        _ => return Err(corrupt("a list field of event types")),
    }))
}
