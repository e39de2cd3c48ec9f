//! The wrapped data keys of accounts. They are numbered from 1; a sealed value contains the number of its key.

use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;

use crate::store::dynamo::{
    ItemBuilder, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, bytes,
};
use crate::store::keys;

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    /// Its number.
    pub(crate) number: u8,
    /// The key, which only the master key can unwrap.
    pub(crate) wrapped: Vec<u8>,
}

impl Table {
    /// The newest data key of an account.
    pub(crate) async fn newest_data_key(&self, account: &AccountId) -> PortResult<Option<WrappedKey>> {
        let newest = PartitionQuery::new(keys::data_keys(account), SortKeyRange::All).descending(true).limit(1);
        self.query(newest).await?.first().map(|item| read(ItemReader(item))).transpose()
    }

    /// A data key by its number.
    pub(crate) async fn data_key(&self, account: &AccountId, number: u8) -> PortResult<Option<WrappedKey>> {
        self.get(&keys::data_key(account, number)).await?.map(|item| read(ItemReader(&item))).transpose()
    }

    /// All data keys of an account.
    pub(crate) async fn data_keys(&self, account: &AccountId) -> PortResult<Vec<WrappedKey>> {
        let all = self.query(PartitionQuery::new(keys::data_keys(account), SortKeyRange::All)).await?;
        all.iter().map(|item| read(ItemReader(item))).collect()
    }

    /// Stores a data key if its number is free. Answers the key that is stored under the number.
    pub(crate) async fn add_data_key(&self, account: &AccountId, key: WrappedKey) -> PortResult<WrappedKey> {
        let item = ItemBuilder::at(&keys::data_key(account, key.number)).number("number", key.number);
        let put = Write::put(item.set("wrapped", bytes(key.wrapped.clone())).done()).when_absent();
        match self.write(put, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) | WriteOutcome::ConditionFailed(None) => Ok(key),
            WriteOutcome::ConditionFailed(Some(stored)) => read(ItemReader(&stored)),
        }
    }

    /// Replaces the wrapped form of a data key, unless it changed since it was read.
    pub(crate) async fn rewrap_data_key(
        &self,
        account: &AccountId,
        before: &WrappedKey,
        wrapped: Vec<u8>,
    ) -> PortResult<bool> {
        let change = Write::update(keys::data_key(account, before.number), "SET #wrapped = :wrapped")
            .when("#wrapped = :before")
            .with("wrapped", bytes(wrapped))
            .with("before", bytes(before.wrapped.clone()));
        match self.write(change, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => Ok(true),
            WriteOutcome::ConditionFailed(_) => Ok(false),
        }
    }
}

fn read(read: ItemReader<'_>) -> PortResult<WrappedKey> {
    Ok(WrappedKey { number: read.number("number")?, wrapped: read.bytes("wrapped")?.to_vec() })
}
