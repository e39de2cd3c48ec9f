//! The key layout of the table, with the access patterns that it serves.
//!
//! Every item has a partition key `pk` and a sort key `sk`. Both are texts whose parts are separated by one space. No part
//! can contain a space: the grammar of the ids of accounts, events, webhooks, deliveries and tokens excludes it. The
//! account comes first in every key that a request can reach, unless the request does not know the account yet (a token)
//! or the item belongs to none. Numbers are padded with zeros, so that their order as texts is their order as numbers.
//!
//! | item | `pk` | `sk` | access patterns |
//! |---|---|---|---|
//! | account | `A account` | `account` | by id, also for a token and a delivery: `GetItem` |
//! | its entry in the list | `accounts` | `A` | all accounts by id: `Query` |
//! | token | `token HASH` | `token` | authentication: `GetItem`, then the account |
//! | its entry in the list | `A tokens` | `TIME ID` | the account's tokens, oldest first: `Query` |
//! | entry of a token issued for another one | `A tokens-of ID` | `TIME ID` | tokens to revoke with that one: `Query` |
//! | lock of either list | the same | `lock` | written with each new token, to enforce the limit |
//! | its pointer | `token-id ID` | `token-id` | revocation by id without the account: `GetItem` |
//! | console link | `A console-links` | HASH | by its code: `DeleteItem`; the account's, for their limit: `Query` |
//! | lock of the console links | the same | `lock` | written with each new link, to enforce the limit |
//! | data key | `A keys` | `NUMBER` | the newest: `Query`; by number: `GetItem` |
//! | counter | `counter` | its name | the next number: `UpdateItem` |
//! | webhook, state | `A webhook W` | `now state` | what a delivery needs: `Query` of `now …` |
//! | webhook, health | `A webhook W` | `now health` | the same; only deliveries write it |
//! | webhook, description | `A webhook W` | `text` | the whole webhook: `Query` from `now` to `text` |
//! | webhook, mails | `A webhook W` | `mails` | permits to mail: `UpdateItem` |
//! | policy | `A policies` | `P` | by id, also for a delivery: `GetItem`; the account's: `Query` |
//! | number of policies | `A policies` | `counters` | in the transactions that create and delete |
//! | policy by its name | `A policy-name NAME` | `policy-name` | the public documents: `GetItem`, then the policy |
//! | event type | `A event-types` | its name | the account's by name: `Query` |
//! | its schema and example | `A event-type-documents` | its id | by id: `GetItem`; written with the type |
//! | number of event types | `A event-types-count` | `count` | in the transactions that create and delete |
//! | attachment | `A attachments` | UUID of its key | by key: `GetItem`; the account's, for its limit: `Query` |
//! | lock of the attachments | `A attachments` | `lock` | written with each new key, to enforce the limit |
//! | audit entry | `A audit` | `KIND ID NUMBER` | all of a record in order: `Query` of `KIND ID …` |
//! | webhook, entry in the list | `A webhooks` | `W` | a page in the order of ids, or all for other orders: `Query` |
//! | number of webhooks | `A webhooks` | `counters` | in the transactions that create and delete |
//! | subscription to an event, one per name | `A on EVENT` | `W` | the subscribers of an event: `Query`, and concurrently … |
//! | subscription with patterns, one per webhook | `A patterns` | `W` | … all patterns of the account: `Query` |
//! | event | `A event E` | `event` | the claim: `PutItem`; payload and redelivery: `Query` with the next item |
//! | event, state of the fan-out | `A event E` | `fan-out` | lease, progress, matching webhooks: `PutItem` |
//! | event, entry of an attempt | `A event E` | `try W RUN N` | the claim: `UpdateItem`; all of an event: `Query` of `try …` |
//! | delivery record | `A deliveries W SHARD` | `D` | by id: `GetItem`; a webhook's, newest first: `Query` of 8 shards |
//! | entry of an unsuccessful record | `A troubles DAY SHARD` | `D` | the account's, newest first: `Query` of 8 shards per day |
//! | chunk of skipped messages | `A skipped-chunks DAY` | `D` of its first | the account's, newest first: `Query`; one of them: the same |
//! | message of a later run | `A message M` | `message` | the event of a message: `GetItem` |
//! | redelivery job | `A redelivery ID` | `redelivery` | by id: `GetItem`; changed under its state |
//! | running job | `A redelivering W WISH` | `redelivering` | by its filter: `GetItem` |
//! | counts of a webhook | `A counts DAY SHARD` | `HOUR W` | `UpdateItem`; by key: `BatchGetItem`; all of an account: `Query` |
//! | counts of 1,000 webhooks' skipped messages | `A skipped DAY` | `HOUR RANGE` | the same |
//! | endpoint host | `A host H` | `host` | by account and host: `GetItem`; changed under its version |
//! | messages that wait for a host | `A waiting HOST` | time | counted by `UpdateItem`, added up by `Query` |
//! | mails to an address | `A mails ADDRESS` | `mails` | permits to mail, in their transaction |
//! | mails of a day | `A mail-day DAY` | `mail-day` | the same |
//! | mails that wait | `A mail-batches` | name | joined by `UpdateItem`; claimed by a transaction that renames it |
//! | calls of a token | `rate ID` | `rate` | counted by `UpdateItem` |
//! | request of the operator | `admin-request ID` | `admin-request` | begun and answered once: `PutItem` |
//!
//! The record of a message's first attempt has no entry in the event's partition, so that a first success costs one
//! write. Its key follows from the message id, which contains the time of acceptance and the webhook. Everything else of
//! a message is found by the `try …` keys of its event.

