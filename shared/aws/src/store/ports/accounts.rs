//! The port for accounts and their tokens.
//!
//! A deleted account leaves a tombstone while its items are removed (`account_removal`).

use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{Account, Caller, ConsoleLink, Token, TokenHash};
use hookline_core::ports::{Accounts, CreateTokenOutcome};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{
    CustomUrl, ItemBuilder, ItemKey, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome,
};
use crate::store::items::account_item::{from_item, living, to_item};
use crate::store::items::token_item;
use crate::store::keys;

/// For a removal in one call.
const NO_LIMIT: Duration = Duration::MAX;

#[async_trait]
impl Accounts for Table {
    async fn create_account(&self, account: &Account) -> PortResult<bool> {
        let put = Write::put(to_item(account)).when_absent();
        let entry = Write::put(ItemBuilder::at(&keys::account_entry(&account.id)).done());
        Ok(self.transact(&[put, entry]).await?.is_ok())
    }

    async fn account(&self, id: &AccountId) -> PortResult<Option<Account>> {
        self.get(&keys::account(id)).await?.as_ref().and_then(living).map(from_item).transpose()
    }

    async fn custom_url(&self, id: &AccountId, now: Timestamp) -> PortResult<Option<String>> {
        if let Some(CustomUrl(known)) = self.custom_urls().get(id, now) {
            return Ok(known);
        }
        let url = self.account(id).await?.and_then(|account| account.custom_url);
        self.custom_urls().put(id, CustomUrl(url.clone()), now);
        Ok(url)
    }

    async fn accounts(&self) -> PortResult<Vec<Account>> {
        let entries = self.query(PartitionQuery::new(keys::ACCOUNTS.to_owned(), SortKeyRange::All)).await?;
        let ids = entries.iter().map(|entry| ItemReader(entry).account("sk"));
        let wanted = ids.map(|id| Ok(keys::account(&id?))).collect::<PortResult<Vec<ItemKey>>>()?;
        let mut found = self.get_all(wanted.clone()).await?;
        // In the order of the entries, which is the order of the ids.
        let items = wanted.iter().filter_map(|key| found.remove(key));
        items.filter(|item| living(item).is_some()).map(|item| from_item(&item)).collect()
    }

    async fn update_account(&self, account: &Account) -> PortResult<bool> {
        let put = Write::put(to_item(account)).when("attribute_exists(#pk) AND attribute_not_exists(#gone)");
        match self.write(put, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => Ok(true),
            WriteOutcome::ConditionFailed(_) => Ok(false),
        }
    }

    async fn delete_account(&self, id: &AccountId) -> PortResult<bool> {
        let existed = self.mark_deleted(id).await?;
        while self.remove_items(id, NO_LIMIT).await?.is_some_and(|removal| !removal.done) {}
        self.end_removal(id).await?;
        Ok(existed)
    }

    async fn create_token(&self, account: &AccountId, token: &Token, limit: u64) -> PortResult<CreateTokenOutcome> {
        self.add_token(account, token, limit).await
    }

    async fn caller(&self, hash: &TokenHash, now: Timestamp) -> PortResult<Option<Caller>> {
        let Some(item) = self.get(&keys::token(hash)).await? else { return Ok(None) };
        let token = token_item::from_item(ItemReader(&item))?;
        if token.expires_at.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        let account = ItemReader(&item).account("account")?;
        let (account, has_parent) = tokio::try_join!(self.account(&account), self.has_parent(&token))?;
        let account = account.filter(|account| has_parent && !account.disabled);
        Ok(account.map(|account| Caller { token, account }))
    }

    async fn tokens(&self, account: &AccountId) -> PortResult<Vec<Token>> {
        self.token_family(account, None).await
    }

    async fn revoke_token(&self, id: Uuid) -> PortResult<bool> {
        let Some(pointer) = self.get(&keys::token_pointer(id)).await? else { return Ok(false) };
        let (account, token) = (ItemReader(&pointer).account("account")?, token_item::from_item(ItemReader(&pointer))?);
        self.remove_token(&account, &token).await
    }

    async fn create_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        link: &ConsoleLink,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome> {
        self.add_console_link(account, hash, link, limit).await
    }

    async fn take_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        now: Timestamp,
    ) -> PortResult<Option<ConsoleLink>> {
        self.remove_console_link(account, hash, now).await
    }
}
