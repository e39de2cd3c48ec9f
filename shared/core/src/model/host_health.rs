//! How an endpoint host is doing, and what may be sent to it (section 8, *Throttling*). Pure: stores keep a
//! [`HostHealth`] per host and let [`HostHealth::after`] say what it becomes.
//!
//! Failures that are the host's fault count across all webhooks. Ten in a row throttle the host: from then on one
//! message per wait is sent as a *probe*. The wait begins with one minute and doubles with every failed probe, up to
//! fifteen. The first success lifts the throttle and resets the count. A host can also be *held*: it asked for a pause
//! with `Retry-After`. Messages that are not sent wait, and waiting uses up no attempts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, WebhookId};
use crate::values::EndpointHost;
use crate::values::clock::after_wait;
use crate::values::milliseconds;

/// The number of failures in a row that throttles a host.
pub const TRIPS_AFTER: u32 = 10;

/// The first wait of a throttled host.
pub const FIRST_WAIT: Duration = Duration::from_mins(1);

/// The longest wait of a throttled host.
pub const MAX_WAIT: Duration = Duration::from_mins(15);

/// How an endpoint host is doing. The default is a host of which nothing is wrong; stores keep none for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHealth {
    /// Failures in a row, up to the one that throttled it.
    pub run: u32,
    /// The webhooks that failed in the run, each once, in the order of their first failure.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub offenders: Vec<(AccountId, WebhookId)>,
    /// It is throttled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throttle: Option<Throttle>,
    /// The endpoint asked for a pause until then (`Retry-After`).
    #[serde(with = "milliseconds::option", skip_serializing_if = "Option::is_none", default)]
    pub held_until: Option<Timestamp>,
}

/// A host is throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Since when.
    #[serde(with = "milliseconds")]
    pub since: Timestamp,
    /// The wait after the next probe that fails, unscaled.
    #[serde(with = "milliseconds::duration")]
    pub wait: Duration,
    /// When the next probe may go.
    #[serde(with = "milliseconds")]
    pub opens_at: Timestamp,
}

/// What may be sent to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Everything.
    Closed,
    /// One message, as a probe.
    HalfOpen,
    /// Nothing yet.
    Open {
        /// When to ask again.
        until: Timestamp,
    },
}

/// Something that happened to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// An attempt claims the probe. The claim succeeds if the state before was [`CircuitState::HalfOpen`].
    Probed,
    /// An attempt failed by the host's fault.
    Failed {
        /// Whose attempt it was.
        webhook: (AccountId, WebhookId),
        /// It was a probe.
        probe: bool,
    },
    /// The host answered with a status that is neither a success nor a failure of the host.
    Answered,
    /// The host answered 2xx.
    Succeeded,
    /// The endpoint asked for a pause until then (`Retry-After`).
    Held {
        /// When the pause ends.
        until: Timestamp,
    },
    /// An administrator lifts the throttle and the pause.
    Lifted,
}

/// A host before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTransition {
    /// Before.
    pub before: HostHealth,
    /// After.
    pub after: HostHealth,
}

impl HostTransition {
    /// True for the one change that throttled the host.
    #[must_use]
    pub fn tripped(&self) -> bool {
        self.before.throttle.is_none() && self.after.throttle.is_some()
    }
}

