//! The audit trail: written in the transaction of the change, and kept after the record is deleted.

use hookline_core::ids::{PolicyId, WebhookId};
use hookline_core::model::{AuditAction, AuditSubject};
use hookline_core::ports::{Accounts as _, Audit as _, CreateOutcome, UpdateOutcome, WebhookLimits, Webhooks as _};
use hookline_core::values::{Cursor, FieldValue, ListQuery, Position};

use crate::fixture::{LIMITS, StoreFixture, at, entry, id, newest, webhook};

async fn actions(fixture: &StoreFixture, account: &str, subject: AuditSubject) -> Vec<(AuditAction, i64)> {
    let page = fixture.view.list_audit(&id(account), subject, &newest(100)).await.unwrap();
    page.items.iter().map(|audited| (audited.entry.action, audited.entry.at.as_second() - at(0).as_second())).collect()
}

#[tokio::test]
async fn an_entry_is_written_exactly_when_its_change_is() {
    let fixture = StoreFixture::new().await;
    let (mut hook, subject) = (webhook("a", 1), AuditSubject::Webhook(WebhookId(1)));
    let none = WebhookLimits { webhooks: 0, patterns: 0 };
    let refused = fixture.view.create_webhook(&hook, none, &entry(&hook, AuditAction::Create, 1)).await.unwrap();
    assert_eq!((refused, actions(&fixture, "a", subject).await), (CreateOutcome::TooMany, Vec::new()));
    let created = fixture.view.create_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Create, 2)).await.unwrap();
    assert_eq!(created, CreateOutcome::Done);

    let lost = fixture.view.update_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Update, 3)).await.unwrap();
    assert_eq!(lost, Ok(UpdateOutcome::Conflict), "the version was not raised");
    hook.version = 2;
    let won = fixture.view.update_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Update, 4)).await.unwrap();
    assert_eq!(won, Ok(UpdateOutcome::Done));
    fixture.view.audit(&entry(&hook, AuditAction::Read, 5)).await.unwrap();

    let destroy = entry(&hook, AuditAction::Destroy, 6);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 1, &destroy).await.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 2, &destroy).await.unwrap(), UpdateOutcome::Done);
    assert_eq!(fixture.view.delete_webhook(&id("a"), hook.id, 2, &destroy).await.unwrap(), UpdateOutcome::Gone);
    assert_eq!(
        actions(&fixture, "a", subject).await,
        [(AuditAction::Destroy, 6), (AuditAction::Read, 5), (AuditAction::Update, 4), (AuditAction::Create, 2)]
    );
    let page = fixture.view.list_audit(&id("a"), subject, &newest(1)).await.unwrap();
    assert_eq!((page.items[0].entry.clone(), page.total), (destroy, 4));

    assert_eq!(actions(&fixture, "b", subject).await, [], "another account's");
    assert_eq!(actions(&fixture, "a", AuditSubject::Policy(PolicyId(1))).await, [], "another kind of record");
    assert_eq!(actions(&fixture, "a", AuditSubject::Webhook(WebhookId(2))).await, []);
}

#[tokio::test]
async fn cursors_visit_every_entry_once_while_others_come() {
    let fixture = StoreFixture::new().await;
    let (hook, subject) = (webhook("a", 1), AuditSubject::Webhook(WebhookId(1)));
    for seconds in 0..7 {
        fixture.view.audit(&entry(&hook, AuditAction::Read, seconds)).await.unwrap();
    }
    let (mut seen, mut query) = (Vec::new(), newest(3));
    loop {
        let page = fixture.view.list_audit(&id("a"), subject, &query).await.unwrap();
        seen.extend(page.items.iter().map(|audited| audited.id));
        let Some(last) = page.items.last() else { break };
        let values = vec![Some(FieldValue::Int(last.id.cast_signed()))];
        query = ListQuery { position: Position::After(Cursor { offset: 0, values, id: last.id }), ..newest(3) };
        fixture.view.audit(&entry(&hook, AuditAction::Read, 100)).await.unwrap();
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

#[tokio::test]
async fn the_trail_goes_with_its_account_in_small_steps() {
    let fixture = StoreFixture::new().await;
    for account in ["a", "b"] {
        let entry = entry(&webhook(account, 1), AuditAction::Read, 1);
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
    assert_eq!((left(), actions(&fixture, "b", AuditSubject::Webhook(WebhookId(1))).await.len()), (700, 100));
}
