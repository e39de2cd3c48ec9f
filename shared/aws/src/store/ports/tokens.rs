//! Tokens: one is written three times, for the call that brings it, for the list of its account, and for its revocation.
//!
//! A token that was given for another is listed with that one, and works only while that one's third item is there: it is
//! revoked with it in the same moment.

use hookline_core::account::AccountId;
use hookline_core::ports::{Answer, Fault, TokenCreated};
use hookline_core::token::Token;
use uuid::Uuid;

use crate::store::dynamo::{ItemReader, PartitionQuery, SortKeyRange, Table, Write, nonce, pause, text};
use crate::store::items::token_item::{from_item, items, keys as keys_of};
use crate::store::keys;

/// How often a creation is tried anew after losing a race.
const MAX_RACES: u32 = 100;

impl Table {
    /// Stores a token, unless there are as many as there may be.
    pub(in crate::store) async fn add_token(
        &self,
        account: &AccountId,
        token: &Token,
        limit: u64,
    ) -> Answer<TokenCreated> {
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
                    // The call was repeated on its way, and the first one had been made.
                    return Ok(TokenCreated::Done);
                }
                working += u64::from(sibling.expires_at.is_none_or(|end| end > token.created_at));
            }
            if working >= limit {
                return Ok(TokenCreated::TooMany);
            }
            let change = Write::update(lock.clone(), "SET #last = :this").with("this", text(nonce()));
            let change = match before {
                Some(before) => change.when("#last = :before").with("before", text(before)),
                None => change.when_absent(),
            };
            let account_lives = "attribute_exists(#pk) AND attribute_not_exists(#gone)";
            let mut steps = vec![change, Write::check(keys::account(account)).when(account_lives)];
            steps.extend(token.parent.map(|parent| Write::check(keys::token_pointer(parent)).when_present()));
            let checks = steps.len();
            steps.extend(items(account, token).map(Write::put).map(Write::when_absent));
            match self.transact(&steps).await? {
                Ok(()) => return Ok(TokenCreated::Done),
                Err(failed) if failed.iter().any(|(step, _)| (1..checks).contains(step)) => {
                    return Ok(TokenCreated::Gone);
                }
                Err(_) => pause(race).await,
            }
        }
        Err(Fault::unavailable("store", "too many tokens are made at once"))
    }

    /// The tokens of an account that have this parent, or none; oldest first.
    pub(in crate::store) async fn token_family(&self, account: &AccountId, parent: Option<Uuid>) -> Answer<Vec<Token>> {
        let entries = SortKeyRange::Between("0".to_owned(), ":".to_owned());
        let entries = self.query(PartitionQuery::new(keys::tokens(account, parent), entries)).await?;
        entries.iter().map(|entry| from_item(ItemReader(entry))).collect()
    }

    /// Whether the token that this one was given for is still there.
    pub(in crate::store) async fn has_parent(&self, token: &Token) -> Answer<bool> {
        match token.parent {
            Some(parent) => Ok(self.get(&keys::token_pointer(parent)).await?.is_some()),
            None => Ok(true),
        }
    }

    /// Removes a token, and then those that were given for it.
    pub(in crate::store) async fn remove_token(&self, account: &AccountId, token: &Token) -> Answer<bool> {
        let [by_hash, entry, pointer] = keys_of(account, token);
        let steps = [Write::delete(pointer).when_present(), Write::delete(by_hash), Write::delete(entry)];
        let removed = self.transact(&steps).await?.is_ok();
        let mut left = vec![keys::tokens_lock(account, Some(token.id))];
        for child in self.token_family(account, Some(token.id)).await? {
            left.extend(keys_of(account, &child));
        }
        self.delete_all(left).await?;
        Ok(removed)
    }
}
