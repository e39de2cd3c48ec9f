//! The port for the audit trail. The entry of a change is part of the transaction that makes the change.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{AuditAction, AuditEntry, AuditSubject, Person, StoredAuditEntry};
use hookline_core::ports::Audit;
use hookline_core::values::{FieldValue, ListQuery, Page};

use crate::encoding::{pack, unpack};
use crate::store::dynamo::{
    Item, ItemBuilder, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, bytes,
    corrupt, number, text,
};
use crate::store::keys;
use crate::store::lists::in_memory;
use crate::store::lists::in_memory::ListSlice;

#[async_trait]
impl Audit for Table {
    async fn audit(&self, entry: &AuditEntry) -> PortResult<()> {
        let write = self.audit_write(entry).await?;
        self.write(write, ReturnItem::Old).await.map(|_| ())
    }

    async fn list_audit(
        &self,
        account: &AccountId,
        subject: AuditSubject,
        query: &ListQuery,
    ) -> PortResult<Page<StoredAuditEntry>> {
        let own = PartitionQuery::new(keys::audit(account), SortKeyRange::Prefix(keys::audit_of(subject)));
        let entries = self.query(own).await?;
        let ListSlice { chosen, total, offset } = in_memory::pick(
            &entries,
            query,
            |entry, field| listed(ItemReader(entry), field),
            |entry| ItemReader(entry).number("id"),
        )?;
        let items = chosen.into_iter().map(|at| audited(account, subject, &entries[at])).collect::<PortResult<_>>()?;
        Ok(Page { items, total, offset })
    }
}

impl Table {
    /// Increments a counter of the deployment, and answers its value.
    pub(in crate::store) async fn count_up(&self, counter: &str) -> PortResult<u64> {
        let next = Write::update(keys::counter(counter), "ADD #value :one").with("one", number(1));
        match self.write(next, ReturnItem::New).await? {
            WriteOutcome::Applied(Some(item)) => ItemReader(&item).number("value"),
            WriteOutcome::Applied(None) | WriteOutcome::ConditionFailed(_) => Err(corrupt("value")),
        }
    }

    /// The write of an audit entry.
    pub(in crate::store) async fn audit_write(&self, entry: &AuditEntry) -> PortResult<Write> {
        let AuditEntry { account, subject, action, at, by, changes } = entry;
        let id = self.count_up("audit").await?;
        let changes = serde_json::to_vec(changes).map_err(|_| corrupt("changes"))?;
        let item = ItemBuilder::at(&keys::audit_entry(account, *subject, id))
            .number("id", id)
            .text("action", action.as_str())
            .time("created_at", *at)
            .maybe("person_id", by.as_ref().map(|person| number(person.id)))
            .maybe("person_name", by.as_ref().map(|person| text(&person.name)))
            .set("changes", bytes(pack(&changes)));
        Ok(Write::put(item.done()))
    }
}

/// The value of a field that the audit trail can be sorted or filtered by.
fn listed(read: ItemReader<'_>, field: &str) -> PortResult<Option<FieldValue>> {
    Ok(Some(match field {
        "id" => FieldValue::Int(read.number("id")?),
        "action" => FieldValue::Text(read.text("action")?.to_owned()),
        "created_at" => FieldValue::Time(read.time("created_at")?),
        _ => return Err(corrupt("a list field of the audit trail")),
    }))
}

fn audited(account: &AccountId, subject: AuditSubject, item: &Item) -> PortResult<StoredAuditEntry> {
    let read = ItemReader(item);
    let by = match (read.maybe_number("person_id")?, read.owned("person_name")) {
        (Some(id), Some(name)) => Some(Person { id, name }),
        (_, _) => None,
    };
    let changes = unpack(read.bytes("changes")?)?;
    let entry = AuditEntry {
        account: account.clone(),
        subject,
        action: read.parsed("action", AuditAction::parse)?,
        at: read.time("created_at")?,
        by,
        changes: serde_json::from_slice(&changes).map_err(|_| corrupt("changes"))?,
    };
    Ok(StoredAuditEntry { id: read.number("id")?, entry })
}