use hookline_core::ids::{AccountId, DeliveryId, EventId, EventTypeId, MessageId, PolicyId, WebhookId};
use hookline_core::model::{AttachmentKey, AuditSubject, EventName, Hour, PolicyName, Subscription, TokenHash};
use hookline_core::values::{EndpointHost, MailAddress};
use jiff::Timestamp;
use uuid::Uuid;

use crate::encoding::hex;
use crate::store::dynamo::ItemKey;

/// The number of partitions for the delivery records of a webhook, and for the unsuccessful ones of a day.
pub(in crate::store) const SHARDS: u8 = 8;

/// The prefix of the sort keys of what a delivery needs.
pub(in crate::store) const NOW: &str = "now ";
/// The sort key of a webhook's state.
pub(in crate::store) const STATE: &str = "now state";
/// The sort key of a webhook's health.
pub(in crate::store) const HEALTH: &str = "now health";
/// The sort key of a webhook's description.
pub(in crate::store) const TEXT: &str = "text";
/// The sort key of an event.
pub(in crate::store) const EVENT: &str = "event";
/// The sort key of an event's fan-out.
pub(in crate::store) const FAN_OUT: &str = "fan-out";
/// The sort key of an item that changes whenever something is added to its partition.
pub(in crate::store) const LOCK: &str = "lock";
/// The prefix of the sort keys of an event's attempts.
pub(in crate::store) const TRY: &str = "try ";

pub(in crate::store) fn account(id: &AccountId) -> ItemKey {
    ItemKey::new(format!("{id} account"), "account")
}

/// The partition with the entries of all accounts.
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

/// The partition of the tokens with this parent, or without one.
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

/// The partition of an account's console links.
pub(in crate::store) fn console_links(account: &AccountId) -> String {
    format!("{account} console-links")
}

pub(in crate::store) fn console_link(account: &AccountId, hash: &TokenHash) -> ItemKey {
    ItemKey::new(console_links(account), hex(&hash.0))
}

