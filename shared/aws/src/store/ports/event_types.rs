//! The port for the event types of accounts. They are few, and stored by name.

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::event::EventName;
use hookline_core::event_type::{EventType, EventTypeId};
use hookline_core::listing::{Page, Query, Value};
use hookline_core::ports::{Answer, EventTypeCreated, EventTypes};
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
    ) -> Answer<EventTypeCreated> {
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
            Ok(()) => EventTypeCreated::Done(EventType { id: EventTypeId(id), name: name.clone(), created_at: now }),
            Err(failed) if failed.iter().any(|(write, _)| *write == 0) => EventTypeCreated::Exists,
            Err(_) => EventTypeCreated::TooMany,
        })
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> Answer<bool> {
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

    async fn list_event_types(&self, account: &AccountId, query: &Query) -> Answer<Page<EventType>> {
        let items = self.event_type_items(account).await?;
        let field = |item: &Item, field: &str| listed(ItemReader(item), field);
        let ListSlice { chosen, total, offset } =
            in_memory::pick(&items, query, field, |item| ItemReader(item).number("id"))?;
        let items = chosen.into_iter().map(|at| from_item(ItemReader(&items[at]))).collect::<Answer<_>>()?;
        Ok(Page { items, total, offset })
    }

    async fn own_event_names(&self, account: &AccountId) -> Answer<Vec<EventName>> {
        let items = self.event_type_items(account).await?;
        items.iter().map(|item| ItemReader(item).event_name("sk")).collect()
    }
}

impl Table {
    async fn event_type_items(&self, account: &AccountId) -> Answer<Vec<Item>> {
        self.query(PartitionQuery::new(keys::event_types(account), SortKeyRange::All)).await
    }
}

fn from_item(read: ItemReader<'_>) -> Answer<EventType> {
    Ok(EventType {
        id: EventTypeId(read.number("id")?),
        name: read.event_name("sk")?,
        created_at: read.time("created_at")?,
    })
}

/// The value of a field that event types can be sorted or filtered by.
fn listed(read: ItemReader<'_>, field: &str) -> Answer<Option<Value>> {
    Ok(Some(match field {
        "id" => Value::Int(read.number("id")?),
        "name" => Value::Text(read.text("sk")?.to_owned()),
        "created_at" => Value::Time(read.time("created_at")?),
        _ => return Err(corrupt("a list field of event types")),
    }))
}
