//! Health of endpoint hosts and webhooks around an attempt (section 8, *Throttling* and *Automatic disabling*).
//!
//! Before an attempt of an event, [`request_permit`] reads the state of its host. While the host is throttled or held, the
//! message waits on the queue, and one message at a time is sent as a probe. While it is reopened, a message needs a
//! permit. Tests and verify messages are always sent,
//! and never count. After the attempt, [`judge`] decides what follows,
//! and [`apply_verdict`] stores it for the host and for the webhook. A success is stored only after failures. A failure
//! of the host is stored only while the host is not throttled, or for a probe.

use jiff::Timestamp;

use crate::errors::{PortResult, UseCaseError};
use crate::ids::{AccountId, WebhookId};
use crate::model::{
    Attempt, AuditChanges, AuditEntry, AuditSubject, CircuitState, DeliveryTarget, DisabledBy, Disabling, HostEvent,
    HostHealth, MessageKind, RecoveryStep, ResponseRecord, WebhookHealth,
};
use crate::ports::RampPermit;
use crate::rules::{AttemptHistory, AttemptResult, HostEffect, RetryRules, Verdict, WebhookEffect, retry};
use crate::service::Service;
use crate::values::EndpointHost;

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendPermit {
    /// The attempt may be made.
    Granted {
        /// This attempt is the probe of a throttled host.
        probe: bool,
    },
    /// The host is throttled or held.
    Denied {
        /// When to ask again.
        until: Timestamp,
    },
}

/// Decides whether an attempt may be made. Tests and verify messages are sent whatever the health of the host.
pub async fn request_permit(
    service: &Service,
    attempt: &Attempt,
    target: &DeliveryTarget,
    run_ends: Timestamp,
    now: Timestamp,
) -> PortResult<SendPermit> {
    match attempt.message.kind {
        MessageKind::Test | MessageKind::Verify => return Ok(SendPermit::Granted { probe: false }),
        MessageKind::Event => {}
    }
    let (account, host, scale) = (attempt.message.account(), target.uri.host(), service.settings.wait_scale);
    let health = service.health.host(account, host, now).await?;
    if health.circuit(now) == CircuitState::Closed {
        return Ok(SendPermit::Granted { probe: false });
    }
    // Only now: it searches the queue, and nearly all attempts find the circuit closed.
    let in_order = service.health.others_due(account, host, target.id, now).is_some();
    let circuit = if in_order { health.circuit(now) } else { health.circuit_for(target.id, now, scale) };
    let circuit = match circuit {
        // Of concurrent attempts, the first one claims the probe.
        CircuitState::HalfOpen => {
            let claim = HostEvent::Probed { webhook: target.id };
            service.health.change_host(account, host, claim, now, scale).await?.before.circuit(now)
        }
        CircuitState::Closed | CircuitState::Reopening(_) | CircuitState::Open { .. } => circuit,
    };
    let until = match circuit {
        CircuitState::Closed => return Ok(SendPermit::Granted { probe: false }),
        CircuitState::HalfOpen => return Ok(SendPermit::Granted { probe: true }),
        CircuitState::Open { until } if in_order => until,
        CircuitState::Open { until } => {
            health.try_again_at(until, now, attempt.hops == 0, service.entropy.fraction(), scale)
        }
        CircuitState::Reopening(window) => match service.health.take_permit(account, host, now, scale).await? {
            RampPermit::Taken => return Ok(SendPermit::Granted { probe: false }),
            RampPermit::NoneLeft => window.try_again_at(service.entropy.fraction()),
        },
    };
    // A wait never lasts beyond the end of the run.
    Ok(SendPermit::Denied { until: until.min(run_ends) })
}

