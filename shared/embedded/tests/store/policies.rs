//! Webhook policies: versions, limits, names, and that no webhook is ever left with a policy that is gone.

use hookline_core::audit::{Action, AuditEntry, Changes, Subject};
use hookline_core::clock::System;
use hookline_core::listing::{Cursor, Filter, Position, Query, Sort, Test, Value};
use hookline_core::policy::{FreshKey, Policy, PolicyId, PolicyKeys, PolicyName};
use hookline_core::ports::{Accounts as _, Audit as _, Created, Policies as _, PolicyDeleted, Webhooks as _, Written};
use hookline_core::secret::Sealed;
use hookline_core::signing::algorithm::Algorithm;
use hookline_core::signing::keys::PublicKey;
use hookline_core::webhook::{Webhook, WebhookId};

use crate::fixture::{LIMITS, StoreFixture, account, at, entry, id, newest, webhook};

fn policy(account: &str, number: u64) -> Policy {
    let fresh = FreshKey::new(Some(PublicKey(vec![7; 9])), Sealed(vec![1, 2, 3]), &System);
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

fn noted(policy: &Policy, action: Action) -> AuditEntry {
    AuditEntry {
        account: policy.account.clone(),
        subject: Subject::Policy(policy.id),
        action,
        at: at(0),
        by: None,
        changes: Changes::default(),
    }
}

async fn create(shelf: &StoreFixture, policy: &Policy) {
    assert!(shelf.view.create_policy(policy, 1000, &noted(policy, Action::Create)).await.unwrap());
}

async fn update(shelf: &StoreFixture, policy: &Policy) -> Written {
    shelf.view.update_policy(policy, &noted(policy, Action::Update)).await.unwrap()
}

async fn delete(shelf: &StoreFixture, policy: &Policy) -> PolicyDeleted {
    let entry = noted(policy, Action::Destroy);
    shelf.view.delete_policy(&policy.account, policy.id, policy.version, &entry).await.unwrap()
}

async fn actions(shelf: &StoreFixture, policy: &Policy) -> Vec<Action> {
    let page = shelf.view.list_audit(&policy.account, Subject::Policy(policy.id), &newest(100)).await.unwrap();
    page.items.iter().map(|audited| audited.entry.action).collect()
}

fn linked(number: u64, policy: &Policy) -> Webhook {
    Webhook { policy: Some(policy.id), openid_connect_discovery: true, ..webhook("a", number) }
}

async fn register(shelf: &StoreFixture, webhook: &Webhook) -> Created {
    shelf.view.create_webhook(webhook, LIMITS, &entry(webhook, Action::Create, 0)).await.unwrap()
}

async fn relink(shelf: &StoreFixture, webhook: &mut Webhook, policy: Option<PolicyId>) -> Result<Written, Created> {
    let changed = Webhook { policy, version: webhook.version + 1, ..webhook.clone() };
    let written = shelf.view.update_webhook(&changed, LIMITS, &entry(&changed, Action::Update, 0)).await.unwrap();
    if written == Ok(Written::Done) {
        *webhook = changed;
    }
    written
}

#[tokio::test]
async fn a_policy_comes_back_by_id_and_by_name_in_its_account_alone() {
    let shelf = StoreFixture::new().await;
    let ids = (shelf.view.allocate_policy_id().await.unwrap(), shelf.view.allocate_policy_id().await.unwrap());
    assert_eq!(ids, (PolicyId(1), PolicyId(2)), "a counter of its own");
    assert_eq!(shelf.view.allocate_webhook_id().await.unwrap(), WebhookId(1));
    let bare = Policy { disabled: true, audience: None, expires_in: None, ..policy("a", 2) };
    for stored in [policy("a", 1), bare] {
        create(&shelf, &stored).await;
        assert_eq!(shelf.view.policy(&id("a"), stored.id).await.unwrap(), Some(stored.clone()));
        assert_eq!(shelf.view.policy_by_name(&id("a"), &stored.name).await.unwrap(), Some(stored.clone()));
        assert_eq!(shelf.view.policy(&id("b"), stored.id).await.unwrap(), None);
        assert_eq!(shelf.view.policy_by_name(&id("b"), &stored.name).await.unwrap(), None);
        assert_eq!(actions(&shelf, &stored).await, [Action::Create]);
    }
    assert_eq!(shelf.view.policy(&id("a"), PolicyId(3)).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_has_its_limit_of_policies() {
    let shelf = StoreFixture::new().await;
    let [first, second, other] = [policy("a", 1), policy("a", 2), policy("b", 3)];
    for (policy, stored) in [(&first, true), (&second, false), (&other, true)] {
        assert_eq!(shelf.view.create_policy(policy, 1, &noted(policy, Action::Create)).await.unwrap(), stored);
    }
    assert_eq!((actions(&shelf, &second).await, shelf.view.policy(&id("a"), second.id).await.unwrap()), (vec![], None));
    let gone = policy("gone", 4);
    assert!(!shelf.view.create_policy(&gone, 1, &noted(&gone, Action::Create)).await.unwrap());
    assert_eq!(delete(&shelf, &first).await, PolicyDeleted::Done);
    create(&shelf, &second).await;
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_to_look_again() {
    let shelf = StoreFixture::new().await;
    let stored = policy("a", 1);
    create(&shelf, &stored).await;
    let mut changed = Policy { disabled: true, audience: None, updated_at: at(9), version: 2, ..stored.clone() };
    assert!(changed.keys.rotate(FreshKey::new(None, Sealed(vec![4]), &System), at(9), false));
    assert_eq!(update(&shelf, &changed).await, Written::Done);
    assert_eq!(update(&shelf, &changed).await, Written::Conflict);
    assert_eq!(delete(&shelf, &stored).await, PolicyDeleted::Conflict);
    assert_eq!(shelf.view.policy(&id("a"), stored.id).await.unwrap(), Some(changed.clone()));
    let foreign = Policy { account: id("b"), version: 3, ..changed.clone() };
    assert_eq!((update(&shelf, &foreign).await, delete(&shelf, &foreign).await), (Written::Gone, PolicyDeleted::Gone));
    assert_eq!(delete(&shelf, &changed).await, PolicyDeleted::Done);
    assert_eq!((update(&shelf, &changed).await, delete(&shelf, &changed).await), (Written::Gone, PolicyDeleted::Gone));
    assert_eq!(actions(&shelf, &changed).await, [Action::Destroy, Action::Update, Action::Create]);
}

#[tokio::test]
async fn a_policy_that_a_webhook_uses_stays() {
    let shelf = StoreFixture::new().await;
    let [used, other] = [policy("a", 1), policy("a", 2)];
    create(&shelf, &used).await;
    create(&shelf, &other).await;
    let mut hook = linked(1, &used);
    assert_eq!(register(&shelf, &hook).await, Created::Done);
    assert_eq!(delete(&shelf, &used).await, PolicyDeleted::InUse);
    assert_eq!(delete(&shelf, &Policy { version: 7, ..used.clone() }).await, PolicyDeleted::InUse);
    assert_eq!(relink(&shelf, &mut hook, Some(other.id)).await, Ok(Written::Done));
    assert_eq!(
        (delete(&shelf, &used).await, delete(&shelf, &other).await),
        (PolicyDeleted::Done, PolicyDeleted::InUse)
    );
    let removal = entry(&hook, Action::Destroy, 0);
    assert_eq!(shelf.view.delete_webhook(&id("a"), hook.id, hook.version, &removal).await.unwrap(), Written::Done);
    assert_eq!(delete(&shelf, &other).await, PolicyDeleted::Done);
}

#[tokio::test]
async fn a_webhook_gets_no_policy_that_is_gone_disabled_or_anothers() {
    let shelf = StoreFixture::new().await;
    let [good, gone, foreign] = [policy("a", 1), policy("a", 2), policy("b", 3)];
    let disabled = Policy { disabled: true, ..policy("a", 4) };
    for policy in [&good, &gone, &foreign, &disabled] {
        create(&shelf, policy).await;
    }
    assert_eq!(delete(&shelf, &gone).await, PolicyDeleted::Done);
    let mut hook = webhook("a", 1);
    assert_eq!(register(&shelf, &hook).await, Created::Done);
    for policy in [&gone, &foreign, &disabled] {
        assert_eq!(register(&shelf, &linked(2, policy)).await, Created::NoPolicy);
        assert_eq!(relink(&shelf, &mut hook, Some(policy.id)).await, Err(Created::NoPolicy));
    }
    assert_eq!(shelf.view.webhook(&id("a"), WebhookId(2)).await.unwrap(), None);

    assert_eq!(relink(&shelf, &mut hook, Some(good.id)).await, Ok(Written::Done));
    assert_eq!(update(&shelf, &Policy { disabled: true, version: 2, ..good.clone() }).await, Written::Done);
    assert_eq!(relink(&shelf, &mut hook, Some(good.id)).await, Ok(Written::Done), "it keeps what it has");
    assert_eq!(shelf.view.webhook(&id("a"), hook.id).await.unwrap().unwrap().policy, Some(good.id));
    assert_eq!(relink(&shelf, &mut hook, None).await, Ok(Written::Done));
    assert_eq!(relink(&shelf, &mut hook, Some(good.id)).await, Err(Created::NoPolicy));
}

#[tokio::test]
async fn a_delivery_gets_the_policy_with_its_webhook() {
    let shelf = StoreFixture::new().await;
    let stored = policy("a", 1);
    create(&shelf, &stored).await;
    assert_eq!(register(&shelf, &linked(1, &stored)).await, Created::Done);
    assert_eq!(register(&shelf, &webhook("a", 2)).await, Created::Done);
    let target = shelf.view.target(&id("a"), WebhookId(1)).await.unwrap().unwrap();
    assert_eq!((target.policy, target.openid_connect_discovery), (Some(stored.clone()), true));
    let plain = shelf.view.target(&id("a"), WebhookId(2)).await.unwrap().unwrap();
    assert_eq!((plain.policy, plain.openid_connect_discovery), (None, false));

    let other = rusqlite::Connection::open(shelf.folder.path().join("hookline.db")).unwrap();
    other.execute("DELETE FROM policies", []).unwrap();
    assert!(shelf.view.target(&id("a"), WebhookId(1)).await.is_err(), "never sent unsigned");
}

#[tokio::test]
async fn policies_are_listed_by_name_and_time_and_go_with_their_account() {
    let shelf = StoreFixture::new().await;
    let stored: Vec<Policy> = (1..=5).map(|number| policy("a", number)).collect();
    for policy in &stored {
        create(&shelf, policy).await;
    }
    create(&shelf, &policy("b", 6)).await;
    let by_time = vec![Sort { field: "created_at", descending: true }];
    let query = |filters, position| Query { filters, sort: by_time.clone(), position, per_page: 2 };
    let list = async |query: Query| {
        let page = shelf.view.list_policies(&id("a"), &query).await.unwrap();
        (page.items.iter().map(|policy| policy.id.0).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(list(query(vec![], Position::Page(1))).await, (vec![5, 4], 5));
    let after = Cursor { offset: 2, values: vec![Some(Value::Time(at(4)))], id: 4 };
    assert_eq!(list(query(vec![], Position::After(after))).await, (vec![3, 2], 5));
    let name = Value::Text(stored[1].name.as_str().to_uppercase());
    for (ignore_case, found) in [(true, vec![2]), (false, vec![])] {
        let filter = Filter { field: "name", test: Test::OneOf(vec![name.clone()]), ignore_case };
        assert_eq!(list(query(vec![filter], Position::Page(1))).await.0, found);
    }

    assert!(shelf.view.delete_account(&id("a")).await.unwrap());
    assert!(shelf.view.create_account(&account("a")).await.unwrap());
    assert_eq!(list(query(vec![], Position::Page(1))).await, (vec![], 0));
    assert_eq!(shelf.view.policy(&id("a"), PolicyId(1)).await.unwrap(), None);
    assert!(shelf.view.policy(&id("b"), PolicyId(6)).await.unwrap().is_some());
}
