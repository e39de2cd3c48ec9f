//! Webhook policies (section 7): create, change, delete, rotate, link to webhooks, and sign with.
//!
//! Making an RSA key takes long, so keys are made by whoever calls, where that blocks nobody; see [`Made`]. A key is
//! sealed before it reaches a store, and shown once, in the answer to the call that had it made.

use std::future::Future;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::account::AccountId;
use crate::audit::{self, Action, AuditEntry, Changes, Subject};
use crate::given::Given;
use crate::message::Message;
use crate::policy::{FreshKey, MAX_KEYS, Policy, PolicyId, PolicyKeys, PolicyName, seal_context};
use crate::ports::{Answer, Fault, PolicyDeleted, Service, Written};
use crate::problems::{Error, Problems};
use crate::secret::Secret;
use crate::signing::algorithm::Algorithm;
use crate::signing::jws;
use crate::signing::jwt::Jwt;
use crate::signing::keys::SigningKey;
use crate::token::Person;
use crate::webhook::Target;

/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 2048;
/// How often a change is applied anew after losing a race. Every loss means that somebody else's change went in.
const MAX_RACES: usize = 1000;

/// What an administrator says about a policy. Unknown and read-only fields never get here.
#[derive(Debug, Clone, Default)]
pub struct PolicyInput {
    /// `disabled`
    pub disabled: Given<bool>,
    /// `jwt_alg`
    pub jwt_alg: Given<String>,
    /// `jwt_audience`
    pub jwt_audience: Given<String>,
    /// `jwt_claim_expires_in`, in minutes.
    pub jwt_claim_expires_in: Given<u64>,
}

/// What rotation is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// An emergency: with discovery the new key signs at once.
    pub now: bool,
    /// No new key: the newest signs for webhooks without discovery from now on.
    pub activate: bool,
}

/// A policy, and what receivers verify with, if a key was made: shown in this one answer.
#[derive(Debug)]
pub struct Made {
    /// The policy.
    pub policy: Policy,
    /// The public key as PEM, or the secret as base64url.
    pub key: Option<Secret<String>>,
}

/// Creates a policy. `make` makes its key.
pub async fn create<F: Future<Output = Answer<SigningKey>>>(
    service: &Service,
    account: &AccountId,
    by: &Person,
    input: &PolicyInput,
    make: impl FnOnce(Algorithm) -> F,
) -> Result<Made, Error> {
    let mut problems = Problems::new();
    let algorithm = match chosen(&input.jwt_alg, service.settings.allow_unsigned_jwt) {
        Ok(algorithm) => Some(algorithm),
        Err(what) => {
            problems.add("jwt_alg", what);
            None
        }
    };
    let mut fields = Fields::default();
    fields.apply(input, &mut problems);
    let Some(algorithm) = algorithm else { return Err(Error::Invalid(problems)) };
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
    let entry = entry(service, by, &policy, Action::Create, audit::policy_changes(None, Some(&policy)));
    if !service.policies.create_policy(&policy, limit, &entry).await? {
        let mut problems = Problems::new();
        problems.add("webhook_policies", format!("has reached its limit of {limit}"));
        return Err(Error::Invalid(problems));
    }
    Ok(Made { policy, key: key.reveal()? })
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
) -> Result<Policy, Error> {
    for _ in 0..MAX_RACES {
        let stored = service.policies.policy(account, id).await?.ok_or(Error::NotFound)?;
        if !if_match(&stored) {
            return Err(Error::PreconditionFailed);
        }
        let mut problems = Problems::new();
        let same = match &input.jwt_alg {
            Given::Absent => true,
            Given::Null | Given::WrongType => false,
            Given::Value(text) => text == stored.algorithm.as_str(),
        };
        if !same {
            problems.add("jwt_alg", "can't be changed");
        }
        let mut fields = Fields::of(&stored);
        fields.apply(input, &mut problems);
        problems.check()?;
        let mut changed = Policy {
            disabled: fields.disabled,
            audience: fields.audience,
            expires_in: fields.expires_in,
            ..stored.clone()
        };
        if changed == stored {
            return Ok(stored);
        }
        if write(service, by, &stored, &mut changed).await? {
            return Ok(changed);
        }
    }
    Err(too_busy())
}

