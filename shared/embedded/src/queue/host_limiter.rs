//! How many requests one endpoint host may have in flight: a limit that adapts, and a circuit that throttling opens
//! (section 8).
//!
//! The limit starts at [`FIRST_LIMIT`], grows by one with every success, and halves when the host does not keep up: a
//! timeout, or a 429. A host that was throttled is reopened by a [`Ramp`]: a round is over when its requests have finished.

use hookline_core::model::{CircuitState, HostHealth, Ramp};
use jiff::Timestamp;

/// The limit of a host of which nothing is known yet. Low enough that a few silent hosts cannot take all slots of an
/// account, and doubled within one round trip where the host answers.
pub(crate) const FIRST_LIMIT: usize = 16;

/// What is in flight to one host, and what may be.
#[derive(Debug)]
pub(crate) struct HostLimiter {
    in_flight: usize,
    limit: usize,
    /// How many of those in flight began before the limit was halved: their outcomes halve it no further.
    settling: usize,
    circuit: HostCircuit,
    /// The round in which a host that was throttled is reopened.
    ramp: Option<Ramp>,
}

/// Whether a host gets anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostCircuit {
    /// Up to the limit.
    Closed,
    /// Nothing before `until`.
    Open {
        /// Epoch milliseconds.
        until: i64,
        /// After that the circuit is half open: one request at a time, until a probe succeeds. Otherwise it closes.
        half_open_after: bool,
    },
}

impl HostCircuit {
    /// What the scheduler does with messages to a host of this health.
    pub(crate) fn of(health: &HostHealth, now: Timestamp) -> Self {
        let half_open_after = health.throttle.is_some();
        match health.circuit(now) {
            CircuitState::Closed | CircuitState::Reopening(_) => Self::Closed,
            CircuitState::HalfOpen => Self::Open { until: now.as_millisecond(), half_open_after },
            CircuitState::Open { until } => Self::Open { until: until.as_millisecond(), half_open_after },
        }
    }

    /// When to look again, if nothing may be sent at `now`.
    pub(crate) fn open_until(self, now: i64) -> Option<i64> {
        match self {
            Self::Closed => None,
            Self::Open { until, .. } => (until > now).then_some(until),
        }
    }
}

impl HostLimiter {
    /// The limiter of a host of which nothing is known. `max` is the highest limit.
    pub(crate) fn new(max: usize) -> Self {
        Self { in_flight: 0, limit: first_limit(max), settling: 0, circuit: HostCircuit::Closed, ramp: None }
    }

    pub(crate) fn circuit(&self) -> HostCircuit {
        self.circuit
    }

    /// True if one more request may start. A circuit whose wait is over and that needs no probe closes.
    pub(crate) fn admits(&mut self, now: i64) -> bool {
        match self.circuit {
            HostCircuit::Closed => {}
            HostCircuit::Open { until, .. } if until > now => return false,
            HostCircuit::Open { half_open_after: true, .. } => return self.in_flight == 0,
            HostCircuit::Open { half_open_after: false, .. } => self.circuit = HostCircuit::Closed,
        }
        let permitted = self.ramp.is_none_or(|ramp| ramp.left() > 0 && self.in_flight < requests(ramp));
        permitted && self.in_flight < self.limit
    }

    /// The host timed out or answered 429 lately, or was throttled, and has not yet proved that it keeps up.
    pub(crate) fn is_slow(&self, max: usize) -> bool {
        self.limit.min(self.ramp.map_or(usize::MAX, requests)) < first_limit(max)
    }

    pub(crate) fn started(&mut self) {
        self.in_flight += 1;
        self.ramp = self.ramp.map(|ramp| ramp.take(1));
    }

    pub(crate) fn finished(&mut self, max: usize) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.settling = self.settling.saturating_sub(1);
        if self.in_flight == 0 && self.ramp.is_some_and(|ramp| ramp.left() == 0) {
            self.ramp = self.ramp.and_then(Ramp::next).filter(|ramp| requests(*ramp) <= max);
        }
    }

    /// The host accepted a message.
    pub(crate) fn succeeded(&mut self, max: usize) {
        self.limit = (self.limit + 1).min(max.max(1));
    }

    /// The host does not keep up.
    pub(crate) fn congested(&mut self) {
        if self.settling == 0 {
            self.limit = (self.limit / 2).max(1);
            self.settling = self.in_flight;
        }
    }

    /// Sets the circuit. A host that was throttled is reopened by a ramp.
    pub(crate) fn set_circuit(&mut self, circuit: HostCircuit, max: usize) {
        let was_throttled = matches!(self.circuit, HostCircuit::Open { half_open_after: true, .. });
        self.circuit = circuit;
        match circuit {
            HostCircuit::Closed if was_throttled => (self.ramp, self.limit) = (Some(Ramp::FIRST), first_limit(max)),
            HostCircuit::Closed => {}
            HostCircuit::Open { .. } => self.ramp = None,
        }
    }

    /// Nothing is known that is worth keeping.
    pub(crate) fn is_idle(&self, max: usize) -> bool {
        self.in_flight == 0 && !self.is_slow(max) && self.circuit == HostCircuit::Closed
    }
}

