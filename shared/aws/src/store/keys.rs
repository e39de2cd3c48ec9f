//! The key layout of the one table, and who reads what by it.
//!
//! Every item has `pk` and `sk`, texts made of parts with one space between them. No part can contain a space: ids of
//! accounts, events, webhooks, deliveries and tokens have none by their grammar. The account comes first in every key
//! that a request can reach, except where the request does not know it yet (a token) or may not be bound to one.
//! Numbers are padded with zeros, so their order as texts is their order as numbers.
//!
//! | what | `pk` | `sk` | access patterns |
//! |---|---|---|---|
//! | account | `A account` | `account` | by id: `GetItem`; with a token, with a target |
//! | its entry | `accounts` | `A` | all accounts, by id: `Query` |
//! | token | `token HASH` | `token` | who calls: `GetItem`, then the account |
//! | its entry | `A tokens` | `TIME ID` | all of an account, oldest first: `Query` |
//! | of one that was given for another | `A tokens-of ID` | `TIME ID` | those that go with it: `Query` |
//! | the last change of either | the same | `lock` | written with each new token, so that a limit holds |
//! | its pointer | `token-id ID` | `token-id` | revoke by id, whatever the account: `GetItem` |
//! | data key | `A keys` | `NUMBER` | the newest, and one by its number: `Query`, `GetItem` |
//! | counter | `counter` | what is counted |  the next number: `UpdateItem` |
//! | webhook, its state | `A webhook W` | `now state` | what a delivery needs: `Query` of `now …` |
//! | webhook, its health | `A webhook W` | `now health` | the same; written by deliveries alone |
//! | webhook, its description | `A webhook W` | `text` | the record: `Query` from `now` to `text` |
//! | webhook, its mails | `A webhook W` | `mails` | leave to mail: `UpdateItem` |
//! | policy | `A policies` | `P` | by id, with a target: `GetItem`; the account's: `Query` |
//! | how many policies | `A policies` | `counters` | in the transactions of creation and deletion |
//! | policy, by its name | `A policy-name NAME` | `policy-name` | the public documents: `GetItem`, then the policy |
//! | event type | `A event-types` | its name | the account's, by name: `Query` |
//! | how many of them | `A event-types-count` | `count` | in the transactions of creation and deletion |
//! | attachment | `A attachments` | UUID of its key | by key: `GetItem`; all of an account, for its limit: `Query` |
//! | the last one handed out | `A attachments` | `lock` | written with each new one, so that the limit holds |
//! | audit trail | `A audit` | `KIND ID NUMBER` | all of a record, in order: `Query` of `KIND ID …` |
//! | webhook, in the list | `A webhooks` | `W` | a page in id order, or all of them for other orders: `Query` |
//! | how many webhooks | `A webhooks` | `counters` | in the transactions of creation and deletion |
//! | subscription | `A on EVENT` | `W` | whom an event is for: `Query`, and at the same time … |
//! | subscription, a pattern | `A patterns` | `W` | … all patterns of the account: `Query` |
//! | event | `A event E` | `event` | claimed by `PutItem`; read for payloads and redelivery: `Query` with the next |
//! | its fan-out | `A event E` | `fan-out` | lease, progress, who matched: `PutItem` |
//! | an attempt of it | `A event E` | `try W RUN N` | claimed by `UpdateItem`; all of an event: `Query` of `try …` |
//! | delivery record | `A deliveries W SHARD` | `D` | by id: `GetItem`; a webhook's, newest first: `Query` of 8 shards |
//! | what is no success | `A troubles DAY SHARD` | `D` | the account's, newest first: `Query` of 8 shards a day |
//! | message of a later run | `A message M` | `message` | from a message to its event: `GetItem` |
//! | redelivery job | `A redelivery ID` | `redelivery` | by id: `GetItem`; changed under its state |
//! | a job that runs | `A redelivering W WISH` | `redelivering` | by what it wants: `GetItem` |
//! | endpoint host | `host H` | `host` | by host: `GetItem`; changed under its version |
//! | what waits for a host | `A waiting GROUP` | moment | counted by `UpdateItem`; summed up: `Query` |
//! | mails to an address | `A mails ADDRESS` | `mails` | leave to mail: in its transaction |
//! | mails of a day | `A mail-day DAY` | `mail-day` | the same |
//! | calls of a token | `rate ID` | `rate` | counted by `UpdateItem` |
//!
//! The record of a message's first attempt has no entry in the event's partition, so that a first success costs one
//! write: its key follows from the message id, which holds the moment of acceptance and the webhook. What else there is
//! of a message is under its event's `try …`.