/// Deletes a policy that no webhook uses.
pub async fn delete(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
    if_match: impl Fn(&Policy) -> bool + Send + Sync,
) -> Result<(), Error> {
    for _ in 0..MAX_RACES {
        let stored = service.policies.policy(account, id).await?.ok_or(Error::NotFound)?;
        if !if_match(&stored) {
            return Err(Error::PreconditionFailed);
        }
        let entry = entry(service, by, &stored, Action::Destroy, audit::policy_changes(Some(&stored), None));
        match service.policies.delete_policy(account, id, stored.version, &entry).await? {
            PolicyDeleted::Done => return Ok(()),
            PolicyDeleted::Conflict => {}
            PolicyDeleted::Gone => return Err(Error::NotFound),
            PolicyDeleted::InUse => return Err(base("Webhook policy is used by a webhook")),
        }
    }
    Err(too_busy())
}

/// Gives a policy a new key, or activates the one that it has. `make` makes the key.
pub async fn rotate<F: Future<Output = Answer<SigningKey>>>(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: PolicyId,
    rotation: Rotation,
    make: impl FnOnce(Algorithm) -> F,
) -> Result<Made, Error> {
    let stored = service.policies.policy(account, id).await?.ok_or(Error::NotFound)?;
    if stored.algorithm == Algorithm::None {
        return Err(base("Webhook policy has no key"));
    }
    let key = if rotation.activate { None } else { Some(make(stored.algorithm).await?) };
    let mut stored = Some(stored);
    for _ in 0..MAX_RACES {
        let mut policy = match stored.take() {
            Some(policy) => policy,
            None => service.policies.policy(account, id).await?.ok_or(Error::NotFound)?,
        };
        let before = policy.clone();
        let now = service.clock.now();
        match &key {
            None => policy.keys.activate(now, rotation.now),
            Some(key) => {
                let fresh = seal(service, account, id, policy.keys.next_number(), key).await?;
                if !policy.keys.rotate(fresh, now, rotation.now) {
                    let mut problems = Problems::new();
                    problems.add("keys", format!("has reached its limit of {MAX_KEYS}"));
                    return Err(Error::Invalid(problems));
                }
            }
        }
        if policy == before || write(service, by, &before, &mut policy).await? {
            let key = key.map(|key| key.reveal()).transpose()?.flatten();
            return Ok(Made { policy, key });
        }
    }
    Err(too_busy())
}

/// The algorithm that an input asks for, or what is wrong with it.
fn chosen(given: &Given<String>, unsigned: bool) -> Result<Algorithm, &'static str> {
    match given {
        Given::Absent | Given::Null => Err("can't be blank"),
        Given::WrongType => Err("is invalid"),
        Given::Value(text) if text.is_empty() => Err("can't be blank"),
        Given::Value(text) => Algorithm::parse(text)
            .filter(|algorithm| unsigned || *algorithm != Algorithm::None)
            .ok_or("is not included in the list"),
    }
}

/// The fields that can be changed, while an input is applied to them.
#[derive(Default)]
struct Fields {
    disabled: bool,
    audience: Option<String>,
    expires_in: Option<u32>,
}

impl Fields {
    fn of(stored: &Policy) -> Self {
        let Policy { disabled, audience, expires_in, .. } = stored;
        Self { disabled: *disabled, audience: audience.clone(), expires_in: *expires_in }
    }

    fn apply(&mut self, input: &PolicyInput, problems: &mut Problems) {
        let PolicyInput { disabled, jwt_alg: _, jwt_audience, jwt_claim_expires_in } = input;
        match disabled {
            Given::Absent => {}
            Given::Null => self.disabled = false,
            Given::WrongType => problems.add("disabled", "is invalid"),
            Given::Value(disabled) => self.disabled = *disabled,
        }
        match jwt_audience {
            Given::Absent => {}
            Given::Null => self.audience = None,
            Given::WrongType => problems.add("jwt_audience", "is invalid"),
            Given::Value(text) if text.len() > MAX_AUDIENCE => problems.too_long("jwt_audience", MAX_AUDIENCE),
            Given::Value(text) => self.audience = Some(text.clone()).filter(|text| !text.is_empty()),
        }
        match jwt_claim_expires_in {
            Given::Absent => {}
            Given::Null => self.expires_in = None,
            Given::WrongType => problems.add("jwt_claim_expires_in", "is invalid"),
            Given::Value(minutes) => match u32::try_from(*minutes) {
                Ok(minutes) if minutes > 0 => self.expires_in = Some(minutes),
                Ok(_) | Err(_) => problems.add("jwt_claim_expires_in", "is invalid"),
            },
        }
    }
}

