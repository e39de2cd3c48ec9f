//! Webhook policies (section 7): create, change, delete, rotate, link to webhooks, and sign with.
//!
//! Generating an RSA key takes long, so the caller generates keys where that blocks no other work. A key is sealed
//! before it is stored, and shown once, in the [`PolicyWithKey`] of the call that generated it.

use std::future::Future;

use tracing::Span;

use super::retry_on_conflict::retry_on_conflict;
use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, PolicyId};
use crate::model::policy::seal_context;
use crate::model::policy_keys::MAX_KEYS;
use crate::model::{
    AuditAction, AuditChanges, AuditEntry, AuditSubject, NewPolicyKey, Person, Policy, PolicyKeys, PolicyName,
};
use crate::ports::{DeletePolicyOutcome, UpdateOutcome};
use crate::rules::audit_changes;
use crate::service::Service;
use crate::signing::{Algorithm, SigningKey};
use crate::values::{Patch, Secret};

/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 2048;

/// What an administrator says about a policy. Unknown and read-only fields never get here.
#[derive(Debug, Clone, Default)]
pub struct PolicyInput {
    /// `disabled`
    pub disabled: Patch<bool>,
    /// `jwt_alg`
    pub jwt_alg: Patch<String>,
    /// `jwt_audience`
    pub jwt_audience: Patch<String>,
    /// `jwt_claim_expires_in`, in minutes.
    pub jwt_claim_expires_in: Patch<u64>,
}

/// What rotation is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyRotation {
    /// An emergency: with discovery the new key signs at once.
    pub now: bool,
    /// No new key: the newest signs for webhooks without discovery from now on.
    pub activate: bool,
}

/// A policy, and what receivers verify with, if a key was made: shown in this one answer.
#[derive(Debug)]
pub struct PolicyWithKey {
    /// The policy.
    pub policy: Policy,
    /// The public key as PEM, or the secret as base64url.
    pub key: Option<Secret<String>>,
}