use hookline_core::account::AccountId;
use hookline_core::attachment::AttachmentKey;
use hookline_core::audit::Subject;
use hookline_core::delivery::DeliveryId;
use hookline_core::endpoint_uri::EndpointHost;
use hookline_core::event::{EventId, EventName};
use hookline_core::mail_address::MailAddress;
use hookline_core::matching::Subscription;
use hookline_core::message::MessageId;
use hookline_core::policy::{PolicyId, PolicyName};
use hookline_core::token::TokenHash;
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::encoding::hex;
use crate::store::dynamo::Key;

/// How many partitions hold the delivery records of a webhook, and the troubles of a day.
pub(in crate::store) const SHARDS: u8 = 8;

/// The `sk` of items that a delivery needs of a webhook begin so.
pub(in crate::store) const NOW: &str = "now ";
/// The `sk` of a webhook's state.
pub(in crate::store) const STATE: &str = "now state";
/// The `sk` of a webhook's health.
pub(in crate::store) const HEALTH: &str = "now health";
/// The `sk` of a webhook's description.
pub(in crate::store) const TEXT: &str = "text";
/// The `sk` of an event.
pub(in crate::store) const EVENT: &str = "event";
/// The `sk` of an event's fan-out.
pub(in crate::store) const FAN_OUT: &str = "fan-out";
/// The `sk` of an item that changes whenever something is added to its partition.
pub(in crate::store) const LOCK: &str = "lock";
/// The `sk` of an event's attempts begin so.
pub(in crate::store) const TRY: &str = "try ";

pub(in crate::store) fn account(id: &AccountId) -> ItemKey {
    ItemKey::new(format!("{id} account"), "account")
}

/// Partition of the entries of all accounts.
pub(in crate::store) const ACCOUNTS: &str = "accounts";

pub(in crate::store) fn account_entry(id: &AccountId) -> ItemKey {
    ItemKey::new(ACCOUNTS.to_owned(), id.as_str())
}

pub(in crate::store) fn token(hash: &TokenHash) -> ItemKey {
    ItemKey::new(format!("token {}", hex(&hash.0)), "token")
}

pub(in crate::store) fn token_pointer(id: Uuid) -> ItemKey {
    ItemKey::new(format!("token-id {id}"), "token-id")
}

/// Partition of the tokens that have the same parent, or none.
pub(in crate::store) fn tokens(account: &AccountId, parent: Option<Uuid>) -> String {
    match parent {
        None => format!("{account} tokens"),
        Some(parent) => format!("{account} tokens-of {parent}"),
    }
}

pub(in crate::store) fn token_entry(
    account: &AccountId,
    parent: Option<Uuid>,
    created_at: Timestamp,
    id: Uuid,
) -> ItemKey {
    ItemKey::new(tokens(account, parent), format!("{:015} {id}", created_at.as_millisecond().max(0)))
}

pub(in crate::store) fn tokens_lock(account: &AccountId, parent: Option<Uuid>) -> ItemKey {
    ItemKey::new(tokens(account, parent), LOCK)
}

pub(in crate::store) fn data_keys(account: &AccountId) -> String {
    format!("{account} keys")
}

pub(in crate::store) fn data_key(account: &AccountId, number: u8) -> ItemKey {
    ItemKey::new(data_keys(account), format!("{number:03}"))
}

/// A counter of the deployment.
pub(in crate::store) fn counter(of: &str) -> ItemKey {
    ItemKey::new("counter".to_owned(), of)
}

/// Partition of an account's policies.
pub(in crate::store) fn policies(account: &AccountId) -> String {
    format!("{account} policies")
}

pub(in crate::store) fn policy(account: &AccountId, id: PolicyId) -> ItemKey {
    ItemKey::new(policies(account), format!("{:010}", id.0))
}

