//! Webhook policies: versions, limits, names, and that no webhook refers to a deleted policy.

use hookline_core::ids::{PolicyId, WebhookId};
use hookline_core::model::{
    AuditAction, AuditChanges, AuditEntry, AuditSubject, NewPolicyKey, Policy, PolicyKeys, PolicyName, Sealed, Webhook,
};
use hookline_core::ports::{
    Accounts as _, Audit as _, CreateOutcome, DeletePolicyOutcome, Policies as _, UpdateOutcome, Webhooks as _,
};
use hookline_core::signing::{Algorithm, PublicKey};
use hookline_core::values::{Condition, Cursor, FieldValue, Filter, ListQuery, Position, Sort, System};

use crate::fixture::{LIMITS, StoreFixture, account, at, entry, id, newest, webhook};

fn policy(account: &str, number: u64) -> Policy {
    let fresh = NewPolicyKey::new(Some(PublicKey(vec![7; 9])), Sealed(vec![1, 2, 3]), &System);
    Policy {
        id: PolicyId(number),
        account: id(account),
        name: PolicyName::generate(&System),
        disabled: false,
        algorithm: Algorithm::Es384,
        audience: Some("receiver".to_owned()),
        expires_in: Some(u32::MAX),
        keys: PolicyKeys::first(fresh, at(0)),
        created_at: at(i64::try_from(number).unwrap()),
        updated_at: at(0),
        version: 1,
    }
}

fn noted(policy: &Policy, action: AuditAction) -> AuditEntry {
    AuditEntry {
        account: policy.account.clone(),
        subject: AuditSubject::Policy(policy.id),
        action,
        at: at(0),
        by: None,
        changes: AuditChanges::default(),
    }
}

async fn create(fixture: &StoreFixture, policy: &Policy) {
    assert!(fixture.view.create_policy(policy, 1000, &noted(policy, AuditAction::Create)).await.unwrap());
}

async fn update(fixture: &StoreFixture, policy: &Policy) -> UpdateOutcome {
    fixture.view.update_policy(policy, &noted(policy, AuditAction::Update)).await.unwrap()
}

async fn delete(fixture: &StoreFixture, policy: &Policy) -> DeletePolicyOutcome {
    let entry = noted(policy, AuditAction::Destroy);
    fixture.view.delete_policy(&policy.account, policy.id, policy.version, &entry).await.unwrap()
}

async fn actions(fixture: &StoreFixture, policy: &Policy) -> Vec<AuditAction> {
    let page = fixture.view.list_audit(&policy.account, AuditSubject::Policy(policy.id), &newest(100)).await.unwrap();
    page.items.iter().map(|audited| audited.entry.action).collect()
}

fn linked(number: u64, policy: &Policy) -> Webhook {
    Webhook { policy: Some(policy.id), openid_connect_discovery: true, ..webhook("a", number) }
}

async fn register(fixture: &StoreFixture, webhook: &Webhook) -> CreateOutcome {
    fixture.view.create_webhook(webhook, LIMITS, &entry(webhook, AuditAction::Create, 0)).await.unwrap()
}

async fn relink(
    fixture: &StoreFixture,
    webhook: &mut Webhook,
    policy: Option<PolicyId>,
) -> Result<UpdateOutcome, CreateOutcome> {
    let changed = Webhook { policy, version: webhook.version + 1, ..webhook.clone() };
    let written =
        fixture.view.update_webhook(&changed, LIMITS, &entry(&changed, AuditAction::Update, 0)).await.unwrap();
    if written == Ok(UpdateOutcome::Done) {
        *webhook = changed;
    }
    written
}