pub(in crate::store) fn console_links_lock(account: &AccountId) -> ItemKey {
    ItemKey::new(console_links(account), LOCK)
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

/// The partition of an account's policies.
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

/// The partition of an account's event types.
pub(in crate::store) fn event_types(account: &AccountId) -> String {
    format!("{account} event-types")
}

pub(in crate::store) fn event_type(account: &AccountId, name: &EventName) -> ItemKey {
    ItemKey::new(event_types(account), name.as_str())
}

/// In a partition of their own, so that reading the types does not read them.
pub(in crate::store) fn event_type_documents(account: &AccountId, id: EventTypeId) -> ItemKey {
    ItemKey::new(format!("{account} event-type-documents"), format!("{:010}", id.0))
}

/// In a partition of its own, so that it cannot be read as a type.
pub(in crate::store) fn event_type_counter(account: &AccountId) -> ItemKey {
    ItemKey::new(format!("{account} event-types-count"), "count")
}

/// The partition of an account's attachments.
pub(in crate::store) fn attachments(account: &AccountId) -> String {
    format!("{account} attachments")
}

pub(in crate::store) fn attachment(key: &AttachmentKey) -> ItemKey {
    ItemKey::new(attachments(key.account()), key.id().to_string())
}

pub(in crate::store) fn attachments_lock(account: &AccountId) -> ItemKey {
    ItemKey::new(attachments(account), LOCK)
}

/// The partition of an account's audit trail.
pub(in crate::store) fn audit(account: &AccountId) -> String {
    format!("{account} audit")
}

/// The prefix of the sort keys of a record's audit entries.
pub(in crate::store) fn audit_of(subject: AuditSubject) -> String {
    match subject {
        AuditSubject::Webhook(id) => format!("webhook {} ", ordered(id)),
        AuditSubject::Policy(id) => format!("policy {:010} ", id.0),
    }
}

pub(in crate::store) fn audit_entry(account: &AccountId, subject: AuditSubject, number: u64) -> ItemKey {
    ItemKey::new(audit(account), format!("{}{number:016}", audit_of(subject)))
}

/// The partition of a webhook.
pub(in crate::store) fn webhook(account: &AccountId, id: WebhookId) -> String {
    format!("{account} webhook {id}")
}

pub(in crate::store) fn of_webhook(account: &AccountId, id: WebhookId, sk: &str) -> ItemKey {
    ItemKey::new(webhook(account, id), sk)
}

pub(in crate::store) fn webhook_mails(account: &AccountId, id: WebhookId) -> ItemKey {
    ItemKey::new(webhook(account, id), "mails")
}

/// The partition of an account's webhooks.
pub(in crate::store) fn webhooks(account: &AccountId) -> String {
    format!("{account} webhooks")
}

/// A webhook id as a sort key.
pub(in crate::store) fn ordered(id: WebhookId) -> String {
    format!("{:010}", id.0)
}

pub(in crate::store) fn webhook_entry(account: &AccountId, id: WebhookId) -> ItemKey {
    ItemKey::new(webhooks(account), ordered(id))
}

pub(in crate::store) fn webhook_counters(account: &AccountId) -> ItemKey {
    ItemKey::new(webhooks(account), "counters")
}

/// The partition of the subscriptions to one event.
pub(in crate::store) fn subscribers(account: &AccountId, event: &EventName) -> String {
    format!("{account} on {event}")
}

/// The partition of the subscriptions with a pattern.
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

/// The partition of an event. The id of an event may contain any visible character, so it comes last.
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

/// The partition of one shard of a webhook's records.
pub(in crate::store) fn deliveries(account: &AccountId, webhook: WebhookId, shard: u8) -> String {
    format!("{account} deliveries {webhook} {shard}")
}

pub(in crate::store) fn delivery(account: &AccountId, id: DeliveryId) -> ItemKey {
    ItemKey::new(deliveries(account, id.webhook(), id.shard()), id.to_string())
}

/// The partition of one shard of a day's unsuccessful records.
pub(in crate::store) fn troubles(account: &AccountId, day: i64, shard: u8) -> String {
    format!("{account} troubles {day:07} {shard}")
}

pub(in crate::store) fn trouble(account: &AccountId, id: DeliveryId) -> ItemKey {
    ItemKey::new(troubles(account, day(id.due_at()), id.shard()), id.to_string())
}

/// The partition of a day's chunks of skipped messages.
pub(in crate::store) fn skipped_chunks(account: &AccountId, day: i64) -> String {
    format!("{account} skipped-chunks {day:07}")
}

/// A chunk of skipped messages, by the id of its first record.
pub(in crate::store) fn skipped_chunk(account: &AccountId, first: DeliveryId) -> ItemKey {
    ItemKey::new(skipped_chunks(account, day(first.due_at())), first.to_string())
}

/// The number of the day since the epoch.
pub(in crate::store) fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

pub(in crate::store) fn message(account: &AccountId, id: &MessageId) -> ItemKey {
    ItemKey::new(format!("{account} message {id}"), "message")
}

pub(in crate::store) fn redelivery(account: &AccountId, job: Uuid) -> ItemKey {
    ItemKey::new(format!("{account} redelivery {job}"), "redelivery")
}

/// `wish` is a hash of the job's filter.
pub(in crate::store) fn redelivering(account: &AccountId, webhook: WebhookId, wish: &str) -> ItemKey {
    ItemKey::new(format!("{account} redelivering {webhook} {wish}"), "redelivering")
}

/// How many webhooks share an item for the counts of skipped messages.
pub(in crate::store) const SKIPPED_RANGE: u64 = 1000;

/// The first sort key of an hour's counts.
pub(in crate::store) fn counts_from(hour: Hour) -> String {
    format!("{:09} ", hour.0.max(0))
}

/// The partition of one shard of a day's counts.
pub(in crate::store) fn counts_shard(account: &AccountId, hour: Hour, shard: u8) -> String {
    format!("{account} counts {:07} {shard}", hour.0.div_euclid(24))
}

/// The counts of a webhook in an hour.
pub(in crate::store) fn counts(account: &AccountId, hour: Hour, webhook: WebhookId) -> ItemKey {
    let shard = u8::try_from(webhook.0 % u64::from(SHARDS)).unwrap_or_default();
    ItemKey::new(counts_shard(account, hour, shard), format!("{}{}", counts_from(hour), ordered(webhook)))
}

/// The partition of a day's counts of skipped messages.
pub(in crate::store) fn skipped_day(account: &AccountId, hour: Hour) -> String {
    format!("{account} skipped {:07}", hour.0.div_euclid(24))
}

/// The counts of skipped messages in an hour, of this webhook and the others of its range.
pub(in crate::store) fn skipped(account: &AccountId, hour: Hour, webhook: WebhookId) -> ItemKey {
    let range = WebhookId(webhook.0 / SKIPPED_RANGE);
    ItemKey::new(skipped_day(account, hour), format!("{}{}", counts_from(hour), ordered(range)))
}

/// The health of an endpoint host, as the account sees it.
pub(in crate::store) fn host(account: &AccountId, host: &EndpointHost) -> ItemKey {
    ItemKey::new(format!("{account} host {}", host.as_str()), "host")
}

/// The number of messages of a message group that wait until a time. A group is a host of an account.
pub(in crate::store) fn waiting(account: &AccountId, host: &str, until: Timestamp) -> ItemKey {
    ItemKey::new(format!("{account} waiting {host}"), format!("{:015}", until.as_millisecond().max(0)))
}

pub(in crate::store) fn mail_address(account: &AccountId, address: &MailAddress) -> ItemKey {
    ItemKey::new(format!("{account} mails {}", address.as_str().to_ascii_lowercase()), "mails")
}

/// Two spellings of an address are the same address.
pub(in crate::store) fn same_address(a: &MailAddress, b: &MailAddress) -> bool {
    a.as_str().eq_ignore_ascii_case(b.as_str())
}

pub(in crate::store) fn mail_day(account: &AccountId, day: i64) -> ItemKey {
    ItemKey::new(format!("{account} mail-day {day:07}"), "mail-day")
}

pub(in crate::store) fn mail_batch(account: &AccountId, name: &str) -> ItemKey {
    ItemKey::new(format!("{account} mail-batches"), name)
}

pub(in crate::store) fn admin_request(id: &str) -> ItemKey {
    ItemKey::new(format!("admin-request {id}"), "admin-request")
}

pub(in crate::store) fn rate(token: Uuid) -> ItemKey {
    ItemKey::new(format!("rate {token}"), "rate")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of one account never equals one of another, whatever id a publisher gives an event.
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
