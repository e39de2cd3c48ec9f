//! How an endpoint host is doing, and what may be sent to it (section 8, *Throttling*). Pure: stores keep a
//! [`HostHealth`] per account and host, and let [`HostHealth::after`] say what it becomes.
//!
//! Health is kept per account: what one account sends to a shared host, and what the host answers, never delays the
//! messages of another account.
//!
//! Attempts that fail by the host's own fault make a *run*, whatever the webhook. Ten in a row throttle the host: its
//! circuit opens. Where several webhooks have messages due there, the failures must come from at least two of them, so
//! that one bad path does not speak for the host. While the circuit is open, one *probe* is sent per wait. The wait begins
//! with a minute and doubles up to fifteen with every probe that fails. The first success closes the circuit. A host can
//! also be *held* for a time that it asked for with `Retry-After`. Messages that wait use up no attempts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, WebhookId};
use crate::values::EndpointHost;
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
            Some(_) | None => CircuitState::Closed,
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
            CircuitState::HalfOpen | CircuitState::Closed => state,
        }
    }

    /// True if the event would change anything: else it needs no write.
    #[must_use]
    pub fn is_moved_by(&self, event: &HostEvent) -> bool {
        match event {
            HostEvent::Probed { .. } => true,
            HostEvent::Held { until } => self.held_until.is_none_or(|held| held < *until),
            HostEvent::Failed { probe, .. } => *probe || self.throttle.is_none(),
            HostEvent::Answered => self.run > 0 && self.throttle.is_none(),
            HostEvent::Succeeded | HostEvent::Lifted => !self.is_good(),
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
            HostEvent::Succeeded | HostEvent::Lifted => after = Self::default(),
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
                }
            }
        }
    }
}

/// How long a process relies on what it read.
const VALID_FOR: Duration = Duration::from_secs(5);
/// How many hosts a process remembers.
const MAX_REMEMBERED: usize = 4096;

/// What a process knows of the hosts of each account: as old as five seconds, or as new as its own last change.
#[derive(Debug, Default)]
pub struct HostHealthCache {
    known: Mutex<HashMap<(AccountId, EndpointHost), (Timestamp, HostHealth)>>,
}

