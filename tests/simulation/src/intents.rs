//! What publishers and administrators do. As clients do, they repeat a call that crashed or that failed by a fault of
//! the service.

use std::future::ready;

use hookline_core::errors::{PortResult, UseCaseError};
use hookline_core::ids::{AccountId, DeliveryId, PolicyId, WebhookId};
use hookline_core::model::{Account, Person, Webhook};
use hookline_core::ports::PublishedBy;
use hookline_core::service::Service;
use hookline_core::signing::{Algorithm, SigningKey};
use hookline_core::use_cases::policies::{self, KeyRotation, PolicyInput};
use hookline_core::use_cases::redelivery_job::{self, RedeliveryInput};
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::use_cases::webhooks::verify::{self, CallbackOutcome};
use hookline_core::use_cases::webhooks::{register, secret, test};
use hookline_core::use_cases::{health, publish, redeliver};
use hookline_core::values::{Patch, Secret};
use serde_json::value::RawValue;

use crate::chance::Chance;
use crate::endpoints::{Endpoints, HOSTS};
use crate::shadow::RULE;
use crate::world::World;

/// The beginning of every secret that only the endpoint may see.
pub(crate) const CANARY: &str = "CaNaRy";

/// Events that are published, and what webhooks wait for.
pub(crate) const EVENTS: [&str; 4] = ["request.create", "request.update", "problem.create", "task.update"];
const SUBSCRIPTIONS: [&str; 8] = [
    "request.create",
    "request.update",
    "problem.create",
    "task.update",
    "request.*",
    "*",
    "request.create request.* problem.create",
    RULE,
];
/// What webhooks for rules are called.
pub(crate) const RULES: [&str; 2] = ["rule a", "rule b"];

/// What a client is going to do.
#[derive(Debug, Clone)]
pub(crate) enum Intent {
    Publish {
        account: usize,
        events: Vec<Box<RawValue>>,
    },
    Register {
        account: usize,
    },
    Change {
        account: usize,
        change: Change,
    },
    Delete {
        account: usize,
    },
    Test {
        account: usize,
    },
    Rotate {
        account: usize,
    },
    /// Makes a policy that webhooks can be signed with.
    MakePolicy {
        account: usize,
    },
    /// Makes a new key for a policy, which signs at once.
    NewKey {
        account: usize,
    },
    ShowSecret {
        account: usize,
    },
    /// Asks an endpoint once more whether it wants messages.
    AskAgain {
        account: usize,
    },
    /// An endpoint calls back with the code that it was sent.
    Confirm {
        account: AccountId,
        webhook: WebhookId,
        code: String,
    },
    /// Lets messages to the host of a webhook go again.
    Lift {
        account: usize,
    },
    Redeliver {
        account: usize,
    },
    /// Sends again what an outage left behind.
    Recover {
        account: usize,
    },
    /// The operator deletes the account with everything in it.
    DeleteAccount {
        account: usize,
    },
    /// Does to another account's records what only their owner may.
    Trespass {
        account: usize,
        victim: usize,
    },
}

/// One field of a webhook that an administrator edits.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Name(String),
    Description(String),
    Uri(String),
    Disabled(bool),
    Mails(String),
    Headers(Vec<(String, String)>),
    /// To be signed by a policy, or by none.
    Signed(bool),
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Done,
    /// Refused for a reason that is the caller's.
    Refused,
    /// A fault of our own: try again.
    Again,
}

/// A URI with a secret in it.
pub(crate) fn uri(chance: &mut Chance) -> String {
    let host = Endpoints::name(chance.index(HOSTS));
    let path = chance.below(1000);
    match chance.below(3) {
        0 => format!("https://user:{CANARY}-password-{path}@{host}/{path}"),
        1 => format!("http://{host}:8080/{path}"),
        _ => format!("https://{host}/{path}?x=1"),
    }
}

