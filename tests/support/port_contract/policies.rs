//! Webhook policies.

use hookline_core::ids::AccountId;
use hookline_core::model::{
    AuditAction, AuditChanges, AuditEntry, AuditSubject, NewPolicyKey, Policy, PolicyKeys, PolicyName, Sealed, Webhook,
};
use hookline_core::ports::{CreateOutcome, DeletePolicyOutcome, UpdateOutcome};
use hookline_core::service::Service;
use hookline_core::signing::{Algorithm, PublicKey};
use hookline_core::values::System;

use super::{NO_LIMITS, at_once, create, draft, entry, fresh_account, renamed};

async fn draft_policy(service: &Service, account: &AccountId) -> Policy {
    let now = service.clock.now();
    let fresh = NewPolicyKey::new(Some(PublicKey(vec![7; 294])), Sealed(vec![9; 1300]), &System);
    Policy {
        id: service.policies.allocate_policy_id().await.expect("the store works"),
        account: account.clone(),
        name: PolicyName::generate(&System),
        disabled: false,
        algorithm: Algorithm::Es512,
        audience: Some("Ж\"".repeat(600)),
        expires_in: Some(u32::MAX),
        keys: PolicyKeys::first(fresh, now),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

fn noted(policy: &Policy, action: AuditAction) -> AuditEntry {
    let (account, subject, at) = (policy.account.clone(), AuditSubject::Policy(policy.id), policy.updated_at);
    AuditEntry { account, subject, action, at, by: None, changes: AuditChanges::default() }
}

async fn stored_policy(service: &Service, account: &AccountId) -> Policy {
    let policy = draft_policy(service, account).await;
    let audit = noted(&policy, AuditAction::Create);
    assert!(service.policies.create_policy(&policy, 1000, &audit).await.expect("the store works"));
    policy
}

/// For its account alone; an id is given once.
pub async fn a_policy_comes_back_whole_and_by_its_name(service: &Service) {
    let (account, other) = (fresh_account(service).await, fresh_account(service).await);
    let policies = &service.policies;
    let policy = stored_policy(service, &account.id).await;
    assert_eq!(policies.policy(&account.id, policy.id).await.expect("the store works"), Some(policy.clone()));
    assert_eq!(
        policies.policy_by_name(&account.id, &policy.name).await.expect("the store works"),
        Some(policy.clone())
    );
    assert_eq!(policies.policy(&other.id, policy.id).await.expect("the store works"), None);
    assert_eq!(policies.policy_by_name(&other.id, &policy.name).await.expect("the store works"), None);
    let made = at_once(12, |_| async {
        let policy = draft_policy(service, &other.id).await;
        let audit = noted(&policy, AuditAction::Create);
        (policy.id, policies.create_policy(&policy, 5, &audit).await.expect("the store works"))
    });
    let made = made.await;
    assert_eq!(made.iter().filter(|(_, made)| *made).count(), 5, "as many as there may be");
    let mut ids: Vec<u64> = made.iter().map(|(id, _)| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

/// The other writers get a conflict.
pub async fn of_fifty_writers_of_a_policy_one_wins(service: &Service) {
    let account = fresh_account(service).await;
    let policy = stored_policy(service, &account.id).await;
    let outcomes = at_once(50, |number| {
        let changed = Policy { audience: Some(number.to_string()), version: 2, ..policy.clone() };
        async move {
            let audit = noted(&changed, AuditAction::Update);
            service.policies.update_policy(&changed, &audit).await.expect("the store works")
        }
    });
    let outcomes = outcomes.await;
    let winner = outcomes.iter().position(|outcome| *outcome == UpdateOutcome::Done).expect("a winner");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == UpdateOutcome::Conflict).count(), 49);
    let read = service.policies.policy(&account.id, policy.id).await.expect("the store works").expect("it is there");
    assert_eq!((read.audience, read.version), (Some(winner.to_string()), 2));
    let audit = noted(&policy, AuditAction::Destroy);
    let delete = async |version| {
        service.policies.delete_policy(&account.id, policy.id, version, &audit).await.expect("the store works")
    };
    assert_eq!(delete(1).await, DeletePolicyOutcome::Conflict);
    assert_eq!(delete(2).await, DeletePolicyOutcome::Done);
    assert_eq!(delete(2).await, DeletePolicyOutcome::Gone);
}

/// Linking and deleting exclude each other, whichever comes first.
pub async fn a_policy_in_use_stays(service: &Service) {
    let account = fresh_account(service).await;
    for _ in 0..10 {
        let policy = stored_policy(service, &account.id).await;
        let webhook = Webhook { policy: Some(policy.id), ..draft(service, &account.id, "*").await };
        let (audit, destroyed) = (entry(&webhook, AuditAction::Create), noted(&policy, AuditAction::Destroy));
        let (linked, deleted) = futures_util::future::join(
            service.webhooks.create_webhook(&webhook, NO_LIMITS, &audit),
            service.policies.delete_policy(&account.id, policy.id, 1, &destroyed),
        )
        .await;
        match (linked.expect("the store works"), deleted.expect("the store works")) {
            (CreateOutcome::Done, DeletePolicyOutcome::InUse) => {
                let target = service.webhooks.target(&account.id, webhook.id).await.expect("the store works");
                assert_eq!(target.expect("it is there").policy, Some(policy));
            }
            (CreateOutcome::NoPolicy, DeletePolicyOutcome::Done) => {}
            other => panic!("{other:?}"),
        }
    }
    let policy = stored_policy(service, &account.id).await;
    let disabled = Policy { disabled: true, version: 2, ..policy.clone() };
    let linked = Webhook { policy: Some(policy.id), ..draft(service, &account.id, "*").await };
    create(service, &linked).await;
    let written = service.policies.update_policy(&disabled, &noted(&disabled, AuditAction::Update)).await;
    assert_eq!(written.expect("the store works"), UpdateOutcome::Done);
    let more = Webhook { policy: Some(policy.id), ..draft(service, &account.id, "*").await };
    let refused = service.webhooks.create_webhook(&more, NO_LIMITS, &entry(&more, AuditAction::Create)).await;
    assert_eq!(refused.expect("the store works"), CreateOutcome::NoPolicy, "a disabled one is linked no more");
    let changed = renamed(&linked, "still signed");
    let written = service.webhooks.update_webhook(&changed, NO_LIMITS, &entry(&changed, AuditAction::Update)).await;
    assert_eq!(written.expect("the store works"), Ok(UpdateOutcome::Done), "a webhook that has it keeps it");
}
