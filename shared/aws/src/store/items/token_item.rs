//! The three items of a token.

use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{Person, Role, Token, TokenHash, TokenScope};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{Item, ItemBuilder, ItemKey, ItemReader, bytes, corrupt, item, text};
use crate::store::keys;

/// The keys of a token's items: by its hash, in the list, and by its id.
pub(in crate::store) fn keys(account: &AccountId, token: &Token) -> [ItemKey; 3] {
    [
        keys::token(&token.hash),
        keys::token_entry(account, token.parent, token.created_at, token.id),
        keys::token_pointer(token.id),
    ]
}

/// The items of a token, in the order of [`keys`].
pub(in crate::store) fn items(account: &AccountId, token: &Token) -> [Item; 3] {
    let Token { id, hash, person, role, created_at, expires_at, parent, scope } = token;
    // Tokens that people create stay listed after they expire. Programs request tokens every hour, so those do not.
    let forgotten: Option<Timestamp> = parent.and(*expires_at);
    keys(account, token).map(|key| {
        ItemBuilder::at(&key)
            .text("id", id.to_string())
            .text("account", account.as_str())
            .set("hash", bytes(hash.0))
            .number("person_id", person.id)
            .text("person_name", &person.name)
            .text("role", role.as_str())
            .time("created_at", *created_at)
            .maybe("ends_at", expires_at.map(item::time))
            .maybe("parent", parent.map(|parent| text(parent.to_string())))
            .maybe("scope", scope.number().map(item::number))
            .maybe("expires_at", forgotten.map(item::expiry))
            .done()
    })
}

/// Reads a token from any of its items.
pub(in crate::store) fn from_item(read: ItemReader<'_>) -> PortResult<Token> {
    let parent = read.maybe_text("parent").map(|text| Uuid::try_parse(text).map_err(|_| corrupt("parent")));
    Ok(Token {
        id: read.parsed("id", |text| Uuid::try_parse(text).ok())?,
        hash: TokenHash(read.bytes("hash")?.try_into().map_err(|_| corrupt("hash"))?),
        person: Person { id: read.number("person_id")?, name: read.text("person_name")?.to_owned() },
        role: read.parsed("role", Role::parse)?,
        created_at: read.time("created_at")?,
        expires_at: read.maybe_time("ends_at")?,
        parent: parent.transpose()?,
        scope: TokenScope::of(read.maybe_number("scope")?),
    })
}
