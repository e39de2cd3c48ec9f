//! The audit trail: written in the transaction of the change, and kept after the record is deleted.

use hookline_core::audit::{Action, Subject};
use hookline_core::listing::{Cursor, Position, Query, Value};
use hookline_core::policy::PolicyId;
use hookline_core::ports::{Accounts as _, Audit as _, Created, Limits, Webhooks as _, Written};
use hookline_core::webhook::WebhookId;

use crate::fixture::{LIMITS, StoreFixture, at, entry, id, newest, webhook};

async fn actions(fixture: &StoreFixture, account: &str, subject: Subject) -> Vec<(Action, i64)> {
    let page = fixture.view.list_audit(&id(account), subject, &newest(100)).await.unwrap();
    page.items.iter().map(|audited| (audited.entry.action, audited.entry.at.as_second() - at(0).as_second())).collect()
}

#[tokio::test]
async fn an_entry_is_written_exactly_when_its_change_is() {
    let fixture = StoreFixture::new().await;
    let (mut hook, subject) = (webhook("a", 1), Subject::Webhook(WebhookId(1)));
    let none = Limits { webhooks: 0, patterns: 0 };
    let refused = fixture.view.create_webhook(&hook, none, &entry(&hook, Action::Create, 1)).await.unwrap();
    assert_eq!((refused, actions(&fixture, "a", subject).await), (Created::TooMany, Vec::new()));
    let created = fixture.view.create_webhook(&hook, LIMITS, &entry(&hook, Action::Create, 2)).await.unwrap();
    assert_eq!(created, Created::Done);

    let lost = fixture.view.update_webhook(&hook, LIMITS, &entry(&hook, Action::Update, 3)).await.unwrap();
    assert_eq!(lost, Ok(Written::Conflict), "the version was not raised");
    hook.version = 2;
    let won = fixture.view.update_webhook(&hook, LIMITS, &entry(&hook, Action::Update, 4)).await.unwrap();
    assert_eq!(won, Ok(Written::Done));
    fixture.view.audit(&entry(&hook, Action::Read, 5)).await.unwrap();

    let destroy = entry(&hook, Action::Destroy, 6);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 1, &destroy).await.unwrap(), Written::Conflict);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 2, &destroy).await.unwrap(), Written::Done);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 2, &destroy).await.unwrap(), Written::Gone);
    assert_eq!(
        actions(&fixture, "a", subject).await,
        [(Action::Destroy, 6), (Action::Read, 5), (Action::Update, 4), (Action::Create, 2)]
    );
    let page = fixture.view.list_audit(&id("a"), subject, &newest(1)).await.unwrap();
    assert_eq!((page.items[0].entry.clone(), page.total), (destroy, 4));

    assert_eq!(actions(&fixture, "b", subject).await, [], "another account's");
    assert_eq!(actions(&fixture, "a", Subject::Policy(PolicyId(1))).await, [], "another kind of record");
    assert_eq!(actions(&fixture, "a", Subject::Webhook(WebhookId(2))).await, []);
}

#[tokio::test]
async fn cursors_visit_every_entry_once_while_others_come() {
    let fixture = StoreFixture::new().await;
    let (hook, subject) = (webhook("a", 1), Subject::Webhook(WebhookId(1)));
    for seconds in 0..7 {
        fixture.view.audit(&entry(&hook, Action::Read, seconds)).await.unwrap();
    }
    let (mut seen, mut query) = (Vec::new(), newest(3));
    loop {
        let page = fixture.view.list_audit(&id("a"), subject, &query).await.unwrap();
        seen.extend(page.items.iter().map(|audited| audited.id));
        let Some(last) = page.items.last() else { break };
        let values = vec![Some(Value::Int(last.id.cast_signed()))];
        query = Query { position: Position::After(Cursor { offset: 0, values, id: last.id }), ..newest(3) };
        fixture.view.audit(&entry(&hook, Action::Read, 100)).await.unwrap();
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

#[tokio::test]
async fn the_trail_goes_with_its_account_in_small_steps() {
    let fixture = StoreFixture::new().await;
    for account in ["a", "b"] {
        let entry = entry(&webhook(account, 1), Action::Read, 1);
        let written = futures_util::future::join_all((0..700).map(|_| fixture.view.audit(&entry))).await;
        assert!(written.iter().all(Result::is_ok));
    }
    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    let left = || {
        let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
        file.query_row("SELECT count(*) FROM audit", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(fixture.store.sweep(at(10)).await.unwrap());
    assert!((701..=1000).contains(&left()), "{}", left());
    while fixture.store.sweep(at(10)).await.unwrap() {}
    assert_eq!((left(), actions(&fixture, "b", Subject::Webhook(WebhookId(1))).await.len()), (700, 100));
}