fn headers(chance: &mut Chance) -> Vec<(String, String)> {
    (0..chance.below(3)).map(|n| (format!("X-Extra-{n}"), format!("{CANARY}-header-{}", chance.below(1000)))).collect()
}

impl Change {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        let number = chance.below(1_000_000);
        match chance.below(10) {
            0 => Self::Name(format!("Name {number}")),
            1 => Self::Description(format!("Description {number}")),
            2 => Self::Uri(uri(chance)),
            3 => Self::Disabled(true),
            4 | 5 => Self::Disabled(false),
            6 => Self::Signed(true),
            7 => Self::Signed(false),
            8 => Self::Mails(format!("ops-{number}@example.com")),
            _ => Self::Headers(headers(chance)),
        }
    }

    fn input(&self) -> WebhookInput {
        let mut input = WebhookInput::default();
        match self.clone() {
            Self::Name(name) => input.name = Patch::Value(name),
            Self::Description(text) => input.description = Patch::Value(text),
            Self::Uri(uri) => input.uri = Patch::Value(uri),
            Self::Disabled(disabled) => input.disabled = Patch::Value(disabled),
            Self::Mails(mails) => input.mail_exceptions_to = Patch::Value(mails),
            // Which policy is chosen when it is done.
            Self::Signed(true) => {}
            Self::Signed(false) => input.webhook_policy_id = Patch::Null,
            Self::Headers(headers) => input.headers = Patch::Value(secret(headers)),
        }
        input
    }
}

fn secret(headers: Vec<(String, String)>) -> Vec<(String, Secret<String>)> {
    headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
}

impl Intent {
    /// Whose token is needed for it.
    pub(crate) fn account(&self) -> Option<usize> {
        match self {
            Self::Confirm { .. } | Self::DeleteAccount { .. } => None,
            Self::Publish { account, .. }
            | Self::Register { account }
            | Self::Change { account, .. }
            | Self::Delete { account }
            | Self::Test { account }
            | Self::Rotate { account }
            | Self::MakePolicy { account }
            | Self::NewKey { account }
            | Self::ShowSecret { account }
            | Self::AskAgain { account }
            | Self::Lift { account }
            | Self::Redeliver { account }
            | Self::Recover { account }
            | Self::Trespass { account, .. } => Some(*account),
        }
    }

