//! Tokens. Each is stored three times: by its hash for authentication, in its account's list, and by its id for
//! revocation.
//!
//! A token that was issued for another one is listed under that one, and is valid only while the other's third item
//! exists. So both are revoked in the same moment.

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::Token;
use hookline_core::ports::CreateTokenOutcome;
use uuid::Uuid;

use crate::store::dynamo::{ItemReader, PartitionQuery, SortKeyRange, Table, Write, nonce, pause, text};
use crate::store::items::token_item::{from_item, items, keys as keys_of};
use crate::store::keys;

/// How often a creation is retried after a conflict.
const MAX_RACES: u32 = 100;

impl Table {
    /// Stores a token, unless the limit is reached.
    pub(in crate::store) async fn add_token(
        &self,
        account: &AccountId,
        token: &Token,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome> {
        let lock = keys::tokens_lock(account, token.parent);
        for race in 0..MAX_RACES {
            let family =
                self.query(PartitionQuery::new(keys::tokens(account, token.parent), SortKeyRange::All)).await?;
            let before =
                family.iter().map(ItemReader).find(|read| read.sk() == lock.sk).and_then(|read| read.owned("last"));
            let mut working = 0;
            for entry in family.iter().map(ItemReader).filter(|read| read.sk() != lock.sk) {
                let sibling = from_item(entry)?;
                if sibling.id == token.id {
                    // The SDK repeated a call whose first attempt had succeeded.
                    return Ok(CreateTokenOutcome::Done);
                }
                let is_counted = sibling.scope.is_of_link() == token.scope.is_of_link();
                working += u64::from(is_counted && sibling.expires_at.is_none_or(|end| end > token.created_at));
            }
            if working >= limit {
                return Ok(CreateTokenOutcome::TooMany);
            }
            let change = Write::update(lock.clone(), "SET #last = :this").with("this", text(nonce()));
            let change = match before {
                Some(before) => change.when("#last = :before").with("before", text(before)),
                None => change.when_absent(),
            };
            let account_lives = "attribute_exists(#pk) AND attribute_not_exists(#gone)";
            let mut writes = vec![change, Write::check(keys::account(account)).when(account_lives)];
            writes.extend(token.parent.map(|parent| Write::check(keys::token_pointer(parent)).when_present()));
            let checks = writes.len();
            writes.extend(items(account, token).map(Write::put).map(Write::when_absent));
            match self.transact(&writes).await? {
                Ok(()) => return Ok(CreateTokenOutcome::Done),
                Err(failed) if failed.iter().any(|(write, _)| (1..checks).contains(write)) => {
                    return Ok(CreateTokenOutcome::Gone);
                }
                Err(_) => pause(race).await,
            }
        }
        Err(PortError::unavailable("store", "creating a token conflicted too often"))
    }

    /// The tokens of an account with this parent, or without one, oldest first.
    pub(in crate::store) async fn token_family(
        &self,
        account: &AccountId,
        parent: Option<Uuid>,
    ) -> PortResult<Vec<Token>> {
        let entries = SortKeyRange::Between("0".to_owned(), ":".to_owned());
        let entries = self.query(PartitionQuery::new(keys::tokens(account, parent), entries)).await?;
        entries.iter().map(|entry| from_item(ItemReader(entry))).collect()
    }

    /// Whether the parent of the token still exists.
    pub(in crate::store) async fn has_parent(&self, token: &Token) -> PortResult<bool> {
        match token.parent {
            Some(parent) => Ok(self.get(&keys::token_pointer(parent)).await?.is_some()),
            None => Ok(true),
        }
    }

    /// Deletes a token, and then the tokens that were issued for it.
    pub(in crate::store) async fn remove_token(&self, account: &AccountId, token: &Token) -> PortResult<bool> {
        let [by_hash, entry, pointer] = keys_of(account, token);
        let writes = [Write::delete(pointer).when_present(), Write::delete(by_hash), Write::delete(entry)];
        let removed = self.transact(&writes).await?.is_ok();
        let mut left = vec![keys::tokens_lock(account, Some(token.id))];
        for child in self.token_family(account, Some(token.id)).await? {
            left.extend(keys_of(account, &child));
        }
        self.delete_all(left).await?;
        Ok(removed)
    }
}