pub(in crate::store) fn policy_counters(account: &AccountId) -> ItemKey {
    ItemKey::new(policies(account), "counters")
}

pub(in crate::store) fn policy_name(account: &AccountId, name: &PolicyName) -> ItemKey {
    ItemKey::new(format!("{account} policy-name {}", name.as_str()), "policy-name")
}

/// Partition of an account's event types.
pub(in crate::store) fn event_types(account: &AccountId) -> String {
    format!("{account} event-types")
}

pub(in crate::store) fn event_type(account: &AccountId, name: &EventName) -> ItemKey {
    ItemKey::new(event_types(account), name.as_str())
}

/// Not in the same partition, where it could be taken for a type.
pub(in crate::store) fn event_type_counter(account: &AccountId) -> ItemKey {
    ItemKey::new(format!("{account} event-types-count"), "count")
}

/// Partition of an account's attachments.
pub(in crate::store) fn attachments(account: &AccountId) -> String {
    format!("{account} attachments")
}

pub(in crate::store) fn attachment(key: &AttachmentKey) -> ItemKey {
    ItemKey::new(attachments(key.account()), key.id().to_string())
}

pub(in crate::store) fn attachments_lock(account: &AccountId) -> ItemKey {
    ItemKey::new(attachments(account), LOCK)
}

/// Partition of an account's audit trail.
pub(in crate::store) fn audit(account: &AccountId) -> String {
    format!("{account} audit")
}

/// The `sk` of a record's entries begin so.
pub(in crate::store) fn audit_of(subject: Subject) -> String {
    match subject {
        Subject::Webhook(id) => format!("webhook {} ", ordered(id)),
        Subject::Policy(id) => format!("policy {:010} ", id.0),
    }
}

pub(in crate::store) fn audit_entry(account: &AccountId, subject: Subject, number: u64) -> ItemKey {
    ItemKey::new(audit(account), format!("{}{number:016}", audit_of(subject)))
}

/// Partition of one webhook.
pub(in crate::store) fn webhook(account: &AccountId, id: WebhookId) -> String {
    format!("{account} webhook {id}")
}

pub(in crate::store) fn of_webhook(account: &AccountId, id: WebhookId, sk: &str) -> ItemKey {
    ItemKey::new(webhook(account, id), sk)
}

pub(in crate::store) fn webhook_mails(account: &AccountId, id: WebhookId) -> ItemKey {
    ItemKey::new(webhook(account, id), "mails")
}

/// Partition of an account's webhooks.
pub(in crate::store) fn webhooks(account: &AccountId) -> String {
    format!("{account} webhooks")
}

/// A webhook's id as a sort key.
pub(in crate::store) fn ordered(id: WebhookId) -> String {
    format!("{:010}", id.0)
}

pub(in crate::store) fn webhook_entry(account: &AccountId, id: WebhookId) -> ItemKey {
    ItemKey::new(webhooks(account), ordered(id))
}

pub(in crate::store) fn webhook_counters(account: &AccountId) -> ItemKey {
    ItemKey::new(webhooks(account), "counters")
}

/// Partition of those who wait for one event.
pub(in crate::store) fn subscribers(account: &AccountId, event: &EventName) -> String {
    format!("{account} on {event}")
}

/// Partition of those who wait for a pattern.
pub(in crate::store) fn patterns(account: &AccountId) -> String {
    format!("{account} patterns")
}

pub(in crate::store) fn subscription(account: &AccountId, subscription: &Subscription, id: WebhookId) -> ItemKey {
    let pk = match subscription {
        Subscription::Event(event) => subscribers(account, event),
        Subscription::Noun(_) | Subscription::All => patterns(account),
    };
    ItemKey::new(pk, ordered(id))
}

/// Partition of an event. The event's id may hold anything visible, so it comes last.
pub(in crate::store) fn event(account: &AccountId, id: &EventId) -> String {
    format!("{account} event {id}")
}

pub(in crate::store) fn of_event(account: &AccountId, id: &EventId, sk: &str) -> ItemKey {
    ItemKey::new(event(account, id), sk)
}

