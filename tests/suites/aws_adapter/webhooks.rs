//! Webhooks: one transaction for all that belongs to one, pages, health.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::{
    Account, AuditAction, AuditSubject, DisabledBy, Disabling, EventName, Subscriptions, Webhook,
};
use hookline_core::ports::{Accounts as _, Audit as _, CreateOutcome, UpdateOutcome, WebhookLimits, Webhooks as _};
use hookline_core::values::{Condition, Cursor, FieldValue, Filter, ListQuery, Position};

use crate::fixture::{LIMITS, StoreFixture, account, at, entry, id, sorted, webhook};

#[tokio::test]
async fn a_webhook_is_kept_whole_and_changes_under_its_version() {
    let fixture = StoreFixture::new().await;
    for number in 1..=15 {
        let webhook = webhook("a", number, if number % 2 == 0 { "request.create" } else { "request.*" });
        fixture.table.create_webhook(&webhook, LIMITS, &entry(&webhook, AuditAction::Create)).await.unwrap();
        assert_eq!(fixture.table.webhook(&id("a"), webhook.id).await.unwrap(), Some(webhook.clone()));
        assert_eq!(fixture.table.webhook(&id("b"), webhook.id).await.unwrap(), None);
    }
    let stored = webhook("a", 2, "request.create");
    let changed = Webhook {
        version: 2,
        name: "new".to_owned(),
        description: None,
        events: Subscriptions::stored("*").unwrap(),
        ..stored.clone()
    };
    let update = async |webhook: &Webhook| {
        fixture.table.update_webhook(webhook, LIMITS, &entry(webhook, AuditAction::Update)).await.unwrap()
    };
    assert_eq!(update(&stored).await, Ok(UpdateOutcome::Conflict));
    assert_eq!(update(&changed).await, Ok(UpdateOutcome::Done));
    assert_eq!(update(&changed).await, Ok(UpdateOutcome::Conflict));
    assert_eq!(update(&webhook("a", 99, "*")).await, Ok(UpdateOutcome::Gone));
    assert_eq!(fixture.table.webhook(&id("a"), stored.id).await.unwrap(), Some(changed.clone()));
    let delete = async |version| {
        let audit = entry(&changed, AuditAction::Destroy);
        fixture.table.delete_webhook(&id("a"), stored.id, version, &audit).await.unwrap()
    };
    assert_eq!(
        (delete(1).await, delete(2).await, delete(2).await),
        (UpdateOutcome::Conflict, UpdateOutcome::Done, UpdateOutcome::Gone)
    );
    let trail =
        fixture.table.list_audit(&id("a"), AuditSubject::Webhook(stored.id), &sorted("id", true, 9)).await.unwrap();
    let actions: Vec<AuditAction> = trail.items.iter().map(|audited| audited.entry.action).collect();
    assert_eq!(actions, [AuditAction::Destroy, AuditAction::Update, AuditAction::Create]);
    assert_eq!(trail.items[0].entry, entry(&changed, AuditAction::Destroy));
}

#[tokio::test]
async fn of_many_changes_at_once_each_finds_the_others() {
    let fixture = StoreFixture::new().await;
    let hook = fixture.hook("a", "request.create").await;
    let one = async || {
        loop {
            let mut webhook = fixture.table.webhook(&id("a"), hook.id).await.unwrap().unwrap();
            webhook.version += 1;
            webhook.header_names.push(format!("X-{}", webhook.version));
            let audit = entry(&webhook, AuditAction::Update);
            if fixture.table.update_webhook(&webhook, LIMITS, &audit).await.unwrap() == Ok(UpdateOutcome::Done) {
                break;
            }
        }
    };
    join_all((0..12).map(|_| one())).await;
    let webhook = fixture.table.webhook(&id("a"), hook.id).await.unwrap().unwrap();
    assert_eq!((webhook.version, webhook.header_names.len()), (13, 14));
}

