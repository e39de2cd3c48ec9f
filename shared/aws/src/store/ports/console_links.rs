//! Console links: one item each in a partition of their account. DynamoDB deletes those that expired.

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::{ConsoleLink, TokenHash};
use hookline_core::ports::CreateTokenOutcome;
use jiff::Timestamp;

use crate::store::dynamo::{
    Item, ItemBuilder, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, corrupt,
    nonce, pause, text,
};
use crate::store::keys;

/// How often a creation is retried after a conflict.
const MAX_RACES: u32 = 100;

impl Table {
    /// Stores a link, unless the limit is reached.
    pub(in crate::store) async fn add_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        link: &ConsoleLink,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome> {
        let (key, lock) = (keys::console_link(account, hash), keys::console_links_lock(account));
        let record = serde_json::to_string(link).map_err(|_| corrupt("record"))?;
        let item = ItemBuilder::at(&key).text("record", record).expires(link.expires_at).done();
        for race in 0..MAX_RACES {
            let items = self.query(PartitionQuery::new(keys::console_links(account), SortKeyRange::All)).await?;
            let (mut before, mut live) = (None, 0);
            for item in &items {
                let read = ItemReader(item);
                if read.sk() == lock.sk {
                    before = read.owned("last");
                } else if read.sk() == key.sk {
                    // The SDK repeated a call whose first attempt had succeeded.
                    return Ok(CreateTokenOutcome::Done);
                } else {
                    live += u64::from(from_item(item)?.expires_at > link.created_at);
                }
            }
            if live >= limit {
                return Ok(CreateTokenOutcome::TooMany);
            }
            let change = Write::update(lock.clone(), "SET #last = :this").with("this", text(nonce()));
            let change = match before {
                Some(before) => change.when("#last = :before").with("before", text(before)),
                None => change.when_absent(),
            };
            let writes = [
                change,
                Write::check(keys::account(account)).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
                Write::check(keys::token_pointer(link.parent)).when_present(),
                Write::put(item.clone()).when_absent(),
            ];
            match self.transact(&writes).await? {
                Ok(()) => return Ok(CreateTokenOutcome::Done),
                Err(failed) if failed.iter().any(|(write, _)| matches!(write, 1 | 2)) => {
                    return Ok(CreateTokenOutcome::Gone);
                }
                Err(_) => pause(race).await,
            }
        }
        Err(PortError::unavailable("store", "creating a console link conflicted too often"))
    }

    /// Deletes a link and returns it, if it has not expired.
    pub(in crate::store) async fn remove_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        now: Timestamp,
    ) -> PortResult<Option<ConsoleLink>> {
        let delete = Write::delete(keys::console_link(account, hash)).when_present();
        match self.write(delete, ReturnItem::Old).await? {
            WriteOutcome::Applied(Some(item)) => Ok(Some(from_item(&item)?).filter(|link| link.expires_at > now)),
            WriteOutcome::Applied(None) | WriteOutcome::ConditionFailed(_) => Ok(None),
        }
    }
}

fn from_item(item: &Item) -> PortResult<ConsoleLink> {
    serde_json::from_str(ItemReader(item).text("record")?).map_err(|_| corrupt("record"))
}