/// A key as it is stored.
async fn seal(service: &Service, account: &AccountId, id: PolicyId, number: u64, key: &SigningKey) -> Answer<FreshKey> {
    let sealed = service.vault.seal(seal_context(account, id, number), &key.encode()?).await?;
    Ok(FreshKey::new(key.public()?, sealed, &*service.entropy))
}

/// Writes a changed policy; `false` if somebody else's change came first.
async fn write(service: &Service, by: &Person, before: &Policy, policy: &mut Policy) -> Result<bool, Error> {
    policy.version += 1;
    policy.updated_at = service.clock.now();
    let entry = entry(service, by, policy, Action::Update, audit::policy_changes(Some(before), Some(policy)));
    match service.policies.update_policy(policy, &entry).await? {
        Written::Done => Ok(true),
        Written::Conflict => Ok(false),
        Written::Gone => Err(Error::NotFound),
    }
}

/// The entry of what a person does to a policy now.
fn entry(service: &Service, by: &Person, policy: &Policy, action: Action, changes: Changes) -> AuditEntry {
    AuditEntry {
        account: policy.account.clone(),
        subject: Subject::Policy(policy.id),
        action,
        at: service.clock.now(),
        by: Some(by.clone()),
        changes,
    }
}

fn too_busy() -> Error {
    Fault::unavailable("store", "a webhook policy changes too often to be written").into()
}

fn base(sentence: &str) -> Error {
    let mut problems = Problems::new();
    problems.add_base(sentence);
    Error::Invalid(problems)
}

/// What the `webhook_policy_id` of a webhook's input comes to: the policy that the webhook has then, or what is wrong. One
/// that is disabled takes no new webhooks; the webhook that has it may keep it.
pub(crate) async fn link(
    service: &Service,
    account: &AccountId,
    given: &Given<u64>,
    current: Option<PolicyId>,
) -> Answer<Result<Option<PolicyId>, &'static str>> {
    let id = match given {
        Given::Absent => return Ok(Ok(current)),
        Given::Null => return Ok(Ok(None)),
        Given::WrongType => return Ok(Err("is invalid")),
        Given::Value(id) => PolicyId(*id),
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

/// The body of an attempt, and the JWT in it if there is one.
pub(crate) struct Body {
    /// The exact bytes to send.
    pub(crate) bytes: Bytes,
    /// What the JWT says, for the record.
    pub(crate) jwt: Option<Jwt>,
    /// The JWT itself, which no record may keep: it is as good as a password for a while.
    pub(crate) token: Option<Secret<String>>,
}

/// Signs the data of a message as its webhook's policy says, for an attempt that is sent now. Without a policy the data
/// are the body.
pub(crate) async fn sign(
    service: &Service,
    message: &Message,
    target: &Target,
    data: Bytes,
    now: Timestamp,
) -> Answer<Body> {
    #[derive(Serialize)]
    struct Wrapped<'a> {
        jwt: &'a str,
    }
    let Some(policy) = &target.policy else { return Ok(Body { bytes: data, jwt: None, token: None }) };
    let discovery = policy.serves_discovery(target.openid_connect_discovery);
    let key = policy.keys.signing(discovery, now);
    let opened = service.vault.open(policy.seal_context(key.number), &key.sealed).await?;
    let signing = SigningKey::decode(policy.algorithm, &opened)
        .ok_or_else(|| Fault::unavailable("vault", "the key of a webhook policy is unreadable"))?;
    let jwt = Jwt::new(policy, key, discovery, &*service.entropy);
    let claims = jwt.claims(&service.settings, message.account(), target.id, now.as_second(), &data);
    let token = jws::sign(&jwt.header(), &claims, &signing)?;
    let bytes = serde_json::to_vec(&Wrapped { jwt: &token }).expect("a text always becomes JSON");
    Ok(Body { bytes: bytes.into(), jwt: Some(jwt), token: Some(Secret::new(token)) })
}
