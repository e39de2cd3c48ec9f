//! A store with the accounts `a` and `b`, and records to put into it.

use std::sync::Arc;

use bytes::Bytes;
use hookline_aws::Table;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{
    Account, Attempt, AuditAction, AuditChanges, AuditEntry, AuditSubject, DisabledBy, Disabling, Event, EventHead,
    EventName, Message, Payload, Person, Sealed, Subscription, Webhook,
};
use hookline_core::ports::{Accounts as _, CreateOutcome, WebhookLimits, Webhooks as _};
use hookline_core::values::{EndpointUri, ListQuery, MailAddress, Position, Sort, TimeZone};
use hookline_tests::local_aws::{dynamodb_clients, dynamodb_clients_by, resources};
use jiff::Timestamp;

/// No limits that matter.
pub(crate) const LIMITS: WebhookLimits = WebhookLimits { webhooks: 1000, patterns: 1000 };

pub(crate) struct StoreFixture {
    pub(crate) table: Table,
    name: String,
}

impl StoreFixture {
    pub(crate) async fn new() -> Self {
        let clients = dynamodb_clients();
        let name = resources::table(&clients).await;
        let table = resources::store(&clients, &name);
        for id in ["a", "b"] {
            assert!(table.create_account(&account(id)).await.unwrap());
        }
        Self { table, name }
    }

    /// The same table, reached there.
    pub(crate) fn behind(&self, url: &str) -> Table {
        resources::store(&dynamodb_clients_by(url), &self.name)
    }

    /// The name of the table.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Creates a webhook and answers it.
    pub(crate) async fn hook(&self, account: &str, event: &str) -> Webhook {
        let id = self.table.allocate_webhook_id().await.unwrap();
        let webhook = webhook(account, id.0, event);
        let created = self.table.create_webhook(&webhook, LIMITS, &entry(&webhook, AuditAction::Create)).await.unwrap();
        assert_eq!(created, CreateOutcome::Done);
        webhook
    }

    /// How many items the table has.
    pub(crate) async fn size(&self) -> usize {
        let scanned = dynamodb_clients().dynamodb().scan().table_name(&self.name).send().await.unwrap();
        scanned.items().len()
    }
}

/// The moment so many seconds after a fixed one.
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
        admin_mails: MailAddress::parse_list("ada@example.com,bob@example.com", 2).unwrap(),
        time_zone: TimeZone::parse("Europe/Amsterdam").unwrap(),
        custom_url: Some("https://custom.example.com".to_owned()),
        disabled: false,
        created_at: at(0),
    }
}

pub(crate) fn webhook(account: &str, number: u64, event: &str) -> Webhook {
    Webhook {
        id: WebhookId(number),
        account: id(account),
        event: Subscription::stored(event).unwrap(),
        uri: EndpointUri::parse(&format!("https://ada:secret@hooks{number}.example.com/in")).unwrap().uri,
        name: format!("hook {number}"),
        description: number.is_multiple_of(2).then(|| "described".to_owned()),
        disabled: number.is_multiple_of(5),
        disabling: number.is_multiple_of(5).then(|| Disabling { by: DisabledBy::Administrator, at: at(1) }),
        mail_exceptions_to: number.is_multiple_of(3).then(|| "eve@example.com".to_owned()),
        policy: None,
        source: Some("tests".to_owned()),
        source_id: None,
        filter: None,
        openid_connect_discovery: number.is_multiple_of(7),
        trace: number.is_multiple_of(3),
        header_names: vec!["X-One".to_owned(), "X-Two".to_owned()],
        secrets: Sealed(vec![1, 2, 3]),
        secrets_version: 1,
        verified: true,
        created_at: at(0),
        updated_at: at(1),
        version: 1,
        last_error: None,
        attachments: Vec::new(),
    }
}

pub(crate) fn entry(webhook: &Webhook, action: AuditAction) -> AuditEntry {
    let mut changes = AuditChanges::default();
    changes.note("name", "old", "new");
    AuditEntry {
        account: webhook.account.clone(),
        subject: AuditSubject::Webhook(webhook.id),
        action,
        at: at(7),
        by: Some(Person { id: 6, name: "Ada".to_owned() }),
        changes,
    }
}

/// An event with a payload that no JSON library would write so.
pub(crate) fn event(account: &str, event_id: &str, seconds: i64) -> Event {
    let event = EventName::builtin("request.create").unwrap();
    let head = EventHead {
        id: EventId::parse(event_id).unwrap(),
        account: id(account),
        object_id: 7,
        object_type: "Request".to_owned(),
        event,
        person_id: Some(6),
        person_name: Some("Ada".to_owned()),
        links: hookline_core::model::Links::default(),
        webhook: None,
        trace: None,
        accepted_at: at(seconds),
    };
    let payload = Bytes::from_static(br#"{ "b":1e400, "a": 18446744073709551617 }"#);
    Event { head: Arc::new(head), payload: Payload::from_valid_json(payload) }
}

/// The first attempt of an event's message for a webhook.
pub(crate) fn first(event: &Event, webhook: WebhookId) -> Attempt {
    let message = Message::new(&event.head, webhook, format!("hook {webhook}"), None);
    Attempt::first(message, &event.payload, event.head.accepted_at)
}

/// All in the order of one field.
pub(crate) fn sorted(field: &'static str, descending: bool, per_page: u32) -> ListQuery {
    let sort = vec![Sort { field, descending }];
    ListQuery { filters: Vec::new(), sort, position: Position::Page(1), per_page }
}