#[tokio::test]
async fn a_policy_comes_back_by_id_and_by_name_in_its_account_alone() {
    let fixture = StoreFixture::new().await;
    let ids = (fixture.view.allocate_policy_id().await.unwrap(), fixture.view.allocate_policy_id().await.unwrap());
    assert_eq!(ids, (PolicyId(1), PolicyId(2)), "a counter of its own");
    assert_eq!(fixture.view.allocate_webhook_id().await.unwrap(), WebhookId(1));
    let bare = Policy { disabled: true, audience: None, expires_in: None, ..policy("a", 2) };
    for stored in [policy("a", 1), bare] {
        create(&fixture, &stored).await;
        assert_eq!(fixture.view.policy(&id("a"), stored.id).await.unwrap(), Some(stored.clone()));
        assert_eq!(fixture.view.policy_by_name(&id("a"), &stored.name).await.unwrap(), Some(stored.clone()));
        assert_eq!(fixture.view.policy(&id("b"), stored.id).await.unwrap(), None);
        assert_eq!(fixture.view.policy_by_name(&id("b"), &stored.name).await.unwrap(), None);
        assert_eq!(actions(&fixture, &stored).await, [AuditAction::Create]);
    }
    assert_eq!(fixture.view.policy(&id("a"), PolicyId(3)).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_has_its_limit_of_policies() {
    let fixture = StoreFixture::new().await;
    let [first, second, other] = [policy("a", 1), policy("a", 2), policy("b", 3)];
    for (policy, stored) in [(&first, true), (&second, false), (&other, true)] {
        assert_eq!(fixture.view.create_policy(policy, 1, &noted(policy, AuditAction::Create)).await.unwrap(), stored);
    }
    assert_eq!(
        (actions(&fixture, &second).await, fixture.view.policy(&id("a"), second.id).await.unwrap()),
        (vec![], None)
    );
    let gone = policy("gone", 4);
    assert!(!fixture.view.create_policy(&gone, 1, &noted(&gone, AuditAction::Create)).await.unwrap());
    assert_eq!(delete(&fixture, &first).await, DeletePolicyOutcome::Done);
    create(&fixture, &second).await;
}

#[tokio::test]
async fn of_two_concurrent_changes_one_gets_a_conflict() {
    let fixture = StoreFixture::new().await;
    let stored = policy("a", 1);
    create(&fixture, &stored).await;
    let mut changed = Policy { disabled: true, audience: None, updated_at: at(9), version: 2, ..stored.clone() };
    assert!(changed.keys.rotate(NewPolicyKey::new(None, Sealed(vec![4]), &System), at(9), false));
    assert_eq!(update(&fixture, &changed).await, UpdateOutcome::Done);
    assert_eq!(update(&fixture, &changed).await, UpdateOutcome::Conflict);
    assert_eq!(delete(&fixture, &stored).await, DeletePolicyOutcome::Conflict);
    assert_eq!(fixture.view.policy(&id("a"), stored.id).await.unwrap(), Some(changed.clone()));
    let foreign = Policy { account: id("b"), version: 3, ..changed.clone() };
    assert_eq!(
        (update(&fixture, &foreign).await, delete(&fixture, &foreign).await),
        (UpdateOutcome::Gone, DeletePolicyOutcome::Gone)
    );
    assert_eq!(delete(&fixture, &changed).await, DeletePolicyOutcome::Done);
    assert_eq!(
        (update(&fixture, &changed).await, delete(&fixture, &changed).await),
        (UpdateOutcome::Gone, DeletePolicyOutcome::Gone)
    );
    assert_eq!(actions(&fixture, &changed).await, [AuditAction::Destroy, AuditAction::Update, AuditAction::Create]);
}

#[tokio::test]
async fn a_policy_that_a_webhook_uses_stays() {
    let fixture = StoreFixture::new().await;
    let [used, other] = [policy("a", 1), policy("a", 2)];
    create(&fixture, &used).await;
    create(&fixture, &other).await;
    let mut hook = linked(1, &used);
    assert_eq!(register(&fixture, &hook).await, CreateOutcome::Done);
    assert_eq!(delete(&fixture, &used).await, DeletePolicyOutcome::InUse);
    assert_eq!(delete(&fixture, &Policy { version: 7, ..used.clone() }).await, DeletePolicyOutcome::InUse);
    assert_eq!(relink(&fixture, &mut hook, Some(other.id)).await, Ok(UpdateOutcome::Done));
    assert_eq!(
        (delete(&fixture, &used).await, delete(&fixture, &other).await),
        (DeletePolicyOutcome::Done, DeletePolicyOutcome::InUse)
    );
    let removal = entry(&hook, AuditAction::Destroy, 0);
    assert_eq!(
        fixture.view.delete_webhook(&id("a"), hook.id, hook.version, &removal).await.unwrap(),
        UpdateOutcome::Done
    );
    assert_eq!(delete(&fixture, &other).await, DeletePolicyOutcome::Done);
}

#[tokio::test]
async fn a_webhook_cannot_use_a_missing_disabled_or_foreign_policy() {
    let fixture = StoreFixture::new().await;
    let [good, gone, foreign] = [policy("a", 1), policy("a", 2), policy("b", 3)];
    let disabled = Policy { disabled: true, ..policy("a", 4) };
    for policy in [&good, &gone, &foreign, &disabled] {
        create(&fixture, policy).await;
    }
    assert_eq!(delete(&fixture, &gone).await, DeletePolicyOutcome::Done);
    let mut hook = webhook("a", 1);
    assert_eq!(register(&fixture, &hook).await, CreateOutcome::Done);
    for policy in [&gone, &foreign, &disabled] {
        assert_eq!(register(&fixture, &linked(2, policy)).await, CreateOutcome::NoPolicy);
        assert_eq!(relink(&fixture, &mut hook, Some(policy.id)).await, Err(CreateOutcome::NoPolicy));
    }
    assert_eq!(fixture.view.webhook(&id("a"), WebhookId(2)).await.unwrap(), None);

    assert_eq!(relink(&fixture, &mut hook, Some(good.id)).await, Ok(UpdateOutcome::Done));
    assert_eq!(update(&fixture, &Policy { disabled: true, version: 2, ..good.clone() }).await, UpdateOutcome::Done);
    assert_eq!(relink(&fixture, &mut hook, Some(good.id)).await, Ok(UpdateOutcome::Done), "it keeps what it has");
    assert_eq!(fixture.view.webhook(&id("a"), hook.id).await.unwrap().unwrap().policy, Some(good.id));
    assert_eq!(relink(&fixture, &mut hook, None).await, Ok(UpdateOutcome::Done));
    assert_eq!(relink(&fixture, &mut hook, Some(good.id)).await, Err(CreateOutcome::NoPolicy));
}

#[tokio::test]
async fn a_delivery_gets_the_policy_with_its_webhook() {
    let fixture = StoreFixture::new().await;
    let stored = policy("a", 1);
    create(&fixture, &stored).await;
    assert_eq!(register(&fixture, &linked(1, &stored)).await, CreateOutcome::Done);
    assert_eq!(register(&fixture, &webhook("a", 2)).await, CreateOutcome::Done);
    let target = fixture.view.target(&id("a"), WebhookId(1)).await.unwrap().unwrap();
    assert_eq!((target.policy, target.openid_connect_discovery), (Some(stored.clone()), true));
    let plain = fixture.view.target(&id("a"), WebhookId(2)).await.unwrap().unwrap();
    assert_eq!((plain.policy, plain.openid_connect_discovery), (None, false));

    let other = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    other.execute("DELETE FROM policies", []).unwrap();
    assert!(fixture.view.target(&id("a"), WebhookId(1)).await.is_err(), "never sent unsigned");
}

#[tokio::test]
async fn policies_are_listed_by_name_and_time_and_go_with_their_account() {
    let fixture = StoreFixture::new().await;
    let stored: Vec<Policy> = (1..=5).map(|number| policy("a", number)).collect();
    for policy in &stored {
        create(&fixture, policy).await;
    }
    create(&fixture, &policy("b", 6)).await;
    let by_time = vec![Sort { field: "created_at", descending: true }];
    let query = |filters, position| ListQuery { filters, sort: by_time.clone(), position, per_page: 2 };
    let list = async |query: ListQuery| {
        let page = fixture.view.list_policies(&id("a"), &query).await.unwrap();
        (page.items.iter().map(|policy| policy.id.0).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(list(query(vec![], Position::Page(1))).await, (vec![5, 4], 5));
    let after = Cursor { offset: 2, values: vec![Some(FieldValue::Time(at(4)))], id: 4 };
    assert_eq!(list(query(vec![], Position::After(after))).await, (vec![3, 2], 5));
    let name = FieldValue::Text(stored[1].name.as_str().to_uppercase());
    for (ignore_case, found) in [(true, vec![2]), (false, vec![])] {
        let filter = Filter { field: "name", test: Condition::OneOf(vec![name.clone()]), ignore_case };
        assert_eq!(list(query(vec![filter], Position::Page(1))).await.0, found);
    }

    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    assert!(fixture.view.create_account(&account("a")).await.unwrap());
    assert_eq!(list(query(vec![], Position::Page(1))).await, (vec![], 0));
    assert_eq!(fixture.view.policy(&id("a"), PolicyId(1)).await.unwrap(), None);
    assert!(fixture.view.policy(&id("b"), PolicyId(6)).await.unwrap().is_some());
}