#[tokio::test]
async fn a_limit_is_kept_when_many_ask_at_once() {
    let fixture = StoreFixture::new().await;
    let limits = WebhookLimits { webhooks: 5, patterns: 2 };
    let ids = join_all((0..20).map(|_| fixture.table.allocate_webhook_id())).await;
    let ids: BTreeSet<u64> = ids.into_iter().map(|id| id.unwrap().0).collect();
    assert_eq!(ids.len(), 20, "no id twice");
    let create = async |number: u64, event: &str| {
        let webhook = webhook("a", number, event);
        fixture.table.create_webhook(&webhook, limits, &entry(&webhook, AuditAction::Create)).await.unwrap()
    };
    let patterns = join_all((100..106).map(|number| create(number, "*"))).await;
    assert_eq!(patterns.iter().filter(|created| **created == CreateOutcome::Done).count(), 2, "{patterns:?}");
    assert!(patterns.contains(&CreateOutcome::TooManyPatterns));
    let rest = join_all((200..210).map(|number| create(number, "request.create"))).await;
    assert_eq!(rest.iter().filter(|created| **created == CreateOutcome::Done).count(), 3, "{rest:?}");
    assert!(rest.contains(&CreateOutcome::TooMany));
    let page = fixture.table.list_webhooks(&id("a"), &sorted("id", true, 9)).await.unwrap();
    assert_eq!((page.items.len(), page.total), (5, 5));
    let pattern = page.items.iter().find(|webhook| webhook.events.have_pattern()).unwrap().clone();
    let plain = page.items.iter().find(|webhook| !webhook.events.have_pattern()).unwrap().clone();
    let to_pattern = Webhook { version: 2, events: Subscriptions::stored("*").unwrap(), ..plain };
    let update = async |webhook: &Webhook| {
        fixture.table.update_webhook(webhook, limits, &entry(webhook, AuditAction::Update)).await.unwrap()
    };
    assert_eq!(update(&to_pattern).await, Err(CreateOutcome::TooManyPatterns));
    let to_plain = Webhook { version: 2, events: Subscriptions::stored("risk.create").unwrap(), ..pattern };
    assert_eq!(update(&to_plain).await, Ok(UpdateOutcome::Done));
    assert_eq!(update(&to_pattern).await, Ok(UpdateOutcome::Done));
}

#[tokio::test]
async fn subscribers_are_those_of_the_event_and_of_its_patterns() {
    let fixture = StoreFixture::new().await;
    let exact = fixture.hook("a", "request.create").await;
    let noun = fixture.hook("a", "request.*").await;
    let all = fixture.hook("a", "*").await;
    fixture.hook("a", "risk.create").await;
    fixture.hook("a", "risk.*").await;
    fixture.hook("b", "request.create").await;
    let rule = fixture.hook("a", "automation_rule").await;
    let subscribers = async |event: &str| {
        let found = fixture.table.subscribers(&id("a"), &EventName::builtin(event).unwrap()).await.unwrap();
        found.into_iter().map(|subscriber| subscriber.webhook).collect::<Vec<_>>()
    };
    assert_eq!(subscribers("request.create").await, [exact.id, noun.id, all.id]);
    assert_eq!(subscribers("automation_rule").await, [rule.id]);
    let moved = Webhook { version: 2, events: Subscriptions::stored("risk.create").unwrap(), ..exact.clone() };
    let audit = entry(&moved, AuditAction::Update);
    assert_eq!(fixture.table.update_webhook(&moved, LIMITS, &audit).await.unwrap(), Ok(UpdateOutcome::Done));
    assert_eq!(subscribers("request.create").await, [noun.id, all.id]);
    assert!(subscribers("risk.create").await.contains(&exact.id));
    let audit = entry(&noun, AuditAction::Destroy);
    assert_eq!(fixture.table.delete_webhook(&id("a"), noun.id, 1, &audit).await.unwrap(), UpdateOutcome::Done);
    assert_eq!(subscribers("request.create").await, [all.id]);
}

#[tokio::test]
async fn pages_by_id_lie_in_order_and_others_are_sorted() {
    let fixture = StoreFixture::new().await;
    for number in 1..=11 {
        let webhook = webhook("a", number, "request.create");
        fixture.table.create_webhook(&webhook, LIMITS, &entry(&webhook, AuditAction::Create)).await.unwrap();
    }
    fixture.hook("b", "request.create").await;
    fixture.table.note_failure(&id("a"), WebhookId(11), "Timeout", at(1)).await.unwrap();
    let page = async |query: ListQuery| {
        let page = fixture.table.list_webhooks(&id("a"), &query).await.unwrap();
        (page.items.iter().map(|webhook| webhook.id.0).collect::<Vec<_>>(), page.total, page.offset)
    };
    let newest = fixture.table.list_webhooks(&id("a"), &sorted("id", true, 2)).await.unwrap();
    assert_eq!(newest.items[0].last_error.as_deref(), Some("Timeout"));
    assert_eq!(newest.items[1], webhook("a", 10, "request.create"));
    let at_cursor = |id: u64, after: bool, query: ListQuery| {
        let cursor = Cursor { offset: 5, values: vec![Some(FieldValue::Int(id.cast_signed()))], id };
        ListQuery { position: if after { Position::After(cursor) } else { Position::Before(cursor) }, ..query }
    };
    assert_eq!(
        page(ListQuery { position: Position::Page(2), ..sorted("id", true, 4) }).await,
        (vec![7, 6, 5, 4], 11, 4)
    );
    assert_eq!(page(at_cursor(7, true, sorted("id", true, 3))).await, (vec![6, 5, 4], 11, 5));
    assert_eq!(page(at_cursor(7, false, sorted("id", true, 3))).await, (vec![10, 9, 8], 11, 1));
    assert_eq!(page(at_cursor(7, true, sorted("id", false, 3))).await, (vec![8, 9, 10], 11, 7));
    assert_eq!(page(at_cursor(3, false, sorted("id", false, 3))).await, (vec![1, 2], 11, 0));
    assert_eq!(page(at_cursor(0, true, sorted("id", true, 3))).await.0, [0_u64; 0]);
    assert_eq!(page(sorted("name", false, 3)).await, (vec![1, 10, 11], 11, 0));
    let disabled =
        Filter { field: "disabled", test: Condition::OneOf(vec![FieldValue::Bool(true)]), ignore_case: false };
    assert_eq!(page(ListQuery { filters: vec![disabled], ..sorted("id", true, 9) }).await, (vec![10, 5], 2, 0));
}