impl HostHealthCache {
    /// What is known of a host, unless that is too old.
    #[must_use]
    pub fn get(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> Option<HostHealth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, health) = known.get(&(account.clone(), host.clone()))?;
        (*since <= now && now < *since + VALID_FOR).then(|| health.clone())
    }

    /// Remembers what was read or written a moment ago.
    pub fn put(&self, account: AccountId, host: EndpointHost, health: HostHealth, now: Timestamp) {
        let key = (account, host);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED && !known.contains_key(&key) {
            known.retain(|_, (since, _)| now < *since + VALID_FOR);
            if known.len() >= MAX_REMEMBERED {
                known.clear();
            }
        }
        known.insert(key, (now, health));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn account() -> AccountId {
        AccountId::parse("wdc").unwrap()
    }

    fn failed(id: u64) -> HostEvent {
        HostEvent::Failed { webhook: WebhookId(id), probe: false, others_due: false }
    }

    fn probe_failed() -> HostEvent {
        HostEvent::Failed { webhook: WebhookId(1), probe: true, others_due: true }
    }

    /// After these changes, one per second from second 0 on.
    fn after(changes: &[HostEvent]) -> HostHealth {
        (0..).zip(changes).fold(HostHealth::default(), |host, (second, change)| host.after(change, at(second), 1.0))
    }

    /// Throttled in second 9.
    fn throttled() -> HostHealth {
        after(&vec![failed(1); 10])
    }

    #[test]
    fn ten_failures_in_a_row_throttle_whatever_the_webhook() {
        let nine = after(&[1, 2, 3, 1, 2, 3, 1, 2, 3].map(failed));
        assert_eq!((nine.run, nine.throttle.clone(), nine.circuit(at(9))), (9, None, CircuitState::Closed));
        let ten = nine.after(&failed(4), at(9), 1.0);
        assert_eq!(
            ten.throttle,
            Some(Throttle { since: at(9), wait: FIRST_WAIT, opens_at: at(69), probed: Vec::new() })
        );
        assert_eq!(ten.offenders, [1, 2, 3, 4].map(WebhookId));
        assert!(HostTransition { before: nine.clone(), after: ten.clone() }.tripped());
        assert!(!HostTransition { before: ten.clone(), after: ten.after(&failed(1), at(10), 1.0) }.tripped());

        for between in [HostEvent::Answered, HostEvent::Succeeded] {
            let host = nine.after(&between, at(9), 1.0).after(&failed(5), at(10), 1.0);
            assert_eq!((host.run, host.throttle, host.offenders), (1, None, vec![WebhookId(5)]), "{between:?}");
        }
    }

    #[test]
    fn a_throttled_host_gets_one_probe_per_wait() {
        let host = throttled();
        assert_eq!(host.circuit(at(68)), CircuitState::Open { until: at(69) });
        assert_eq!(host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(68), 1.0), host, "too early to be won");
        assert_eq!(host.circuit(at(69)), CircuitState::HalfOpen);
        let probed = host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(69), 1.0);
        assert_eq!(probed.circuit(at(69)), CircuitState::Open { until: at(129) }, "no other attempt wins it");
        assert_eq!(probed.circuit(at(129)), CircuitState::HalfOpen, "the one who won it died");
    }

    #[test]
    fn waits_double_to_fifteen_minutes_with_each_probe_that_fails() {
        let mut host = throttled();
        let mut now = 9;
        for minutes in [2, 4, 8, 15, 15, 15] {
            now += 3600;
            host = host.after(&HostEvent::Probed { webhook: WebhookId(1) }, at(now), 1.0).after(
                &probe_failed(),
                at(now + 10),
                1.0,
            );
            assert_eq!(host.circuit(at(now + 10)), CircuitState::Open { until: at(now + 10 + minutes * 60) });
            assert_eq!(host.throttle.as_ref().map(|throttle| throttle.since), Some(at(9)));
        }
        let scaled = throttled().after(&probe_failed(), at(1000), 0.5);
        assert_eq!(scaled.circuit(at(1000)), CircuitState::Open { until: at(1060) });
    }

    #[test]
    fn only_probes_and_successes_move_a_throttled_host() {
        let host = throttled();
        for change in [failed(7), HostEvent::Answered] {
            assert_eq!(host.after(&change, at(20), 1.0), host, "{change:?}");
            assert!(!host.is_moved_by(&change), "{change:?}");
        }
        for change in [HostEvent::Succeeded, HostEvent::Lifted] {
            assert!(host.is_moved_by(&change) && host.after(&change, at(20), 1.0).is_good(), "{change:?}");
            assert!(!HostHealth::default().is_moved_by(&change), "{change:?}: a first success needs no write");
        }
        assert!(!HostHealth::default().is_moved_by(&HostEvent::Answered));
        assert!(after(&[failed(1)]).is_moved_by(&HostEvent::Answered));
        assert!(host.is_moved_by(&probe_failed()) && HostHealth::default().is_moved_by(&failed(1)));
    }

    #[test]
    fn a_host_that_asks_for_it_is_held() {
        let held = HostHealth::default().after(&HostEvent::Held { until: at(30) }, at(0), 1.0);
        assert_eq!(held.circuit(at(29)), CircuitState::Open { until: at(30) });
        assert_eq!(held.circuit(at(30)), CircuitState::Closed);
        let shorter = held.after(&HostEvent::Held { until: at(20) }, at(1), 1.0);
        assert_eq!(shorter.held_until, Some(at(30)), "a shorter wish does not shorten it");
        assert!(
            held.is_moved_by(&HostEvent::Held { until: at(31) })
                && !held.is_moved_by(&HostEvent::Held { until: at(30) })
        );
        let failing = held.after(&failed(1), at(31), 1.0);
        assert_eq!(failing.held_until, None, "a hold that has ended is removed");

        let both = throttled().after(&HostEvent::Held { until: at(600) }, at(10), 1.0);
        assert_eq!(both.circuit(at(70)), CircuitState::Open { until: at(600) });
        assert_eq!(both.circuit(at(600)), CircuitState::HalfOpen);
        assert!(both.after(&HostEvent::Lifted, at(70), 1.0).is_good());
    }

    #[test]
    fn what_is_known_is_believed_for_five_seconds() {
        let cache = HostHealthCache::default();
        let host = EndpointHost::parse("https://example.com:443").unwrap();
        assert_eq!(cache.get(&account(), &host, at(0)), None);
        cache.put(account(), host.clone(), throttled(), at(10));
        assert_eq!(cache.get(&account(), &host, at(14)), Some(throttled()));
        assert_eq!(cache.get(&account(), &host, at(15)), None);
        assert_eq!(cache.get(&account(), &host, at(9)), None, "the clock was put back");
        for port in 1..=MAX_REMEMBERED {
            cache.put(
                account(),
                EndpointHost::parse(&format!("http://a:{port}")).unwrap(),
                HostHealth::default(),
                at(12),
            );
        }
        assert!(cache.known.lock().unwrap().len() <= MAX_REMEMBERED);
    }

    #[test]
    fn one_webhook_does_not_speak_for_the_host_while_others_have_messages_due() {
        let alone = |others_due| HostEvent::Failed { webhook: WebhookId(1), probe: false, others_due };
        let nine = after(&vec![failed(1); 9]);
        assert!(nine.asks_for_others(WebhookId(1)) && !nine.asks_for_others(WebhookId(2)));
        let eleven = nine.after(&alone(true), at(9), 1.0).after(&alone(true), at(10), 1.0);
        assert_eq!((eleven.run, eleven.throttle.clone()), (11, None));
        assert!(eleven.after(&alone(false), at(11), 1.0).throttle.is_some(), "the others have nothing due any more");
        let second = HostEvent::Failed { webhook: WebhookId(2), probe: false, others_due: true };
        assert!(eleven.after(&second, at(11), 1.0).throttle.is_some(), "a second webhook fails too");
    }

    #[test]
    fn a_webhook_that_was_probed_yields_to_others_for_a_part_of_the_wait() {
        let mut host = throttled();
        let claim = |host: &HostHealth, webhook, now| host.circuit_for(WebhookId(webhook), at(now), 1.0);
        for (webhook, now) in [(1, 100), (2, 200)] {
            assert_eq!(claim(&host, webhook, now), CircuitState::HalfOpen, "not probed lately");
            host = host.after(&HostEvent::Probed { webhook: WebhookId(webhook) }, at(now), 1.0);
        }
        assert_eq!(claim(&host, 3, 259), CircuitState::Open { until: at(260) });
        assert_eq!(claim(&host, 3, 260), CircuitState::HalfOpen, "never probed: first");
        assert_eq!(claim(&host, 1, 259), CircuitState::Open { until: Timestamp::from_millisecond(267_500).unwrap() });
        assert_eq!(claim(&host, 1, 268), CircuitState::HalfOpen);
        assert_eq!(claim(&host, 2, 268), CircuitState::Open { until: at(275) }, "the latest: last");
        assert_eq!(claim(&host, 2, 275), CircuitState::HalfOpen, "nothing else waits");
        for webhook in 1..=40 {
            let now = at(1000 * i64::try_from(webhook).unwrap());
            host = host.after(&HostEvent::Probed { webhook: WebhookId(webhook) }, now, 1.0);
        }
        assert_eq!(host.throttle.unwrap().probed.len(), MAX_PROBED);
    }

    #[test]
    fn a_run_names_a_hundred_webhooks_at_most() {
        let mut host = after(&[1, 1].map(failed));
        for id in 0..1000 {
            let event = HostEvent::Failed { webhook: WebhookId(id), probe: false, others_due: true };
            host.throttle = None;
            host = host.after(&event, at(3), 1.0);
        }
        assert_eq!(host.offenders.len(), MAX_OFFENDERS);
    }
}