fn requests(ramp: Ramp) -> usize {
    usize::try_from(ramp.permits()).unwrap_or(usize::MAX)
}

fn first_limit(max: usize) -> usize {
    FIRST_LIMIT.min(max.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64;

    /// Starts what may start; how many that were.
    fn fill(limiter: &mut HostLimiter) -> usize {
        let mut started = 0;
        while limiter.admits(0) {
            limiter.started();
            started += 1;
        }
        started
    }

    fn finish(limiter: &mut HostLimiter, count: usize, outcome: impl Fn(&mut HostLimiter)) {
        for _ in 0..count {
            outcome(limiter);
            limiter.finished(MAX);
        }
    }

    #[test]
    fn an_unknown_host_starts_low_and_grows_by_one_with_every_success_up_to_the_maximum() {
        let mut limiter = HostLimiter::new(MAX);
        for expected in [16, 32, 64, 64] {
            let started = fill(&mut limiter);
            assert_eq!(started, expected);
            finish(&mut limiter, started, |limiter| limiter.succeeded(MAX));
        }
        assert!(limiter.is_idle(MAX));
        assert_eq!(fill(&mut HostLimiter::new(4)), 4, "the maximum is lower");
        assert_eq!(fill(&mut HostLimiter::new(0)), 1, "never nothing");
    }

    #[test]
    fn a_host_that_does_not_keep_up_is_slow_until_it_has_grown_again() {
        let mut limiter = HostLimiter::new(MAX);
        for expected in [16, 8, 4, 2, 1, 1] {
            let started = fill(&mut limiter);
            assert_eq!(started, expected, "halved once for each round");
            finish(&mut limiter, started, HostLimiter::congested);
        }
        assert!(limiter.is_slow(MAX) && !limiter.is_idle(MAX));
        for _ in 0..15 {
            assert!(limiter.is_slow(MAX));
            limiter.succeeded(MAX);
        }
        assert!(!limiter.is_slow(MAX) && limiter.is_idle(MAX));
    }

    #[test]
    fn a_mixed_round_halves_once_and_grows_with_its_successes() {
        let mut limiter = HostLimiter::new(MAX);
        assert_eq!(fill(&mut limiter), 16);
        finish(&mut limiter, 4, HostLimiter::congested);
        finish(&mut limiter, 12, |_| ());
        assert_eq!(fill(&mut limiter), 8);
        finish(&mut limiter, 1, |limiter| limiter.succeeded(MAX));
        finish(&mut limiter, 7, |_| ());
        assert_eq!(fill(&mut limiter), 9);
    }

    #[test]
    fn a_half_open_circuit_admits_one_at_a_time_and_reopens_at_one() {
        let mut limiter = HostLimiter::new(MAX);
        limiter.set_circuit(HostCircuit::Open { until: 10, half_open_after: true }, MAX);
        assert!(!limiter.admits(9) && limiter.admits(10) && !limiter.is_idle(MAX));
        assert_eq!((limiter.circuit().open_until(9), limiter.circuit().open_until(10)), (Some(10), None));
        limiter.started();
        assert!(!limiter.admits(10), "one at a time");
        limiter.finished(MAX);
        assert!(limiter.admits(10), "the first one was no probe: it had expired");
        limiter.set_circuit(HostCircuit::Closed, MAX);
        for expected in [1, 2, 4, 8, 16, 32, 64, 64] {
            let started = fill(&mut limiter);
            assert_eq!(started, expected, "doubling");
            assert_eq!(limiter.is_slow(MAX), expected < 16);
            finish(&mut limiter, started, |limiter| limiter.succeeded(MAX));
        }
    }

    #[test]
    fn a_round_of_the_ramp_begins_when_the_one_before_has_finished() {
        let mut limiter = HostLimiter::new(MAX);
        limiter.set_circuit(HostCircuit::Open { until: 0, half_open_after: true }, MAX);
        limiter.started();
        limiter.set_circuit(HostCircuit::Closed, MAX);
        assert!(!limiter.admits(0), "the probe is in flight");
        limiter.finished(MAX);
        assert_eq!(fill(&mut limiter), 1);
        limiter.finished(MAX);
        assert_eq!(fill(&mut limiter), 2);
        limiter.finished(MAX);
        assert!(!limiter.admits(0), "one request of the round is in flight");
        limiter.finished(MAX);
        assert_eq!(fill(&mut limiter), 4, "failures end a round too: ten of them throttle the host");
        limiter.set_circuit(HostCircuit::Open { until: 10, half_open_after: true }, MAX);
        for _ in 0..4 {
            limiter.finished(MAX);
        }
        limiter.set_circuit(HostCircuit::Closed, MAX);
        assert_eq!(fill(&mut limiter), 1, "it begins anew");
    }

    #[test]
    fn a_held_host_needs_no_probe_afterwards() {
        let mut held = HostLimiter::new(2);
        held.set_circuit(HostCircuit::Open { until: 10, half_open_after: false }, 2);
        assert!(!held.admits(9));
        assert!(held.admits(10) && held.circuit() == HostCircuit::Closed);
        held.started();
        assert!(held.admits(10));
    }
}