#[tokio::test]
async fn a_target_has_its_health_and_its_account() {
    let fixture = StoreFixture::new().await;
    let hook = fixture.hook("a", "request.create").await;
    let target = async || fixture.table.target(&id("a"), hook.id).await.unwrap().unwrap();
    assert!(target().await.health.is_good());
    assert_eq!((target().await.mail_to, target().await.account_name), (account("a").admin_mails, "A".to_owned()));
    for (error, seconds) in [("Timeout", 5), ("404 Not Found", 9)] {
        fixture.table.note_failure(&id("a"), hook.id, error, at(seconds)).await.unwrap();
    }
    let health = target().await.health;
    assert_eq!((health.failures, health.first_failure_at), (2, Some(at(5))));
    assert_eq!(health.last_error.as_deref(), Some("404 Not Found"));
    let changed = Webhook { version: 2, ..hook.clone() };
    let audit = entry(&changed, AuditAction::Update);
    assert_eq!(fixture.table.update_webhook(&changed, LIMITS, &audit).await.unwrap(), Ok(UpdateOutcome::Done));
    assert_eq!(target().await.health.failures, 2, "a change leaves the health alone");
    fixture.table.note_success(&id("a"), hook.id).await.unwrap();
    assert!(target().await.health.is_good());
    assert!(!target().await.disabled);
    assert!(fixture.table.update_account(&Account { disabled: true, ..account("a") }).await.unwrap());
    assert!(target().await.disabled && target().await.account_disabled);
    assert!(fixture.table.target(&id("b"), hook.id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_service_disables_a_webhook_once() {
    let fixture = StoreFixture::new().await;
    let hook = fixture.hook("a", "request.create").await;
    let disabling = Disabling { by: DisabledBy::Failures, at: at(50) };
    let disable = async || {
        let audit = entry(&hook, AuditAction::Update);
        fixture.table.disable_webhook(&id("a"), hook.id, disabling, &audit).await.unwrap()
    };
    let done = join_all((0..6).map(|_| disable())).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    let stored = fixture.table.webhook(&id("a"), hook.id).await.unwrap().unwrap();
    let expected =
        Webhook { disabled: true, disabling: Some(disabling), updated_at: at(50), version: 2, ..hook.clone() };
    assert_eq!(stored, expected);
    let event = EventName::builtin("request.create").unwrap();
    assert!(!fixture.table.subscribers(&id("a"), &event).await.unwrap()[0].enabled);
    let disabled =
        Filter { field: "disabled", test: Condition::OneOf(vec![FieldValue::Bool(true)]), ignore_case: false };
    let query = ListQuery { filters: vec![disabled], ..sorted("id", true, 9) };
    assert_eq!(fixture.table.list_webhooks(&id("a"), &query).await.unwrap().items, [stored]);
    fixture.table.note_failure(&id("a"), hook.id, "Timeout", at(51)).await.unwrap();
    let enable = async |disabling| {
        let audit = entry(&hook, AuditAction::Update);
        fixture.table.enable_webhook(&id("a"), hook.id, disabling, &audit).await.unwrap()
    };
    assert!(!enable(Disabling { at: at(49), ..disabling }).await, "another disabling");
    assert!(enable(disabling).await);
    assert!(!enable(disabling).await, "it is enabled");
    let stored = fixture.table.webhook(&id("a"), hook.id).await.unwrap().unwrap();
    let last_error = Some("Timeout".to_owned());
    assert_eq!(
        stored,
        Webhook { disabled: false, disabling: None, version: 3, updated_at: at(7), last_error, ..expected }
    );
    assert!(fixture.table.subscribers(&id("a"), &event).await.unwrap()[0].enabled);
    let health = fixture.table.target(&id("a"), hook.id).await.unwrap().unwrap().health;
    assert_eq!((health.failures, health.first_failure_at, health.last_error.as_deref()), (0, None, Some("Timeout")));
}
