//! Looking after endpoint hosts and webhooks (section 8, *Throttling* and *Automatic disabling*): the steps around an
//! attempt that ask and note how they are doing.
//!
//! Before an attempt, [`gate`] asks whether its host may be bothered. What the host does not admit waits as a message with
//! a delay; one at a time is let through as a probe. After it, [`verdict`] judges, and [`note`] writes down what follows
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
use crate::throttle::{Admits, Change, HostHealth};
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

/// Asks whether an attempt may be made. A test goes always: an administrator wants to see what happens.
pub async fn gate(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    run_ends: Timestamp,
    now: Timestamp,
) -> Answer<Gate> {
    match attempt.message.kind {
        Kind::Test => return Ok(Gate::Open { probe: false }),
        Kind::Event | Kind::Verify => {}
    }
    let host = target.uri.host();
    // A wait never hides that the run is over.
    let closed = |until: Timestamp| Gate::Closed { until: until.min(run_ends) };
    match service.health.host(host, now).await?.admits(now) {
        Admits::All => return Ok(Gate::Open { probe: false }),
        Admits::Nothing { until } => return Ok(closed(until)),
        Admits::Probe => {}
    }
    let changed = service.health.change_host(host, Change::Probed, now, service.settings.wait_scale).await?;
    // Who comes first finds the door open, and closes it behind.
    Ok(match changed.before.admits(now) {
        Admits::All => Gate::Open { probe: false },
        Admits::Probe => Gate::Open { probe: true },
        Admits::Nothing { until } => closed(until),
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
    let webhook = || (attempt.message.account().clone(), target.id);
    let change = match verdict.host {
        ForHost::Unchanged => None,
        ForHost::Succeeded => Some(Change::Succeeded),
        ForHost::Answered => Some(Change::Answered),
        ForHost::Failed => Some(Change::Failed { webhook: webhook(), probe }),
    };
    let hold = verdict.hold.map(|until| Change::Held { until });
    let mut throttled = None;
    for change in change.into_iter().chain(hold) {
        let host = target.uri.host();
        if service.health.host(host, now).await?.is_moved_by(&change) {
            let changed = service.health.change_host(host, change, now, service.settings.wait_scale).await?;
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

/// Lets messages to a host go again. Whoever has a webhook there may ask for it.
pub async fn lift(service: &Service, account: &AccountId, host: &EndpointHost) -> Result<(), Error> {
    if !service.health.names_host(account, host).await? {
        return Err(Error::NotFound);
    }
    let (now, scale) = (service.clock.now(), service.settings.wait_scale);
    service.health.change_host(host, Change::Lifted, now, scale).await?;
    Ok(())
}
