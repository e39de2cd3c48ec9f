//! A store in a temporary folder, with an account in it.

use std::sync::Arc;

use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{
    Account, Attempt, AuditAction, AuditChanges, AuditEntry, AuditSubject, Event, EventHead, EventName, Links, Message,
    Payload, Person, Sealed, Subscriptions, Webhook,
};
use hookline_core::ports::{Accounts as _, WebhookLimits};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{EndpointUri, ListQuery, Position, Sort, TimeZone};
use hookline_embedded::{Kept, Store, StorePorts};
use jiff::Timestamp;

/// No limits that matter.
pub(crate) const LIMITS: WebhookLimits = WebhookLimits { webhooks: 1000, patterns: 1000 };

/// A store and its folder.
pub(crate) struct StoreFixture {
    pub(crate) store: Store,
    pub(crate) view: StorePorts,
    pub(crate) folder: tempfile::TempDir,
}

impl StoreFixture {
    /// A store with the accounts `a` and `b`.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("hookline.db"), Kept::of(&CoreSettings::default())).unwrap();
        let view = store.api();
        for id in ["a", "b"] {
            assert!(view.create_account(&account(id)).await.unwrap());
        }
        Self { store, view, folder }
    }
}

/// The time this many seconds after a fixed one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub(crate) fn account(text: &str) -> Account {
    Account {
        id: id(text),
        name: text.to_uppercase(),
        admin_mails: Vec::new(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: at(0),
    }
}

pub(crate) fn event(account: &str, event: &str, accepted_at: Timestamp) -> Event {
    let head = EventHead {
        id: EventId::parse(event).unwrap(),
        account: id(account),
        event: EventName::builtin("request.create").unwrap(),
        object_id: 1,
        object_type: "Request".to_owned(),
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        accepted_at,
    };
    Event { head: Arc::new(head), payload: Payload::empty() }
}

/// The first attempt to send an event to a webhook.
pub(crate) fn attempt(event: &Event, webhook: u64) -> Attempt {
    let message = Message::new(&event.head, WebhookId(webhook), "all".to_owned(), None);
    Attempt::first(message, &event.payload, event.head.accepted_at)
}

pub(crate) fn webhook(account: &str, number: u64) -> Webhook {
    Webhook {
        id: WebhookId(number),
        account: id(account),
        events: Subscriptions::stored("*").unwrap(),
        uri: EndpointUri::parse("https://hooks.example.com/in").unwrap().uri,
        name: "all".to_owned(),
        description: None,
        attachments: Vec::new(),
        disabled: false,
        disabling: None,
        mail_exceptions_to: None,
        policy: None,
        source: None,
        source_id: None,
        filter: None,
        openid_connect_discovery: false,
        header_names: Vec::new(),
        secrets: Sealed(vec![1]),
        secrets_version: 1,
        verified: true,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
        last_error: None,
    }
}

/// An entry about a webhook by Ada.
pub(crate) fn entry(webhook: &Webhook, action: AuditAction, seconds: i64) -> AuditEntry {
    let mut changes = AuditChanges::default();
    changes.note("name", "old", seconds);
    AuditEntry {
        account: webhook.account.clone(),
        subject: AuditSubject::Webhook(webhook.id),
        action,
        at: at(seconds),
        by: Some(Person { id: 6, name: "Ada".to_owned() }),
        changes,
    }
}

/// The newest first, `per_page` of them.
pub(crate) fn newest(per_page: u32) -> ListQuery {
    let sort = vec![Sort { field: "id", descending: true }];
    ListQuery { filters: Vec::new(), sort, position: Position::Page(1), per_page }
}
