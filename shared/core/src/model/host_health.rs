//! How an endpoint host is doing, and what may be sent to it (section 8, *Throttling*). Pure: stores keep a
//! [`HostHealth`] per account and host, and let [`HostHealth::after`] say what it becomes.
//!
//! Health is kept per account: what one account sends to a shared host, and what the host answers, never delays the
//! messages of another account.
//!
//! Attempts that fail by the host's own fault make a *run*, whatever the webhook. Ten in a row throttle the host: its
//! circuit opens. Where several webhooks have messages due there, the failures must come from at least two of them, so
//! that one bad path does not speak for the host. While the circuit is open, one *probe* is sent per wait. The wait begins
//! with a minute and doubles up to fifteen with every probe that fails. The first success ends the throttle, and a
//! [`RampWindow`] reopens the host: one request, then two, four and so on. A host can also be *held* for a time that it
//! asked for with `Retry-After`. Messages that wait use up no attempts.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ramp::RampWindow;
use crate::ids::WebhookId;
use crate::values::clock::after_wait;
use crate::values::milliseconds;

/// So many failures in a row throttle a host.
pub const TRIPS_AFTER: u32 = 10;
/// The first wait of a throttled host.
pub const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait of a throttled host.
pub const MAX_WAIT: Duration = Duration::from_mins(15);
/// How many webhooks of a run are remembered: they are named in the mail about the throttle.
const MAX_OFFENDERS: usize = 100;
/// How many probed webhooks are remembered.
const MAX_PROBED: usize = 16;

/// How an account's endpoint host is doing. The default is a host of which nothing is wrong; stores keep none for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHealth {
    /// Failures in a row, up to the one that throttled it.
    pub run: u32,
    /// The webhooks that failed in the run, each once, in the order of their first failure; at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offenders: Vec<WebhookId>,
    /// It is throttled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throttle: Option<Throttle>,
    /// The host asked for no request before then.
    #[serde(with = "milliseconds::option", skip_serializing_if = "Option::is_none", default)]
    pub held_until: Option<Timestamp>,
    /// It was throttled and is being reopened, or was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ramp: Option<RampWindow>,
}

/// A host is throttled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Since when.
    #[serde(with = "milliseconds")]
    pub since: Timestamp,
    /// The wait after the next probe that fails, unscaled.
    #[serde(with = "milliseconds::duration")]
    pub wait: Duration,
    /// When the next probe may be sent.
    #[serde(with = "milliseconds")]
    pub opens_at: Timestamp,
    /// The webhooks that were probed, each once, the latest last; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub probed: Vec<WebhookId>,
}

/// What may be sent to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Everything.
    Closed,
    /// As many messages as there are permits in this window.
    Reopening(RampWindow),
    /// One message, as a probe: the first that claims it.
    HalfOpen,
    /// Nothing.
    Open {
        /// When to ask again.
        until: Timestamp,
    },
}

/// Something that happened to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// A message claims the probe. Won if the circuit was [`CircuitState::HalfOpen`] before.
    Probed {
        /// Whose message it is.
        webhook: WebhookId,
    },
    /// Messages take permits of the window, as far as it has any left.
    PermitsTaken {
        /// How many messages want one.
        wanted: u32,
    },
    /// An attempt failed by the host's fault.
    Failed {
        /// Whose attempt it was.
        webhook: WebhookId,
        /// It was a probe.
        probe: bool,
        /// Other webhooks of the account have messages due at the host. `false` where the store cannot know.
        others_due: bool,
    },
    /// It gave an answer that neither fails nor succeeds.
    Answered,
    /// It accepted a message.
    Succeeded,
    /// It asked for no request before `until`.
    Held {
        /// When requests may go on.
        until: Timestamp,
    },
    /// An administrator lifts the throttle.
    Lifted,
}

/// A host before and after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTransition {
    /// Before.
    pub before: HostHealth,
    /// After.
    pub after: HostHealth,
}

impl HostTransition {
    /// True for the one event that throttled the host.
    #[must_use]
    pub fn tripped(&self) -> bool {
        self.before.throttle.is_none() && self.after.throttle.is_some()
    }

    /// How many of the messages that wanted a permit have one.
    #[must_use]
    pub fn permits(&self, wanted: u32, now: Timestamp) -> u32 {
        match self.before.circuit(now) {
            CircuitState::Closed => wanted,
            CircuitState::Reopening(window) => window.ramp.left().min(wanted),
            CircuitState::HalfOpen | CircuitState::Open { .. } => 0,
        }
    }
}

