//! Accounts and their tokens, as they are stored.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::{Account, Caller, ConsoleLink, Token, TokenHash};

/// Accounts, and the tokens that open them.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates an account; `false` if there is one with that id.
    async fn create_account(&self, account: &Account) -> PortResult<bool>;
    /// One account.
    async fn account(&self, id: &AccountId) -> PortResult<Option<Account>>;
    /// The [`custom_url`](crate::model::Account::custom_url) of an account's messages, as it is or was a few seconds
    /// ago.
    async fn custom_url(&self, id: &AccountId, _now: Timestamp) -> PortResult<Option<String>> {
        Ok(self.account(id).await?.and_then(|account| account.custom_url))
    }
    /// All accounts, by id.
    async fn accounts(&self) -> PortResult<Vec<Account>>;
    /// Writes an account anew; `false` if it is gone.
    async fn update_account(&self, account: &Account) -> PortResult<bool>;
    /// Deletes an account with its tokens, webhooks, events and delivery records; `false` if there was none. Its
    /// waiting messages are cancelled when they are due.
    async fn delete_account(&self, id: &AccountId) -> PortResult<bool>;

    /// Stores a token of an account, unless `limit` of them with the same parent, or none, work at its `created_at`.
    /// Tokens of console links are counted among themselves.
    /// Siblings that no longer work then may be removed.
    async fn create_token(&self, account: &AccountId, token: &Token, limit: u64) -> PortResult<CreateTokenOutcome>;
    /// Who calls, by the hash of the token. `None` for an unknown, revoked or expired token, and for a disabled
    /// account. MUST read the store every time: a revocation works on the next call.
    async fn caller(&self, hash: &TokenHash, now: Timestamp) -> PortResult<Option<Caller>>;
    /// All tokens of an account but those with a parent, oldest first.
    async fn tokens(&self, account: &AccountId) -> PortResult<Vec<Token>>;
    /// Revokes a token of any account, and those that have it as their parent; `false` if it does not exist.
    async fn revoke_token(&self, id: Uuid) -> PortResult<bool>;

    /// Stores a console link of an account under the hash of its code, unless `limit` of them can be used at its
    /// `created_at`.
    async fn create_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        link: &ConsoleLink,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome>;
    /// Removes a console link and returns it, if it can be used at `now`. Of several calls at once, one gets it.
    async fn take_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        now: Timestamp,
    ) -> PortResult<Option<ConsoleLink>>;
}

/// How the creation of a token or a console link went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateTokenOutcome {
    /// It is created.
    Done,
    /// There are as many as there may be.
    TooMany,
    /// The account or the parent is gone.
    Gone,
}