/// Creates a policy. `make` makes its key.
pub async fn create<F: Future<Output = PortResult<SigningKey>>>(
    service: &Service,
    account: &AccountId,
    by: &Person,
    input: &PolicyInput,
    make: impl FnOnce(Algorithm) -> F,
) -> Result<PolicyWithKey, UseCaseError> {
    let mut problems = ValidationErrors::new();
    let algorithm = match chosen(&input.jwt_alg, service.settings.allow_unsigned_jwt) {
        Ok(algorithm) => Some(algorithm),
        Err(what) => {
            problems.add("jwt_alg", what);
            None
        }
    };
    let mut fields = PolicyDraft::default();
    fields.apply(input, &mut problems);
    let Some(algorithm) = algorithm else { return Err(UseCaseError::Invalid(problems)) };
    problems.check()?;

    let key = make(algorithm).await?;
    let id = service.policies.allocate_policy_id().await?;
    let now = service.clock.now();
    let fresh = seal(service, account, id, 1, &key).await?;
    let policy = Policy {
        id,
        account: account.clone(),
        name: PolicyName::generate(&*service.entropy),
        disabled: fields.disabled,
        algorithm,
        audience: fields.audience,
        expires_in: fields.expires_in,
        keys: PolicyKeys::first(fresh, now),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let limit = service.settings.max_policies;
    let entry = entry(service, by, &policy, AuditAction::Create, audit_changes::policy_changes(None, Some(&policy)));
    if !service.policies.create_policy(&policy, limit, &entry).await? {
        return Err(ValidationErrors::of("webhook_policies", format!("has reached its limit of {limit}")).into());
    }
    Ok(PolicyWithKey { policy, key: key.reveal()? })
}

/// Changes the fields that the input mentions. `if_match` is asked whether the stored policy is still the one that the
/// caller saw.
pub async fn update(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
    input: &PolicyInput,
    if_match: impl Fn(&Policy) -> bool + Send + Sync,
) -> Result<Policy, UseCaseError> {
    retry_on_conflict("a webhook policy", || async {
        let stored = service.policies.policy(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let mut problems = ValidationErrors::new();
        let same = match &input.jwt_alg {
            Patch::Absent => true,
            Patch::Null | Patch::WrongType => false,
            Patch::Value(text) => text == stored.algorithm.as_str(),
        };
        if !same {
            problems.add("jwt_alg", "can't be changed");
        }
        let mut fields = PolicyDraft::of(&stored);
        fields.apply(input, &mut problems);
        problems.check()?;
        let mut changed = Policy {
            disabled: fields.disabled,
            audience: fields.audience,
            expires_in: fields.expires_in,
            ..stored.clone()
        };
        if changed == stored {
            return Ok(Some(stored));
        }
        Ok(write(service, by, &stored, &mut changed).await?.then_some(changed))
    })
    .await
}

/// Deletes a policy that no webhook uses.
pub async fn delete(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
    if_match: impl Fn(&Policy) -> bool + Send + Sync,
) -> Result<(), UseCaseError> {
    retry_on_conflict("a webhook policy", || async {
        let stored = service.policies.policy(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let entry =
            entry(service, by, &stored, AuditAction::Destroy, audit_changes::policy_changes(Some(&stored), None));
        match service.policies.delete_policy(account, id, stored.version, &entry).await? {
            DeletePolicyOutcome::Done => Ok(Some(())),
            DeletePolicyOutcome::Conflict => Ok(None),
            DeletePolicyOutcome::Gone => Err(UseCaseError::NotFound),
            DeletePolicyOutcome::InUse => Err(ValidationErrors::base("Webhook policy is used by a webhook").into()),
        }
    })
    .await
}

/// Gives a policy a new key, or activates the one that it has. `make` makes the key.
pub async fn rotate<F: Future<Output = PortResult<SigningKey>>>(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
    rotation: KeyRotation,
    make: impl FnOnce(Algorithm) -> F,
) -> Result<PolicyWithKey, UseCaseError> {
    let stored = service.policies.policy(account, id).await?.ok_or(UseCaseError::NotFound)?;
    if stored.algorithm == Algorithm::None {
        return Err(ValidationErrors::base("Webhook policy has no key").into());
    }
    if rotation.now && !rotation.activate && stored.keys.clone().promote(service.clock.now()) {
        return promote(service, account, by, id).await;
    }
    let key = if rotation.activate { None } else { Some(make(stored.algorithm).await?) };
    let policy = retry_on_conflict("a webhook policy", || async {
        let mut policy = service.policies.policy(account, id).await?.ok_or(UseCaseError::NotFound)?;
        let before = policy.clone();
        let now = service.clock.now();
        match &key {
            None => policy.keys.activate(now, rotation.now),
            Some(key) => {
                let fresh = seal(service, account, id, policy.keys.next_number(), key).await?;
                if !policy.keys.rotate(fresh, now, rotation.now) {
                    let errors = ValidationErrors::of("keys", format!("has reached its limit of {MAX_KEYS}"));
                    return Err(UseCaseError::Invalid(errors));
                }
            }
        }
        let done = policy == before || write(service, by, &before, &mut policy).await?;
        Ok(done.then_some(policy))
    })
    .await?;
    let key = key.map(|key| key.reveal()).transpose()?.flatten();
    Ok(PolicyWithKey { policy, key })
}

/// Lets the newest key of a policy sign at once, and answers like a rotation. After a conflict the key may have been promoted
/// already, or there is a newer one, which is promoted instead.
async fn promote(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
) -> Result<PolicyWithKey, UseCaseError> {
    let policy = retry_on_conflict("a webhook policy", || async {
        let mut policy = service.policies.policy(account, id).await?.ok_or(UseCaseError::NotFound)?;
        let before = policy.clone();
        policy.keys.promote(service.clock.now());
        let done = policy == before || write(service, by, &before, &mut policy).await?;
        Ok::<_, UseCaseError>(done.then_some(policy))
    })
    .await?;
    let key = policy.keys.newest().public.as_ref().map(|public| Secret::new(public.to_pem()));
    Ok(PolicyWithKey { policy, key })
}

/// The algorithm that an input asks for, or what is wrong with it.
fn chosen(given: &Patch<String>, unsigned: bool) -> Result<Algorithm, &'static str> {
    match given {
        Patch::Absent | Patch::Null => Err("can't be blank"),
        Patch::WrongType => Err("is invalid"),
        Patch::Value(text) if text.is_empty() => Err("can't be blank"),
        Patch::Value(text) => Algorithm::parse(text)
            .filter(|algorithm| unsigned || *algorithm != Algorithm::None)
            .ok_or("is not included in the list"),
    }
}

/// The fields that can be changed, while an input is applied to them.
#[derive(Default)]
struct PolicyDraft {
    disabled: bool,
    audience: Option<String>,
    expires_in: Option<u32>,
}

impl PolicyDraft {
    fn of(stored: &Policy) -> Self {
        let Policy { disabled, audience, expires_in, .. } = stored;
        Self { disabled: *disabled, audience: audience.clone(), expires_in: *expires_in }
    }

    fn apply(&mut self, input: &PolicyInput, problems: &mut ValidationErrors) {
        let PolicyInput { disabled, jwt_alg: _, jwt_audience, jwt_claim_expires_in } = input;
        match disabled {
            Patch::Absent => {}
            Patch::Null => self.disabled = false,
            Patch::WrongType => problems.add("disabled", "is invalid"),
            Patch::Value(disabled) => self.disabled = *disabled,
        }
        match jwt_audience {
            Patch::Absent => {}
            Patch::Null => self.audience = None,
            Patch::WrongType => problems.add("jwt_audience", "is invalid"),
            Patch::Value(text) if text.len() > MAX_AUDIENCE => problems.too_long("jwt_audience", MAX_AUDIENCE),
            Patch::Value(text) => self.audience = Some(text.clone()).filter(|text| !text.is_empty()),
        }
        match jwt_claim_expires_in {
            Patch::Absent => {}
            Patch::Null => self.expires_in = None,
            Patch::WrongType => problems.add("jwt_claim_expires_in", "is invalid"),
            Patch::Value(minutes) => match u32::try_from(*minutes) {
                Ok(minutes) if minutes > 0 => self.expires_in = Some(minutes),
                Ok(_) | Err(_) => problems.add("jwt_claim_expires_in", "is invalid"),
            },
        }
    }
}

/// A key as it is stored.
async fn seal(
    service: &Service,
    account: &AccountId,
    id: PolicyId,
    number: u64,
    key: &SigningKey,
) -> PortResult<NewPolicyKey> {
    let sealed = service.vault.seal(seal_context(account, id, number), &key.encode()?).await?;
    Ok(NewPolicyKey::new(key.public()?, sealed, &*service.entropy))
}

/// Writes a changed policy; `false` on a conflict with another change.
async fn write(service: &Service, by: &Person, before: &Policy, policy: &mut Policy) -> Result<bool, UseCaseError> {
    policy.version += 1;
    policy.updated_at = service.clock.now();
    let entry =
        entry(service, by, policy, AuditAction::Update, audit_changes::policy_changes(Some(before), Some(policy)));
    match service.policies.update_policy(policy, &entry).await? {
        UpdateOutcome::Done => Ok(true),
        UpdateOutcome::Conflict => Ok(false),
        UpdateOutcome::Gone => Err(UseCaseError::NotFound),
    }
}

/// The entry of what a person does to a policy now.
fn entry(service: &Service, by: &Person, policy: &Policy, action: AuditAction, changes: AuditChanges) -> AuditEntry {
    Span::current().record("policy", policy.id.0);
    AuditEntry::by_person(&policy.account, AuditSubject::Policy(policy.id), action, service.clock.now(), by, changes)
}

/// Resolves the `webhook_policy_id` of an input: the policy that the webhook gets, or the error. A disabled policy
/// cannot be linked to further webhooks; a webhook that already has it may keep it.
pub(crate) async fn resolve_policy(
    service: &Service,
    account: &AccountId,
    given: &Patch<u64>,
    current: Option<PolicyId>,
) -> PortResult<Result<Option<PolicyId>, &'static str>> {
    let id = match given {
        Patch::Absent => return Ok(Ok(current)),
        Patch::Null => return Ok(Ok(None)),
        Patch::WrongType => return Ok(Err("is invalid")),
        Patch::Value(id) => PolicyId(*id),
    };
    if current == Some(id) {
        return Ok(Ok(current));
    }
    let policy = service.policies.policy(account, id).await?;
    Ok(match policy {
        Some(policy) if !policy.disabled => Ok(Some(id)),
        Some(_) | None => Err("must exist"),
    })
}