impl HostHealth {
    /// True for a host without failures, throttle or pause. Stores keep no record of it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self == Self::default()
    }

    /// What may be sent to it now.
    #[must_use]
    pub fn admits(&self, now: Timestamp) -> CircuitState {
        let opens_at = self.throttle.map(|throttle| throttle.opens_at);
        match self.held_until.max(opens_at) {
            Some(until) if until > now => CircuitState::Open { until },
            Some(_) | None if self.throttle.is_some() => CircuitState::HalfOpen,
            Some(_) | None => CircuitState::Closed,
        }
    }

    /// True if the event changes the host. Otherwise no write is needed.
    #[must_use]
    pub fn is_moved_by(&self, change: &HostEvent) -> bool {
        match change {
            HostEvent::Probed => true,
            HostEvent::Held { until } => self.held_until.is_none_or(|held| held < *until),
            HostEvent::Failed { probe, .. } => *probe || self.throttle.is_none(),
            HostEvent::Answered => self.run > 0 && self.throttle.is_none(),
            HostEvent::Succeeded | HostEvent::Lifted => !self.is_good(),
        }
    }

    /// The host after an event. `scale` scales the waits.
    #[must_use]
    pub fn after(&self, change: &HostEvent, now: Timestamp, scale: f64) -> Self {
        let mut after = self.clone();
        after.held_until = after.held_until.filter(|until| *until > now);
        match change {
            HostEvent::Probed => {
                if let (Some(throttle), CircuitState::HalfOpen) = (&mut after.throttle, self.admits(now)) {
                    throttle.opens_at = after_wait(now, throttle.wait.mul_f64(scale));
                }
            }
            HostEvent::Failed { webhook, probe } => after.fail(webhook, *probe, now, scale),
            // A host stays throttled until an attempt succeeds.
            HostEvent::Answered if after.throttle.is_none() => (after.run, after.offenders) = (0, Vec::new()),
            HostEvent::Answered => {}
            HostEvent::Succeeded | HostEvent::Lifted => after = Self::default(),
            HostEvent::Held { until } => after.held_until = after.held_until.max(Some(*until)),
        }
        after
    }

    fn fail(&mut self, webhook: &(AccountId, WebhookId), probe: bool, now: Timestamp, scale: f64) {
        match &mut self.throttle {
            Some(throttle) if probe => {
                throttle.wait = (throttle.wait * 2).min(MAX_WAIT);
                throttle.opens_at = after_wait(now, throttle.wait.mul_f64(scale));
            }
            // An attempt that was under way when the host was throttled.
            Some(_) => {}
            None => {
                self.run += 1;
                if !self.offenders.contains(webhook) {
                    self.offenders.push(webhook.clone());
                }
                if self.run >= TRIPS_AFTER {
                    let opens_at = after_wait(now, FIRST_WAIT.mul_f64(scale));
                    self.throttle = Some(Throttle { since: now, wait: FIRST_WAIT, opens_at });
                }
            }
        }
    }
}

/// For how long a process may believe what it read.
const BELIEVED: Duration = Duration::from_secs(5);

/// How many hosts a process remembers.
const REMEMBERED: usize = 4096;

/// What a process knows of the hosts: as old as five seconds, or as new as its own last change.
#[derive(Debug, Default)]
pub struct HostHealthCache {
    known: Mutex<HashMap<EndpointHost, (Timestamp, HostHealth)>>,
}

