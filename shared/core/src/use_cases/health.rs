//! Looking after endpoint hosts and webhooks (section 8, *Throttling* and *Automatic disabling*): the steps around an
//! attempt that ask and note how they are doing.
//!
//! Before an attempt of an event, [`gate`] asks for a permit. Messages to a host whose circuit is open wait in the queue;
//! one at a time is sent as a probe. Tests and verify messages are always sent, and never count. After it, [`verdict`] judges, and [`note`] writes down what follows
//! from that: for the host, and for the webhook. Nothing is written for a success as long as nothing is wrong, and for a
//! failure only while the host is not throttled, or by a probe.

use jiff::Timestamp;

use crate::account::AccountId;
use crate::audit::{Action, AuditEntry, Changes, Subject};
use crate::delivery::Response;
use crate::endpoint_uri::EndpointHost;
use crate::message::{Attempt, Kind};
use crate::ports::{Answer, Service};
use crate::problems::Error;
use crate::recover;
use crate::retry::{self, Ending, ForHost, ForWebhook, History, Rules, Verdict};
use crate::throttle::{CircuitState, HostEvent, HostHealth};
use crate::webhook::{DisabledBy, Disabling, Health, Target, WebhookId};

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open {
        /// Everything that its throttled host gets for now.
        probe: bool,
    },
    /// Its host is to be left alone.
    Closed {
        /// When to ask again.
        until: Timestamp,
    },
}

/// Asks whether an attempt may be made. Tests and verify messages are sent whatever the health of the host.
pub async fn gate(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    run_ends: Timestamp,
    now: Timestamp,
) -> Answer<Gate> {
    match attempt.message.kind {
        Kind::Test | Kind::Verify => return Ok(Gate::Open { probe: false }),
        Kind::Event => {}
    }
    let (account, host, scale) = (attempt.message.account(), target.uri.host(), service.settings.wait_scale);
    let in_order = service.health.others_due(account, host, target.id, now).is_some();
    let circuit = |health: &HostHealth| {
        if in_order { health.circuit(now) } else { health.circuit_for(target.id, now, scale) }
    };
    // A wait never hides that the run is over.
    let closed = |until: Timestamp| Gate::Closed { until: until.min(run_ends) };
    match circuit(&service.health.host(account, host, now).await?) {
        CircuitState::Closed => return Ok(Gate::Open { probe: false }),
        CircuitState::Open { until } => return Ok(closed(until)),
        CircuitState::HalfOpen => {}
    }
    let claim = HostEvent::Probed { webhook: target.id };
    let claimed = service.health.change_host(account, host, claim, now, scale).await?;
    // The first claim finds the circuit half open, and opens it again.
    Ok(match claimed.before.circuit(now) {
        CircuitState::Closed => Gate::Open { probe: false },
        CircuitState::HalfOpen => Gate::Open { probe: true },
        CircuitState::Open { until } => closed(until),
    })
}

/// Judges what came of an attempt. `health` is the webhook's, this failure counted.
pub fn verdict(
    service: &Service,
    attempt: &Attempt,
    response: Option<&Response>,
    run_ends: Timestamp,
    health: &Health,
    now: Timestamp,
) -> Verdict {
    let ending = match response {
        Some(response) if (200..300).contains(&response.status) => Ending::Taken,
        Some(response) => {
            let named = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            Ending::Refused { status: response.status, retry_after: named.map(|(_, value)| value.as_str()) }
        }
        None => Ending::NoAnswer,
    };
    let settings = &service.settings;
    let rules = Rules {
        scale: settings.wait_scale,
        chance: service.entropy.fraction(),
        disable_after_failures: settings.disable_after_failures,
        disable_after: settings.disable_after,
    };
    let history = History { kind: attempt.message.kind, attempt: attempt.number, run_ends };
    retry::judge(ending, history, health, now, rules)
}

/// What an attempt set off, of which people are told.
#[derive(Debug, Default)]
pub struct SetOff {
    /// It throttled its host, which became so.
    pub throttled: Option<HostHealth>,
    /// It disabled its webhook.
    pub disabled: Option<Disabling>,
}

/// Writes down what follows from a verdict for the host and the webhook. Of attempts that end at the same time, one
/// throttles the host and one disables the webhook.
pub async fn note(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    verdict: &Verdict,
    probe: bool,
    now: Timestamp,
) -> Answer<SetOff> {
    let account = attempt.message.account();
    let throttled = note_host(service, attempt, target, verdict, probe, now).await?;
    let disabled = match verdict.webhook {
        ForWebhook::Unchanged | ForWebhook::Failed => None,
        ForWebhook::Healthy => {
            if !target.health.is_good() {
                service.webhooks.note_success(account, target.id).await?;
            }
            None
        }
        ForWebhook::Disable(by) => {
            let disabling = Disabling { by, at: now };
            if by == DisabledBy::Failures {
                let step = recover::Step::first(account, target.id, now, service.settings.wait_scale);
                service.queues.put_recovery(&step).await?;
            }
            let entry = turned_off(account, target.id, now);
            service.webhooks.disable_webhook(account, target.id, disabling, &entry).await?.then_some(disabling)
        }
    };
    Ok(SetOff { throttled, disabled })
}

/// Writes down what follows for the host alone; what the host became, if this throttled it.
pub async fn note_host(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    verdict: &Verdict,
    probe: bool,
    now: Timestamp,
) -> Answer<Option<HostHealth>> {
    let (account, host, webhook) = (attempt.message.account(), target.uri.host(), target.id);
    let event = match verdict.host {
        ForHost::Unchanged => None,
        ForHost::Succeeded => Some(HostEvent::Succeeded),
        ForHost::Answered => Some(HostEvent::Answered),
        ForHost::Failed => {
            let health = service.health.host(account, host, now).await?;
            let others_due = health.asks_for_others(webhook)
                && service.health.others_due(account, host, webhook, now).unwrap_or_default();
            Some(HostEvent::Failed { webhook, probe, others_due })
        }
    };
    let hold = verdict.hold.map(|until| HostEvent::Held { until });
    let mut throttled = None;
    for event in event.into_iter().chain(hold) {
        if service.health.host(account, host, now).await?.is_moved_by(&event) {
            let changed = service.health.change_host(account, host, event, now, service.settings.wait_scale).await?;
            if changed.tripped() {
                throttled = Some(changed.after);
            }
        }
    }
    Ok(throttled)
}

/// The audit entry of a webhook that the service disables.
fn turned_off(account: &AccountId, webhook: WebhookId, now: Timestamp) -> AuditEntry {
    let mut changes = Changes::default();
    changes.note("disabled", false, true);
    let (account, subject) = (account.clone(), Subject::Webhook(webhook));
    AuditEntry { account, subject, action: Action::Update, at: now, by: None, changes }
}

/// Lifts the throttle of one of the account's hosts.
pub async fn lift(service: &Service, account: &AccountId, host: &EndpointHost) -> Result<(), Error> {
    if !service.health.names_host(account, host).await? {
        return Err(Error::NotFound);
    }
    let (now, scale) = (service.clock.now(), service.settings.wait_scale);
    service.health.change_host(account, host, HostEvent::Lifted, now, scale).await?;
    Ok(())
}
