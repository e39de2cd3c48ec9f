//! The port for the event types of accounts. They are few, and stored by name.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventType, EventTypeDocuments, SchemaMode};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{FieldValue, ListQuery, Page};

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
        new: &EventType,
        documents: &EventTypeDocuments,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        let created = EventType { id: EventTypeId(self.count_up("event-types").await?), ..new.clone() };
        let writes = [
            Write::put(item(account, &created)).when_absent(),
            Write::check(keys::account(account)).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
            Write::update(keys::event_type_counter(account), "ADD #types :one")
                .when("attribute_not_exists(#types) OR #types < :limit")
                .with("one", number(1))
                .with("limit", number(limit)),
            Write::put(documents_item(account, created.id, documents)),
        ];
        Ok(match self.transact(&writes).await? {
            Ok(()) => CreateEventTypeOutcome::Done(created),
            Err(failed) if failed.iter().any(|(write, _)| *write == 0) => CreateEventTypeOutcome::Exists,
            Err(_) => CreateEventTypeOutcome::TooMany,
        })
    }

    async fn update_event_type(
        &self,
        account: &AccountId,
        changed: &EventType,
        documents: &EventTypeDocuments,
    ) -> PortResult<bool> {
        // A type of an earlier release has no version until it is changed.
        let writes = [
            Write::put(item(account, changed))
                .when("#id = :id AND (attribute_not_exists(#version) OR #version = :version)")
                .with("id", number(changed.id.0))
                .with("version", number(changed.version - 1)),
            Write::put(documents_item(account, changed.id, documents)),
        ];
        Ok(self.transact(&writes).await?.is_ok())
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
            Write::delete(keys::event_type_documents(account, id)),
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

    async fn own_event_types(&self, account: &AccountId) -> PortResult<Vec<EventType>> {
        let items = self.event_type_items(account).await?;
        items.iter().map(|item| from_item(ItemReader(item))).collect()
    }

    async fn event_type_documents(&self, account: &AccountId, id: EventTypeId) -> PortResult<EventTypeDocuments> {
        let item = self.get(&keys::event_type_documents(account, id)).await?.unwrap_or_default();
        Ok(EventTypeDocuments {
            schema: ItemReader(&item).owned("schema"),
            example: ItemReader(&item).owned("example"),
        })
    }
}

impl Table {
    async fn event_type_items(&self, account: &AccountId) -> PortResult<Vec<Item>> {
        self.query(PartitionQuery::new(keys::event_types(account), SortKeyRange::All)).await
    }
}

fn item(account: &AccountId, event_type: &EventType) -> Item {
    let EventType { id, name, description, schema_mode, created_at, updated_at, version } = event_type;
    ItemBuilder::at(&keys::event_type(account, name))
        .number("id", id.0)
        .maybe_text("description", description.as_deref())
        .text("schema_mode", schema_mode.as_str())
        .time("created_at", *created_at)
        .time("updated_at", *updated_at)
        .number("version", version)
        .done()
}

fn documents_item(account: &AccountId, id: EventTypeId, documents: &EventTypeDocuments) -> Item {
    ItemBuilder::at(&keys::event_type_documents(account, id))
        .maybe_text("schema", documents.schema.as_deref())
        .maybe_text("example", documents.example.as_deref())
        .done()
}

/// A type of an earlier release has a name and a time only.
fn from_item(read: ItemReader<'_>) -> PortResult<EventType> {
    let created_at = read.time("created_at")?;
    Ok(EventType {
        id: EventTypeId(read.number("id")?),
        name: read.event_name("sk")?,
        description: read.owned("description"),
        schema_mode: match read.maybe_text("schema_mode") {
            None => SchemaMode::Off,
            Some(_) => read.parsed("schema_mode", SchemaMode::parse)?,
        },
        created_at,
        updated_at: read.maybe_time("updated_at")?.unwrap_or(created_at),
        version: read.maybe_number("version")?.unwrap_or(1),
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
