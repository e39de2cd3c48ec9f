//! Tokens: one is written three times, for the call that brings it, for the list of its account, and for its revocation.
//!
//! A token that was given for another is listed with that one, and works only while that one's third item is there: it is
//! revoked with it in the same moment.

use hookline_core::account::AccountId;
use hookline_core::ports::{Answer, Fault, TokenCreated};
use hookline_core::token::{Person, Role, Token, TokenHash};
use jiff::Timestamp;
use uuid::Uuid;

use super::events::nonce;
use super::item::{Fields, Item, Read, bytes, corrupt, text};
use super::keys::{self, Key};
use super::step::Step;
use super::table::{Ask, Range, Table, pause};

/// How often a creation is tried anew after losing a race.
const MAX_RACES: u32 = 100;

impl Table {
    /// Stores a token, unless there are as many as there may be.
    pub(super) async fn add_token(&self, account: &AccountId, token: &Token, limit: u64) -> Answer<TokenCreated> {
        let lock = keys::tokens_lock(account, token.parent);
        for race in 0..MAX_RACES {
            let family = self.query(Ask::new(keys::tokens(account, token.parent), Range::All)).await?;
            let before = family.iter().map(Read).find(|read| read.sk() == lock.sk).and_then(|read| read.owned("last"));
            let mut working = 0;
            for entry in family.iter().map(Read).filter(|read| read.sk() != lock.sk) {
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
            let change = Step::update(lock.clone(), "SET #last = :this").with("this", text(nonce()));
            let change = match before {
                Some(before) => change.when("#last = :before").with("before", text(before)),
                None => change.when_absent(),
            };
            let account_lives = "attribute_exists(#pk) AND attribute_not_exists(#gone)";
            let mut steps = vec![change, Step::check(keys::account(account)).when(account_lives)];
            steps.extend(token.parent.map(|parent| Step::check(keys::token_pointer(parent)).when_present()));
            let checks = steps.len();
            steps.extend(items(account, token).map(Step::put).map(Step::when_absent));
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
    pub(super) async fn token_family(&self, account: &AccountId, parent: Option<Uuid>) -> Answer<Vec<Token>> {
        let entries = Range::Between("0".to_owned(), ":".to_owned());
        let entries = self.query(Ask::new(keys::tokens(account, parent), entries)).await?;
        entries.iter().map(|entry| from_item(Read(entry))).collect()
    }

    /// Whether the token that this one was given for is still there.
    pub(super) async fn has_parent(&self, token: &Token) -> Answer<bool> {
        match token.parent {
            Some(parent) => Ok(self.get(&keys::token_pointer(parent)).await?.is_some()),
            None => Ok(true),
        }
    }

    /// Removes a token, and then those that were given for it.
    pub(super) async fn remove_token(&self, account: &AccountId, token: &Token) -> Answer<bool> {
        let [by_hash, entry, pointer] = keys(account, token);
        let steps = [Step::delete(pointer).when_present(), Step::delete(by_hash), Step::delete(entry)];
        let removed = self.transact(&steps).await?.is_ok();
        let mut left = vec![keys::tokens_lock(account, Some(token.id))];
        for child in self.token_family(account, Some(token.id)).await? {
            left.extend(keys(account, &child));
        }
        self.delete_all(left).await?;
        Ok(removed)
    }
}

/// The keys of a token's items: by its hash, in the list, by its id.
fn keys(account: &AccountId, token: &Token) -> [Key; 3] {
    [
        keys::token(&token.hash),
        keys::token_entry(account, token.parent, token.created_at, token.id),
        keys::token_pointer(token.id),
    ]
}

/// A token's items, in the order of [`keys`].
fn items(account: &AccountId, token: &Token) -> [Item; 3] {
    let Token { id, hash, person, role, created_at, expires_at, parent } = token;
    // Those that people make are listed for good; those that programs ask for every hour are not.
    let forgotten: Option<Timestamp> = parent.and(*expires_at);
    keys(account, token).map(|key| {
        Fields::at(&key)
            .text("id", id.to_string())
            .text("account", account.as_str())
            .set("hash", bytes(hash.0))
            .number("person_id", person.id)
            .text("person_name", &person.name)
            .text("role", role.as_str())
            .time("created_at", *created_at)
            .maybe("ends_at", expires_at.map(super::item::time))
            .maybe("parent", parent.map(|parent| text(parent.to_string())))
            .maybe("expires_at", forgotten.map(super::item::expiry))
            .done()
    })
}

/// The token of any of its items.
pub(super) fn from_item(read: Read<'_>) -> Answer<Token> {
    let parent = read.maybe_text("parent").map(|text| Uuid::try_parse(text).map_err(|_| corrupt("parent")));
    Ok(Token {
        id: read.parsed("id", |text| Uuid::try_parse(text).ok())?,
        hash: TokenHash(read.bytes("hash")?.try_into().map_err(|_| corrupt("hash"))?),
        person: Person { id: read.number("person_id")?, name: read.text("person_name")?.to_owned() },
        role: read.parsed("role", Role::parse)?,
        created_at: read.time("created_at")?,
        expires_at: read.maybe_time("ends_at")?,
        parent: parent.transpose()?,
    })
}
