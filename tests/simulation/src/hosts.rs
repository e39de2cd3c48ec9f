//! How endpoint hosts must be doing: throttling a second time (section 8), beside what the store keeps.

use std::collections::BTreeMap;

use hookline_core::ids::AccountId;
use hookline_core::model::{CircuitState, HostEvent, HostHealth, HostTransition, MessageKind};
use hookline_core::values::EndpointHost;
use jiff::Timestamp;

use crate::rules;
use crate::world::State;

const MINUTE: i64 = 60_000;
/// A process may believe for so long what it read.
const BELIEVED: i64 = 5_000;

/// A host. Times are epoch milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KnownHost {
    run: u32,
    throttle: Option<KnownThrottle>,
    held_until: Option<i64>,
    /// When it was throttled or held last, as everybody could see.
    shut_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KnownThrottle {
    since: i64,
    wait: i64,
    opens_at: i64,
}

/// The hosts of all accounts.
pub(crate) type Hosts = BTreeMap<(AccountId, EndpointHost), KnownHost>;

impl KnownHost {
    /// What a change must make of it.
    fn after(self, change: &HostEvent, now: i64) -> Self {
        let mut after = self;
        after.held_until = self.held_until.filter(|until| *until > now);
        match (change, &mut after.throttle) {
            (HostEvent::Succeeded | HostEvent::Lifted, _) => after = Self::default(),
            (HostEvent::Held { until }, _) => {
                after.held_until = after.held_until.max(Some(until.as_millisecond()));
            }
            (HostEvent::Probed { .. }, Some(throttle)) if throttle.opens_at <= now && after.held_until.is_none() => {
                throttle.opens_at = now + throttle.wait;
            }
            (HostEvent::Failed { probe: true, .. }, Some(throttle)) => {
                throttle.wait = (throttle.wait * 2).min(15 * MINUTE);
                throttle.opens_at = now + throttle.wait;
            }
            (HostEvent::Failed { .. }, None) => {
                after.run += 1;
                if after.run == 10 {
                    after.throttle = Some(KnownThrottle { since: now, wait: MINUTE, opens_at: now + MINUTE });
                }
            }
            (HostEvent::Answered, None) => after.run = 0,
            (HostEvent::Failed { .. } | HostEvent::Answered, Some(_))
            | (HostEvent::Probed { .. } | HostEvent::PermitsTaken { .. }, _) => {}
        }
        after
    }

    fn is(self, stored: &HostHealth) -> bool {
        let throttle = stored.throttle.as_ref().map(|throttle| KnownThrottle {
            since: throttle.since.as_millisecond(),
            wait: i64::try_from(throttle.wait.as_millis()).unwrap_or(i64::MAX),
            opens_at: throttle.opens_at.as_millisecond(),
        });
        self.run == stored.run
            && self.throttle == throttle
            && self.held_until == stored.held_until.map(Timestamp::as_millisecond)
    }
}

impl State {
    /// A task asked how a host is doing.
    pub(crate) fn looked_at(&mut self, account: &AccountId, host: &EndpointHost, seen: &HostHealth) {
        let known = self.shadow.hosts.get(&(account.clone(), host.clone())).copied().unwrap_or_default();
        let (now, gone) = (self.now, self.is_gone(account));
        let work = self.work();
        work.host_seen = Some((now, seen.throttle.is_some()));
        // One process: it knows its own changes. Work of a deleted account may see what was known before.
        if !gone && !known.is(seen) {
            self.violation(format!("host {} is seen as {seen:?} and is {known:?}", host.as_str()));
        }
    }

    /// A host was changed.
    pub(crate) fn changed_host(
        &mut self,
        account: &AccountId,
        host: &EndpointHost,
        change: &HostEvent,
        changed: &HostTransition,
        now: Timestamp,
    ) {
        if self.is_gone(account) {
            self.work().host_changed = true;
            return;
        }
        let key = (account.clone(), host.clone());
        let before = self.shadow.hosts.get(&key).copied().unwrap_or_default();
        let after = before.after(change, now.as_millisecond());
        if !before.is(&changed.before) || !after.is(&changed.after) {
            self.violation(format!("host {}: {change:?} made {changed:?}, and not {after:?}", host.as_str()));
        }
        let shut = after.throttle.is_some() && before.throttle.is_none() || after.held_until > before.held_until;
        let shut_at = if shut { self.now } else { after.shut_at };
        self.shadow.hosts.insert(key, KnownHost { shut_at, ..after });
        if before.throttle.is_none() && after.throttle.is_some() {
            self.coverage.row("host throttled");
        }
        let work = self.work();
        let status = work.sent.map(|sent| sent.status);
        let fits = match change {
            HostEvent::Probed { .. } => {
                work.probe = changed.before.circuit(now) == CircuitState::HalfOpen;
                true
            }
            HostEvent::Lifted | HostEvent::PermitsTaken { .. } => true,
            HostEvent::Failed { .. } => status.is_some_and(rules::blames_host),
            HostEvent::Answered => status.is_some_and(|status| !rules::blames_host(status) && status != Some(200)),
            HostEvent::Succeeded => work.sent.is_some_and(|sent| sent.success),
            HostEvent::Held { .. } => work.sent.is_some_and(|sent| sent.hold.is_some()),
        };
        work.host_changed = true;
        if !fits {
            self.violation(format!("host {}: {change:?} after the answer {status:?}", host.as_str()));
        }
        match change {
            HostEvent::Probed { .. } | HostEvent::PermitsTaken { .. } => {}
            HostEvent::Lifted => self.coverage.row("host lifted"),
            HostEvent::Failed { probe: true, .. } => self.coverage.row("host fails a probe"),
            HostEvent::Failed { .. } => self.coverage.row("host fails"),
            HostEvent::Answered => self.coverage.row("host answers"),
            HostEvent::Succeeded => self.coverage.row("host works"),
            HostEvent::Held { .. } => self.coverage.row("host held"),
        }
    }

    /// A POST of an event goes to a host: not if it is throttled or held for the account, but for a probe.
    pub(crate) fn check_admission(&mut self, host: &EndpointHost) {
        let work = self.work().clone();
        let Some(attempt) = &work.attempt else { return };
        let key = (attempt.message.account().clone(), host.clone());
        let known = self.shadow.hosts.get(&key).copied().unwrap_or_default();
        let is_event = attempt.message.kind == MessageKind::Event;
        if !is_event || work.probe || self.moved_back > 0 {
            return;
        }
        let Some((seen_at, _)) = work.host_seen else {
            return self.violation(format!("a POST to {} without a permit", host.as_str()));
        };
        let shut = known.throttle.is_some() || known.held_until.is_some_and(|until| until > seen_at);
        if shut && known.shut_at + BELIEVED < seen_at {
            self.violation(format!("a POST to {}, which is throttled or held: {known:?}", host.as_str()));
        }
    }
}