impl HostHealthCache {
    /// What is known of a host, unless that is too old.
    #[must_use]
    pub fn get(&self, host: &EndpointHost, now: Timestamp) -> Option<HostHealth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, health) = known.get(host)?;
        (*since <= now && now < *since + BELIEVED).then(|| health.clone())
    }

    /// Remembers what was read or written a moment ago.
    pub fn put(&self, host: EndpointHost, health: HostHealth, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(&host) {
            known.retain(|_, (since, _)| now < *since + BELIEVED);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        known.insert(host, (now, health));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn webhook(id: u64) -> (AccountId, WebhookId) {
        (AccountId::parse("wdc").unwrap(), WebhookId(id))
    }

    fn failed(id: u64) -> HostEvent {
        HostEvent::Failed { webhook: webhook(id), probe: false }
    }

    fn probe_failed() -> HostEvent {
        HostEvent::Failed { webhook: webhook(1), probe: true }
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
        assert_eq!((nine.run, nine.throttle, nine.admits(at(9))), (9, None, CircuitState::Closed));
        let ten = nine.after(&failed(4), at(9), 1.0);
        assert_eq!(ten.throttle, Some(Throttle { since: at(9), wait: FIRST_WAIT, opens_at: at(69) }));
        assert_eq!(ten.offenders, [1, 2, 3, 4].map(webhook));
        assert!(HostTransition { before: nine.clone(), after: ten.clone() }.tripped());
        assert!(!HostTransition { before: ten.clone(), after: ten.after(&failed(1), at(10), 1.0) }.tripped());

        for between in [HostEvent::Answered, HostEvent::Succeeded] {
            let host = nine.after(&between, at(9), 1.0).after(&failed(5), at(10), 1.0);
            assert_eq!((host.run, host.throttle, host.offenders), (1, None, vec![webhook(5)]), "{between:?}");
        }
    }

    #[test]
    fn a_throttled_host_gets_one_probe_per_wait() {
        let host = throttled();
        assert_eq!(host.admits(at(68)), CircuitState::Open { until: at(69) });
        assert_eq!(host.after(&HostEvent::Probed, at(68), 1.0), host, "too early to be won");
        assert_eq!(host.admits(at(69)), CircuitState::HalfOpen);
        let probed = host.after(&HostEvent::Probed, at(69), 1.0);
        assert_eq!(probed.admits(at(69)), CircuitState::Open { until: at(129) }, "nobody else wins it");
        assert_eq!(probed.admits(at(129)), CircuitState::HalfOpen, "the one who won it died");
    }

    #[test]
    fn waits_double_to_fifteen_minutes_with_each_probe_that_fails() {
        let mut host = throttled();
        let mut now = 9;
        for minutes in [2, 4, 8, 15, 15, 15] {
            now += 3600;
            host = host.after(&HostEvent::Probed, at(now), 1.0).after(&probe_failed(), at(now + 10), 1.0);
            assert_eq!(host.admits(at(now + 10)), CircuitState::Open { until: at(now + 10 + minutes * 60) });
            assert_eq!(host.throttle.map(|throttle| throttle.since), Some(at(9)));
        }
        let scaled = throttled().after(&probe_failed(), at(1000), 0.5);
        assert_eq!(scaled.admits(at(1000)), CircuitState::Open { until: at(1060) });
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
        assert_eq!(held.admits(at(29)), CircuitState::Open { until: at(30) });
        assert_eq!(held.admits(at(30)), CircuitState::Closed);
        let shorter = held.after(&HostEvent::Held { until: at(20) }, at(1), 1.0);
        assert_eq!(shorter.held_until, Some(at(30)), "a shorter wish does not shorten it");
        assert!(
            held.is_moved_by(&HostEvent::Held { until: at(31) })
                && !held.is_moved_by(&HostEvent::Held { until: at(30) })
        );
        let failing = held.after(&failed(1), at(31), 1.0);
        assert_eq!(failing.held_until, None, "what is over is forgotten");

        let both = throttled().after(&HostEvent::Held { until: at(600) }, at(10), 1.0);
        assert_eq!(both.admits(at(70)), CircuitState::Open { until: at(600) });
        assert_eq!(both.admits(at(600)), CircuitState::HalfOpen);
        assert!(both.after(&HostEvent::Lifted, at(70), 1.0).is_good());
    }

    #[test]
    fn what_is_known_is_believed_for_five_seconds() {
        let cache = HostHealthCache::default();
        let host = EndpointHost::parse("https://example.com:443").unwrap();
        assert_eq!(cache.get(&host, at(0)), None);
        cache.put(host.clone(), throttled(), at(10));
        assert_eq!(cache.get(&host, at(14)), Some(throttled()));
        assert_eq!(cache.get(&host, at(15)), None);
        assert_eq!(cache.get(&host, at(9)), None, "the clock was put back");
        for port in 1..=REMEMBERED {
            cache.put(EndpointHost::parse(&format!("http://a:{port}")).unwrap(), HostHealth::default(), at(12));
        }
        assert!(cache.known.lock().unwrap().len() <= REMEMBERED);
    }
}
