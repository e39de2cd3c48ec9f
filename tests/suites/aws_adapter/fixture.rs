//! A store with the accounts `a` and `b`, and records to put into it.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hookline_aws::Table;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{
    Account, Attempt, AuditAction, AuditChanges, AuditEntry, AuditSubject, DisabledBy, Disabling, Event, EventHead,
    EventName, Message, Payload, Person, Sealed, Subscriptions, Webhook,
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

    /// Copies the one item whose attribute has this text; each copy has another value there.
    pub(crate) async fn copies(&self, attribute: &str, text: &str, values: impl Iterator<Item = AttributeValue>) {
        let clients = dynamodb_clients();
        let scan = clients.dynamodb().scan().table_name(&self.name).filter_expression("#a = :text");
        let scan = scan.expression_attribute_names("#a", attribute);
        let scan = scan.expression_attribute_values(":text", AttributeValue::S(text.to_owned()));
        let original = scan.send().await.unwrap().items.unwrap().pop().expect("there is one");
        self.put_items(values.map(|value| {
            let mut copy = original.clone();
            copy.insert(attribute.to_owned(), value);
            copy
        }))
        .await;
    }

    /// Writes items as they are.
    pub(crate) async fn put_items(&self, items: impl Iterator<Item = HashMap<String, AttributeValue>>) {
        let put = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let requests: Vec<WriteRequest> = items.map(put).collect();
        let batches: Vec<Vec<WriteRequest>> = requests.chunks(25).map(<[WriteRequest]>::to_vec).collect();
        let clients = dynamodb_clients();
        stream::iter(batches)
            .for_each_concurrent(4, |batch| {
                let request = clients.dynamodb().batch_write_item();
                let request = request.set_request_items(Some(HashMap::from([(self.name.clone(), batch)])));
                async move { drop(request.send().await.unwrap()) }
            })
            .await;
    }

    /// How many items the table has.
    pub(crate) async fn size(&self) -> usize {
        let (clients, mut start, mut size) = (dynamodb_clients(), None, 0);
        loop {
            let scan = clients.dynamodb().scan().table_name(&self.name).set_exclusive_start_key(start);
            let page = scan.send().await.unwrap();
            size += page.items().len();
            start = page.last_evaluated_key;
            if start.is_none() {
                return size;
            }
        }
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
        events: Subscriptions::stored(event).unwrap(),
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