impl HostHealth {
    /// Nothing is wrong with it, and nothing need be stored.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self == Self::default()
    }

    /// The state of the circuit at `now`.
    #[must_use]
    pub fn circuit(&self, now: Timestamp) -> CircuitState {
        let opens_at = self.throttle.as_ref().map(|throttle| throttle.opens_at);
        match self.held_until.max(opens_at) {
            Some(until) if until > now => CircuitState::Open { until },
            Some(_) | None if self.throttle.is_some() => CircuitState::HalfOpen,
            Some(_) | None => {
                self.ramp.and_then(|window| window.at(now)).map_or(CircuitState::Closed, CircuitState::Reopening)
            }
        }
    }

    /// When a message that may not go before `until` tries again, where a queue brings it back at a time and not on a
    /// change. `chance`, in `0.0..1.0`, spreads the messages over a quarter of the wait: they are not to come all at once.
    /// None waits longer than the host's next wait, so that a host that works again is noticed by all within that time.
    /// `first` is true for a message that did not wait before.
    #[must_use]
    pub fn try_again_at(&self, until: Timestamp, now: Timestamp, first: bool, chance: f64, scale: f64) -> Timestamp {
        let rest = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        let max = MAX_WAIT.mul_f64(scale);
        let (wait, longest) = match &self.throttle {
            Some(throttle) => (throttle.wait.mul_f64(scale), (throttle.wait * 2).mul_f64(scale).min(max)),
            None => (rest.min(max), max),
        };
        let spread = wait / 4;
        if rest + spread <= longest {
            after_wait(until, spread.mul_f64(chance))
        } else {
            // The message came soon after the last probe. It keeps its distance to the others, and falls behind a little,
            // until it comes before a probe is possible: then it is spread anew, as those are that come for the first time.
            let earlier = if first { spread } else { spread / 8 };
            after_wait(now, longest.saturating_sub(earlier.mul_f64(chance)))
        }
    }

    /// The state of the circuit for a message of this webhook, where messages come in no order: a webhook that was probed
    /// lately yields for a part of the wait, so that a message of another webhook, which may claim the probe at once, is
    /// tried first. The latest one yields longest, up to a quarter of the wait.
    #[must_use]
    pub fn circuit_for(&self, webhook: WebhookId, now: Timestamp, scale: f64) -> CircuitState {
        let state = self.circuit(now);
        let Some(throttle) = &self.throttle else { return state };
        let Some(place) = throttle.probed.iter().position(|probed| *probed == webhook) else { return state };
        let part = |count: usize| f64::from(u8::try_from(count).unwrap_or(u8::MAX));
        let share = part(place + 1) / (4.0 * part(throttle.probed.len()));
        let claims_at = after_wait(throttle.opens_at, throttle.wait.mul_f64(scale * share));
        match state {
            CircuitState::Open { until } => CircuitState::Open { until: until.max(claims_at) },
            CircuitState::HalfOpen if claims_at > now => CircuitState::Open { until: claims_at },
            CircuitState::HalfOpen | CircuitState::Reopening(_) | CircuitState::Closed => state,
        }
    }

    /// True if the event would change anything: else it needs no write.
    #[must_use]
    pub fn is_moved_by(&self, event: &HostEvent) -> bool {
        match event {
            HostEvent::Probed { .. } | HostEvent::PermitsTaken { .. } => true,
            HostEvent::Held { until } => self.held_until.is_none_or(|held| held < *until),
            HostEvent::Failed { probe, .. } => *probe || self.throttle.is_none(),
            HostEvent::Answered => self.run > 0 && self.throttle.is_none(),
            HostEvent::Succeeded => self.run > 0 || self.throttle.is_some() || self.held_until.is_some(),
            HostEvent::Lifted => !self.is_good(),
        }
    }

    /// True if it depends on other webhooks whether one more failure of this one throttles the host.
    #[must_use]
    pub fn asks_for_others(&self, webhook: WebhookId) -> bool {
        self.throttle.is_none() && self.run + 1 >= TRIPS_AFTER && self.offenders.iter().all(|other| *other == webhook)
    }

    /// What an event makes of it. `scale` scales the waits.
    #[must_use]
    pub fn after(&self, event: &HostEvent, now: Timestamp, scale: f64) -> Self {
        let mut after = self.clone();
        after.held_until = after.held_until.filter(|until| *until > now);
        match event {
            HostEvent::Probed { webhook } => {
                if let (Some(throttle), CircuitState::HalfOpen) = (&mut after.throttle, self.circuit(now)) {
                    throttle.opens_at = after_wait(now, throttle.wait.mul_f64(scale));
                    throttle.probed.retain(|probed| probed != webhook);
                    throttle.probed.push(*webhook);
                    let surplus = throttle.probed.len().saturating_sub(MAX_PROBED);
                    throttle.probed.drain(..surplus);
                }
            }
            HostEvent::Failed { webhook, probe, others_due } => after.fail(*webhook, *probe, *others_due, now, scale),
            // A throttled host stays so until something succeeds.
            HostEvent::Answered if after.throttle.is_none() => (after.run, after.offenders) = (0, Vec::new()),
            HostEvent::Answered => {}
            HostEvent::PermitsTaken { wanted } => {
                after.ramp = after.ramp.and_then(|window| window.at(now));
                if let Some(window) = &mut after.ramp {
                    window.ramp = window.ramp.take(*wanted);
                }
            }
            HostEvent::Succeeded => {
                let ramp = if after.throttle.is_some() { RampWindow::first(now, scale) } else { after.ramp };
                after = Self { ramp, ..Self::default() };
            }
            HostEvent::Lifted => after = Self::default(),
            HostEvent::Held { until } => after.held_until = after.held_until.max(Some(*until)),
        }
        after
    }

    fn fail(&mut self, webhook: WebhookId, probe: bool, others_due: bool, now: Timestamp, scale: f64) {
        match &mut self.throttle {
            Some(throttle) if probe => {
                throttle.wait = (throttle.wait * 2).min(MAX_WAIT);
                throttle.opens_at = after_wait(now, throttle.wait.mul_f64(scale));
            }
            // An attempt that was in flight when the host was throttled.
            Some(_) => {}
            None => {
                self.run = self.run.saturating_add(1);
                if !self.offenders.contains(&webhook) && self.offenders.len() < MAX_OFFENDERS {
                    self.offenders.push(webhook);
                }
                let speaks_for_the_host = self.offenders.len() > 1 || !others_due;
                if self.run >= TRIPS_AFTER && speaks_for_the_host {
                    let opens_at = after_wait(now, FIRST_WAIT.mul_f64(scale));
                    let throttle = Throttle { since: now, wait: FIRST_WAIT, opens_at, probed: Vec::new() };
                    self.throttle = Some(throttle);
                    self.ramp = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