    /// Does it.
    pub(crate) async fn perform(self, world: World, service: Service, accounts: Vec<Account>) -> Deed {
        match self {
            Self::Publish { account, events } => publish_events(&world, &service, &accounts[account], &events).await,
            Self::Register { account } => {
                let webhook_policy_id = world.some_policy(&accounts[account]).map_or(Patch::Absent, Patch::Value);
                let input = {
                    let chance = &mut world.lock().chance;
                    let event = *chance.pick(&SUBSCRIPTIONS);
                    let rule = (event == RULE).then(|| (*chance.pick(&RULES)).to_owned());
                    WebhookInput {
                        events: Patch::Value(event.split(' ').map(str::to_owned).collect()),
                        name: rule.map_or(Patch::Absent, Patch::Value),
                        uri: Patch::Value(uri(chance)),
                        headers: Patch::Value(secret(headers(chance))),
                        disabled: if chance.one_in(10) { Patch::Value(true) } else { Patch::Absent },
                        webhook_policy_id: if chance.one_in(2) { webhook_policy_id } else { Patch::Absent },
                        ..WebhookInput::default()
                    }
                };
                let created = register::create(&service, &accounts[account], &person(), &input, "simulation").await;
                world.told(created.map(|webhook| shown(&webhook)))
            }
            Self::Change { account, change } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let mut input = change.input();
                if matches!(change, Change::Signed(true)) {
                    let Some(policy) = world.some_policy(&accounts[account]) else { return Deed::Refused };
                    input.webhook_policy_id = Patch::Value(policy);
                }
                let account = &accounts[account].id;
                let changed = register::update(&service, account, &person(), id, &input, |_| true).await;
                world.told(changed.map(|webhook| shown(&webhook)))
            }
            Self::Delete { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let deleted = register::delete(&service, &accounts[account].id, &person(), id, |_| true).await;
                world.told(deleted.map(|()| String::new()))
            }
            Self::Test { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                world.told(test::test(&service, &accounts[account], id).await.map(|()| String::new()))
            }
            Self::Rotate { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                // The answer is the one that shows the secret, so it is no text to look for secrets in.
                let rotated = secret::rotate_secret(&service, &accounts[account].id, &person(), id).await;
                world.told(rotated.map(|_| String::new()))
            }
            Self::MakePolicy { account } => {
                let input = PolicyInput { jwt_alg: Patch::Value("hs256".to_owned()), ..PolicyInput::default() };
                let account = &accounts[account].id;
                let make = |algorithm| ready(world.make_key(account, algorithm));
                let made = policies::create(&service, account, &person(), &input, make).await;
                if let Ok(made) = &made {
                    world.lock().shadow.policies.push((account.clone(), made.policy.id));
                }
                world.told(made.map(|made| format!("{:?}", made.policy)))
            }
            Self::NewKey { account } => {
                let Some(policy) = world.some_policy(&accounts[account]).map(PolicyId) else { return Deed::Refused };
                let account = &accounts[account].id;
                let (mut rotation, mut answer) = (KeyRotation::default(), Ok(String::new()));
                for activate in [false, true] {
                    rotation.activate = activate;
                    let make = |algorithm| ready(world.make_key(account, algorithm));
                    let made = policies::rotate(&service, account, &person(), policy, rotation, make).await;
                    answer = made.map(|made| format!("{:?}", made.policy));
                    if answer.is_err() {
                        break;
                    }
                }
                world.told(answer)
            }
            Self::AskAgain { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let asked = verify::resend(&service, &accounts[account].id, &person(), id).await;
                world.told(asked.map(|()| String::new()))
            }
            Self::Confirm { account, webhook, code } => {
                match verify::confirm(&service, &account, webhook, &code).await {
                    Ok(CallbackOutcome::Verified) => Deed::Done,
                    Ok(CallbackOutcome::WrongCode | CallbackOutcome::Expired | CallbackOutcome::Unknown) => {
                        Deed::Refused
                    }
                    Err(_) => Deed::Again,
                }
            }
            Self::ShowSecret { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let shown = secret::secret(&service, &accounts[account].id, &person(), id).await;
                world.told(shown.map(|_| String::new()))
            }
            Self::Recover { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let asked =
                    redelivery_job::start_job(&service, &accounts[account].id, id, &RedeliveryInput::default()).await;
                world.told(asked.map(|_| String::new()))
            }
            Self::Lift { account } => {
                let Some(id) = world.some_webhook(&accounts[account]) else { return Deed::Refused };
                let host = world.lock().shadow.webhooks[&id].now().webhook.uri.host().clone();
                world.told(health::lift_throttle(&service, &accounts[account].id, &host).await.map(|()| String::new()))
            }
            Self::Redeliver { account } => {
                let Some(id) = world.some_delivery(&accounts[account]) else { return Deed::Refused };
                let redelivered = redeliver::redeliver(&service, &accounts[account].id, id).await;
                world.told(redelivered.map(|record| format!("{record:?}")))
            }
            Self::DeleteAccount { account } => match service.accounts.delete_account(&accounts[account].id).await {
                Ok(true) => Deed::Done,
                Ok(false) => Deed::Refused,
                Err(_) => Deed::Again,
            },
            Self::Trespass { account, victim } => {
                trespass(&world, &service, &accounts[account], &accounts[victim]).await
            }
        }
    }
}