/// Decides what follows an attempt. `health` is the webhook's, with this failure counted.
pub fn judge(
    service: &Service,
    attempt: &Attempt,
    response: Option<&ResponseRecord>,
    run_ends: Timestamp,
    health: &WebhookHealth,
    now: Timestamp,
) -> Verdict {
    let ending = match response {
        Some(response) if (200..300).contains(&response.status) => AttemptResult::Accepted,
        Some(response) => {
            let header = |wanted: &str| {
                let named = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                named.map(|(_, value)| value.as_str())
            };
            AttemptResult::Rejected {
                status: response.status,
                retry_after: header("retry-after"),
                directive: header("webhook-delivery"),
            }
        }
        None => AttemptResult::NoAnswer,
    };
    let settings = &service.settings;
    let rules = RetryRules {
        scale: settings.wait_scale,
        chance: service.entropy.fraction(),
        disable_after_failures: settings.disable_after_failures,
        disable_after: settings.disable_after,
    };
    let history = AttemptHistory { kind: attempt.message.kind, attempt: attempt.number, run_ends };
    retry::judge(ending, history, health, now, rules)
}

/// Side effects of an attempt that are mailed.
#[derive(Debug, Default)]
pub struct SideEffects {
    /// The host after the attempt, if the attempt throttled it.
    pub throttled: Option<HostHealth>,
    /// The disabling of the webhook, if the attempt disabled it.
    pub disabled: Option<Disabling>,
}

/// Stores the consequences of a verdict for the host and the webhook. Of attempts that end at the same time, exactly
/// one throttles the host and exactly one disables the webhook.
pub async fn apply_verdict(
    service: &Service,
    attempt: &Attempt,
    target: &DeliveryTarget,
    verdict: &Verdict,
    probe: bool,
    now: Timestamp,
) -> PortResult<SideEffects> {
    let account = attempt.message.account();
    let throttled = apply_to_host(service, attempt, target, verdict, probe, now).await?;
    let disabled = match verdict.webhook {
        WebhookEffect::Unchanged | WebhookEffect::Failed => None,
        WebhookEffect::Healthy => {
            if !target.health.is_good() {
                service.webhooks.note_success(account, target.id).await?;
            }
            None
        }
        WebhookEffect::Disable(by) => {
            let disabling = Disabling { by, at: now };
            if by == DisabledBy::Failures {
                let step = RecoveryStep::first(account, target.id, now, service.settings.wait_scale);
                service.queues.put_recovery(&step).await?;
            }
            let entry = turned_off(account, target.id, now);
            let disabled = service.webhooks.disable_webhook(account, target.id, disabling, &entry).await?;
            if disabled {
                tracing::warn!(gone = by == DisabledBy::Gone, "webhook disabled");
            }
            disabled.then_some(disabling)
        }
    };
    Ok(SideEffects { throttled, disabled })
}

/// Stores the consequences for the host alone. Returns the host if this throttled it.
pub async fn apply_to_host(
    service: &Service,
    attempt: &Attempt,
    target: &DeliveryTarget,
    verdict: &Verdict,
    probe: bool,
    now: Timestamp,
) -> PortResult<Option<HostHealth>> {
    let (account, host, webhook) = (attempt.message.account(), target.uri.host(), target.id);
    let event = match verdict.host {
        HostEffect::Unchanged => None,
        HostEffect::Succeeded => Some(HostEvent::Succeeded),
        HostEffect::Answered => Some(HostEvent::Answered),
        HostEffect::Failed => {
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
                tracing::warn!(failures = changed.after.run, "endpoint host throttled");
                throttled = Some(changed.after);
            }
        }
    }
    Ok(throttled)
}

/// The audit entry of a webhook that the service disables.
fn turned_off(account: &AccountId, webhook: WebhookId, now: Timestamp) -> AuditEntry {
    let mut changes = AuditChanges::default();
    changes.note("disabled", false, true);
    AuditEntry::by_service(account, AuditSubject::Webhook(webhook), now, changes)
}

/// Lifts the throttle and the pause of a host. The account must have a webhook there.
pub async fn lift_throttle(service: &Service, account: &AccountId, host: &EndpointHost) -> Result<(), UseCaseError> {
    if !service.health.names_host(account, host).await? {
        return Err(UseCaseError::NotFound);
    }
    let (now, scale) = (service.clock.now(), service.settings.wait_scale);
    service.health.change_host(account, host, HostEvent::Lifted, now, scale).await?;
    Ok(())
}