pub(in crate::store) fn attempt(
    account: &AccountId,
    event_id: &EventId,
    webhook: WebhookId,
    run: u64,
    number: u8,
) -> ItemKey {
    ItemKey::new(event(account, event_id), format!("{TRY}{} {run:020} {number:02}", ordered(webhook)))
}

/// Partition of one shard of a webhook's records.
pub(in crate::store) fn deliveries(account: &AccountId, webhook: WebhookId, shard: u8) -> String {
    format!("{account} deliveries {webhook} {shard}")
}

pub(in crate::store) fn delivery(account: &AccountId, id: DeliveryId) -> ItemKey {
    ItemKey::new(deliveries(account, id.webhook(), id.shard()), id.to_string())
}

/// Partition of one shard of a day's troubles.
pub(in crate::store) fn troubles(account: &AccountId, day: i64, shard: u8) -> String {
    format!("{account} troubles {day:07} {shard}")
}

pub(in crate::store) fn trouble(account: &AccountId, id: DeliveryId) -> ItemKey {
    ItemKey::new(troubles(account, day(id.due_at()), id.shard()), id.to_string())
}

/// The number of the day, from the epoch.
pub(in crate::store) fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

pub(in crate::store) fn message(account: &AccountId, id: &MessageId) -> ItemKey {
    ItemKey::new(format!("{account} message {id}"), "message")
}

pub(in crate::store) fn redelivery(account: &AccountId, job: Uuid) -> ItemKey {
    ItemKey::new(format!("{account} redelivery {job}"), "redelivery")
}

/// `wish` is a hash of what the job wants.
pub(in crate::store) fn redelivering(account: &AccountId, webhook: WebhookId, wish: &str) -> ItemKey {
    ItemKey::new(format!("{account} redelivering {webhook} {wish}"), "redelivering")
}

/// An endpoint host belongs to no account: it is shown to those alone who have a webhook there.
pub(in crate::store) fn host(host: &EndpointHost) -> ItemKey {
    ItemKey::new(format!("host {}", host.as_str()), "host")
}

/// Messages of an account's fair-queue group, which is a host, that wait until a moment.
pub(in crate::store) fn waiting(account: &AccountId, group: &str, until: Timestamp) -> ItemKey {
    ItemKey::new(format!("{account} waiting {group}"), format!("{:015}", until.as_millisecond().max(0)))
}

pub(in crate::store) fn mail_address(account: &AccountId, address: &MailAddress) -> ItemKey {
    ItemKey::new(format!("{account} mails {}", address.as_str().to_ascii_lowercase()), "mails")
}

/// Two spellings of an address are one.
pub(in crate::store) fn same_address(a: &MailAddress, b: &MailAddress) -> bool {
    a.as_str().eq_ignore_ascii_case(b.as_str())
}

pub(in crate::store) fn mail_day(account: &AccountId, day: i64) -> ItemKey {
    ItemKey::new(format!("{account} mail-day {day:07}"), "mail-day")
}

pub(in crate::store) fn rate(token: Uuid) -> ItemKey {
    ItemKey::new(format!("rate {token}"), "rate")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of one account can never be one of another, whatever the publisher calls an event.
    #[test]
    fn no_part_can_reach_into_another() {
        let (short, long) = (AccountId::parse("a").unwrap(), AccountId::parse("a-b").unwrap());
        assert!(AccountId::parse("a event").is_none() && EventId::parse("x y").is_none());
        assert_ne!(event(&short, &EventId::parse("e#1").unwrap()), event(&long, &EventId::parse("e#1").unwrap()));
        assert!(EventName::own_type("a b").is_none());
    }

    #[test]
    fn numbers_sort_as_texts() {
        let keys = [1, 9, 10, 4_294_967_295].map(|id| ordered(WebhookId(id)));
        assert!(keys.is_sorted());
        let account = AccountId::parse("wdc").unwrap();
        let event = EventId::parse("e").unwrap();
        let tries = [(0, 2), (0, 10), (7, 1), (u64::MAX, 1)];
        assert!(tries.map(|(run, number)| attempt(&account, &event, WebhookId(1), run, number).sk).is_sorted());
    }
}