async fn publish_events(world: &World, service: &Service, account: &Account, events: &[Box<RawValue>]) -> Deed {
    let raw: Vec<&RawValue> = events.iter().map(|event| &**event).collect();
    let mut deed = Deed::Done;
    for answer in publish::publish(service, &account.id, PublishedBy::Http, &raw).await {
        match answer {
            Ok(id) => drop(world.lock().log.accepted.insert((account.id.clone(), id))),
            Err(refused) => match refused.error {
                UseCaseError::Fault(_) => deed = Deed::Again,
                other => world.lock().violation(format!("a good event was refused: {other:?}")),
            },
        }
    }
    deed
}

/// Another account's webhooks, deliveries and events are not there.
async fn trespass(world: &World, service: &Service, account: &Account, victim: &Account) -> Deed {
    let Some(id) = world.some_webhook(victim) else { return Deed::Refused };
    let mut seen = Vec::new();
    let change = Change::Name("trespasser".to_owned()).input();
    seen.push(register::update(service, &account.id, &person(), id, &change, |_| true).await.map(|_| ()));
    seen.push(secret::secret(service, &account.id, &person(), id).await.map(|_| ()));
    seen.push(secret::rotate_secret(service, &account.id, &person(), id).await.map(|_| ()));
    seen.push(test::test(service, account, id).await);
    seen.push(register::delete(service, &account.id, &person(), id, |_| true).await);
    if let Some(delivery) = world.some_delivery(victim) {
        seen.push(redeliver::redeliver(service, &account.id, delivery).await.map(|_| ()));
    }
    for answer in seen {
        match answer {
            Err(UseCaseError::NotFound | UseCaseError::Fault(_)) => {}
            other => world.lock().violation(format!("an account reached into another: {other:?} (9)")),
        }
    }
    Deed::Done
}

/// The person of every call.
fn person() -> Person {
    Person { id: 6, name: "Ada Ivanova".to_owned() }
}

/// What an answer shows of a webhook.
fn shown(webhook: &Webhook) -> String {
    let Webhook { id, uri, name, description, mail_exceptions_to, header_names, last_error, .. } = webhook;
    format!("{id} {} {name} {description:?} {mail_exceptions_to:?} {header_names:?} {last_error:?}", uri.masked())
}

impl World {
    /// An answer that a client read.
    fn told(&self, answer: Result<String, UseCaseError>) -> Deed {
        let mut state = self.lock();
        match answer {
            Ok(text) => {
                state.log.texts.push(text);
                Deed::Done
            }
            Err(error) => {
                state.log.texts.push(format!("{error:?} {error}"));
                if matches!(error, UseCaseError::Fault(_)) { Deed::Again } else { Deed::Refused }
            }
        }
    }

    fn some_webhook(&self, account: &Account) -> Option<WebhookId> {
        let mut state = self.lock();
        let living = state.shadow.living(&account.id);
        (!living.is_empty()).then(|| *state.chance.pick(&living))
    }

    fn some_policy(&self, account: &Account) -> Option<u64> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mine = state.shadow.policies.iter().filter(|(owner, _)| *owner == account.id);
        let ids: Vec<u64> = mine.map(|(_, id)| id.0).collect();
        (!ids.is_empty()).then(|| *state.chance.pick(&ids))
    }

    /// Makes a key for a policy of the account. It counts as known at once: the store may have it even if the process dies now.
    fn make_key(&self, account: &AccountId, algorithm: Algorithm) -> PortResult<SigningKey> {
        let key = SigningKey::generate(algorithm, self)?;
        if let Some(secret) = key.reveal()? {
            self.lock().shadow.keys.push((account.clone(), secret.expose().clone()));
        }
        Ok(key)
    }

    /// A delivery of the account that was POSTed.
    fn some_delivery(&self, account: &Account) -> Option<DeliveryId> {
        let mut state = self.lock();
        let mine = state.log.posts.iter().filter(|post| *post.attempt.message.account() == account.id);
        let ids: Vec<DeliveryId> = mine.map(|post| post.attempt.delivery_id()).collect();
        (!ids.is_empty()).then(|| *state.chance.pick(&ids))
    }
}
